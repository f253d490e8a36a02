"""A thread that answers the latest request, once no other has come for a moment; requests overtaken by it are dropped."""

import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from textual.message import Message

Question = TypeVar("Question")


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
            self.answer(*asked)

    @abstractmethod
    def answer(self, number: int, question: Question) -> None:
        """Compute and post the answer to request `number`; errors are posted too, never raised."""

    @property
    def stale(self) -> bool:
        """Whether the answer in progress is no longer wanted."""
        with self._changed:
            return self._question is not None or self._ended

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
