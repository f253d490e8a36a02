"""What a ladder would take while it is typed, worked out in a thread of its own."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from lora_tui.workers.latest_request import LatestRequest
from trainer.errors import LoraTuiError

if TYPE_CHECKING:
    from trainer.ladders.to_queue import LadderToQueue

    Preview = Callable[[], LadderToQueue]

_QUIET_SECONDS = 0.25


class LadderPlanned(Message):
    """The answer to one request: a ladder that can be queued, or the first thing found wrong."""

    def __init__(self, question: int, ready: "LadderToQueue | None", error: LoraTuiError | None) -> None:
        super().__init__()
        self.question = question
        self.ready = ready
        self.error = error

    def can_replace(self, message: Message) -> bool:
        """Take the place of an answer to an older question."""
        return isinstance(message, LadderPlanned)


class LadderPlanner(LatestRequest["Preview"]):
    """Answers what the ladder asked about would be.

    Args:
        post: `post_message` of the dialog.
        quiet: seconds without a new question before work begins.
    """

    def __init__(self, post: Callable[[Message], object], quiet: float = _QUIET_SECONDS) -> None:
        super().__init__("ladder planner", post, quiet)

    def ask(self, preview: "Preview") -> int:
        """Ask for what `preview` returns, which is called in the thread; return the question's number."""
        return self.put(preview)

    def answer(self, number: int, question: "Preview") -> None:
        """Post the ladder, or what is wrong with it."""
        try:
            ready, error = question(), None
        except Exception as broken:
            # A fault of ours must be read, not end the thread that would say so.
            ready, error = None, as_error("ladder", broken)
        self.post_answer(LadderPlanned(number, ready, error))
