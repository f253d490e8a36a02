"""One piece of work that may take longer than a moment: how far it is, and the wish to end it."""

import threading
from collections.abc import Callable

from textual.message import Message

from trainer.long_work import WorkProgress, WorkStopped, watched

SHOWN_AFTER = 1.0
"""Seconds after which work is shown; what is done by then needs no words."""


class WorkEnded(Message):
    """Work was ended because the user asked for that."""

    def __init__(self, words: str) -> None:
        """Carry what was being done."""
        super().__init__()
        self.words = words


class LongJob:
    """Work in a thread of its own choosing.

    Args:
        words: what it does, as a title: `Writing the report`.
        work: does it and returns its answer; called once.
        refused: returns the answer where it failed.

    Attributes:
        words: the title.
        progress: how far it is; replaced whole, so that any thread may read it.
        ended: set by whoever runs it, once the answer is on its way.
        closer: closes what shows the job; whoever shows it sets that.
    """

    class TakesLong(Message):
        """A job has not ended within SHOWN_AFTER; whoever gets this shows it."""

        def __init__(self, job: "LongJob") -> None:
            """Carry the job."""
            super().__init__()
            self.job = job

    def __init__(self, words: str, work: Callable[[], Message], refused: Callable[[Exception], Message]) -> None:
        self.words = words
        self._work, self._refused = work, refused
        self._stop = threading.Event()
        self.ended = threading.Event()
        self.progress = WorkProgress("")
        self.closer: Callable[[], object] = lambda: None

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.is_set()

    def close(self) -> None:
        """Close what shows the job; in the app's thread, before the answer is handed on."""
        self.closer()

    def stop(self) -> None:
        """Ask it to end as soon as nothing would be left half-made."""
        self._stop.set()

    def answer(self) -> Message:
        """Do the work and return its answer; `WorkEnded` where it was ended."""
        try:
            with watched(self._note, self._stop.is_set):
                return self._work()
        except WorkStopped:
            return WorkEnded(self.words)
        except Exception as error:
            # Whatever a disk or a library raises is worth a line on the screen, never the end of the program.
            return self._refused(error)

    def _note(self, progress: WorkProgress) -> None:
        self.progress = progress
