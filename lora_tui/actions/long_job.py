"""Work that may take longer than a moment, in a thread of its own: how far it is, the wish to end it, and its answer to whoever asked."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from textual.message import Message
from textual.screen import Screen

from lora_tui.terminal.key_queue import AWAITED
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.long_work import WorkProgress, WorkStopped, watched
from trainer.text import printable

Result = TypeVar("Result")

SHOWN_AFTER = 1.0
"""Seconds after which work is shown; what is done by then needs no words."""

Show = Callable[[str, int, int], object]
"""Takes what is being done, how much of it is done, and of how much."""
Stop = Callable[[], bool]


class WorkEnded(Message):
    """Work was ended because the user asked for that."""

    def __init__(self, words: str) -> None:
        """Carry what was being done."""
        super().__init__()
        self.words = words


class JobDone(Message, Generic[Result]):
    """A job has ended; carries its result."""

    def __init__(self, result: Result) -> None:
        """Carry the result."""
        super().__init__()
        self.result = result


class JobFailed(Message):
    """A job has failed; carries why."""

    def __init__(self, error: LoraTuiError) -> None:
        """Carry the error."""
        super().__init__()
        self.error = error


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


def run_job(
    screen: Screen[Any], work: LongJob, end: Callable[[Message], object], *, group: str, is_shown: bool = True
) -> None:
    """Do a job in a thread of a screen; one that takes longer than a moment is shown by the app, where it can be ended.

    Args:
        screen: whose thread it is; says where it was ended.
        work: the job.
        end: takes its answer, in the app's thread, once nothing shows the job any more; not called where it was ended.
        group: of workers; AWAITED where the next key waits for it.
        is_shown: False for one that cannot take long.
    """

    def run() -> None:
        answer = work.answer()
        screen.call_later(hand_on, answer)
        work.ended.set()

    def hand_on(answer: Message) -> None:
        # Before what follows, which may open something.
        work.close()
        if isinstance(answer, WorkEnded):
            screen.notify(printable(f"cancelled: {answer.words}"), timeout=3, markup=False)
        else:
            end(answer)

    def show() -> None:
        if not work.ended.is_set():
            screen.post_message(LongJob.TakesLong(work))

    if is_shown:
        screen.set_timer(SHOWN_AFTER, show)
    screen.run_worker(run, thread=True, exit_on_error=False, group=group, name="long job")


def run_long(
    screen: Screen[Any],
    heading: str,
    job: Callable[[Show, Stop], Result],
    then: Callable[[Result], object],
    fail: Callable[[LoraTuiError], object],
) -> LongJob:
    """Do a job whose result goes to a function, as `run_job`; the next key waits for it. Return it.

    Args:
        screen: whose thread it is.
        heading: what is done.
        job: the job; once its second argument returns True it ends soon.
        then: takes its result, in the app's thread.
        fail: takes what went wrong.
    """

    def do() -> Message:
        def show(stage: str, done: int, total: int) -> None:
            work.progress = WorkProgress(stage, done, total)

        return JobDone(job(show, lambda: work.is_stopping))

    def end(answer: Message) -> None:
        if isinstance(answer, JobDone):
            then(answer.result)
        elif isinstance(answer, JobFailed):
            fail(answer.error)

    work = LongJob(heading, do, lambda error: JobFailed(as_error("screen", error)))
    run_job(screen, work, end, group=AWAITED)
    return work
