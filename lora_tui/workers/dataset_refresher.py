"""A thread that brings the index of the data up to date behind the Dataset screen."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from lora_tui.workers.dataset_source import DatasetSource
from lora_tui.workers.latest_request import LatestRequest
from trainer.errors import LoraTuiError
from trainer.long_work import WorkStopped
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.data_index.record import IndexRefresh

_QUIET_SECONDS = 0.05
# Between two reports of how far it is: a line that moves oftener is no easier to read.
_REPORT_SECONDS = 0.2
# Where the screen was left and opened again, the look of before is still ending, and has the index.
_ONE_LOOK = threading.Lock()


@dataclass
class RefreshProgress(Message):
    """How far the look at the folders is."""

    stage: str
    done: int
    total: int

    def can_replace(self, message: Message) -> bool:
        """Take the place of an older one."""
        return isinstance(message, RefreshProgress)


@dataclass
class Refreshed(Message):
    """The index is up to date, or why it is not.

    Attributes:
        number: of the look that was asked for.
        result: what has changed; None where it failed.
        error: why.
    """

    number: int
    result: "IndexRefresh | None"
    error: LoraTuiError | None = None


class DatasetRefresher(LatestRequest[DatasetSource]):
    """Looks for what has changed in the folders of a source; a newer request ends the look in progress.

    Args:
        workspace: whose index.
        post: `post_message` of the screen.
    """

    def __init__(self, workspace: Workspace, post: Callable[[Message], object]) -> None:
        super().__init__("data set look", post, _QUIET_SECONDS)
        self._workspace = workspace

    def answer(self, number: int, question: DatasetSource) -> None:
        """Look, and post how far it is and what was found."""
        try:
            self.post_answer(Refreshed(number, self._refreshed(question)))
        except WorkStopped:
            raise
        except Exception as error:
            # Whatever is wrong with folders, what is known of them can be looked at.
            self.post_answer(Refreshed(number, None, as_error("data set", error)))

    def _refreshed(self, source: DatasetSource) -> "IndexRefresh":
        from trainer.data_index.index import DataIndex
        from trainer.jobs.data_index import tokens_of_base

        reported = 0.0

        def show(stage: str, done: int, total: int) -> None:
            nonlocal reported
            now = time.monotonic()
            if now - reported >= _REPORT_SECONDS:
                reported = now
                self.post_answer(RefreshProgress(stage, done, total))

        settings = source.resolved()
        with _ONE_LOOK, DataIndex(self._workspace) as index:
            return index.refresh(settings, tokens=tokens_of_base(settings), show=show, stop=self.dropped)
