"""A thread that answers the latest request, once no other has come for a moment; requests overtaken by it are dropped."""

import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from textual.message import Message

from lora_tui.workers.foreground import FOREGROUND
from trainer.long_work import WorkStopped, watched
from trainer.machine.garbage import seldom_whole_searches

Question = TypeVar("Question")

# What is done within this holds up no key that anybody notices; a plan that follows what is typed is made at once.
_SHORT_SECONDS = 0.5


class LatestRequest(threading.Thread, Generic[Question]):
    """Waits for requests and answers the latest one.

    Args:
        name: of the thread.
        post: `post_message` of the screen.
        quiet: seconds without a new request before work starts, so that not every key typed starts it.
    """

    def __init__(self, name: str, post: Callable[[Message], object], quiet: float) -> None:
        super().__init__(name=name, daemon=True)
        self.quiet = quiet
        self._post = post
        self._changed = threading.Condition()
        self._question: tuple[int, Question] | None = None
        self._asked = 0
        self._ended = False
        self._began = 0.0

    def put(self, question: Question) -> int:
        """Ask, and return the question's number."""
        with self._changed:
            self._asked += 1
            self._question = (self._asked, question)
            self._changed.notify()
            return self._asked

    def stop(self) -> None:
        """End after the answer in progress; does not wait."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def run(self) -> None:
        """Answer until stopped."""
        while (asked := self._next()) is not None:
            self._began = time.monotonic()
            try:
                with watched(None, self.interrupted), seldom_whole_searches():
                    self.answer(*asked)
            except WorkStopped:
                # Nobody wants the answer any more.
                continue

    @abstractmethod
    def answer(self, number: int, question: Question) -> None:
        """Compute and post the answer to request `number`; errors are posted too, never raised, but for WorkStopped."""

    @property
    def stale(self) -> bool:
        """Whether the answer in progress is no longer wanted."""
        with self._changed:
            return self._question is not None or self._ended

    def interrupted(self) -> bool:
        """Let what the user waits for go first, once the work has become long; return whether it is to end for good.

        Asked at every step of the work in progress: by `long_work` in this thread, and in threads that it has started.
        """
        if time.monotonic() - self._began > _SHORT_SECONDS:
            FOREGROUND.give_way()
        return self._ended

    def dropped(self) -> bool:
        """Do as `interrupted`; return whether the answer is no longer wanted, as a newer question has come."""
        return self.interrupted() or self.stale

    def overtaken(self, seconds: float) -> bool:
        """Wait so long for another question; return whether one came, or the end."""
        with self._changed:
            return self._changed.wait_for(lambda: self._question is not None or self._ended, seconds)

    def post_answer(self, message: Message) -> None:
        """Post an answer, unless it is stale."""
        if not self.stale:
            self._post(message)

    def _next(self) -> tuple[int, Question] | None:
        with self._changed:
            while self._question is None and not self._ended:
                self._changed.wait()
            while not self._ended and self._changed.wait(self.quiet):
                continue
            question, self._question = self._question, None
            return None if self._ended else question
