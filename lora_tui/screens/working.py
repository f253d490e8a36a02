"""Work that takes longer than a moment, shown with how far it is until it ends or is cancelled."""

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from lora_tui.actions.long_job import LongJob
from lora_tui.screens.dialog import Dialog, key_hint
from lora_tui.wording.bars import bar
from lora_tui.wording.work_progress import progress_line
from trainer.long_work import WorkProgress
from trainer.text import duration, printable

_LOOK_SECONDS = 0.2
_BAR = 40


class WorkingDialog(Dialog[None]):
    """Shows a job; escape asks it to end, and the dialog closes when it has.

    Args:
        job: runs already.
    """

    DEFAULT_CSS = """
    WorkingDialog {
        & > Vertical { width: 60; }
        & #progress { margin-top: 1; height: 2; }
    }
    """

    WAITS: ClassVar[bool] = True
    """Keys are for the dialog while the job that they wait for goes on."""

    def __init__(self, job: LongJob) -> None:
        super().__init__()
        self._shown_job = job
        self._began = time.monotonic()

    def compose(self) -> ComposeResult:
        """Yield what is done, how far it is, and the key."""
        with Vertical():
            yield Static(Content.styled(printable(self._shown_job.words, 60), "bold"))
            yield Static("", id="progress")
            yield Static(Content(self.keys), id="keys")

    @property
    def keys(self) -> str:
        """The keys, in a line."""
        return key_hint(self, "dialog.cancel")

    def on_mount(self) -> None:
        """Close with the job."""
        self._shown_job.closer = self._close
        if self._shown_job.ended.is_set():
            self._close()
            return
        self.set_interval(_LOOK_SECONDS, self._show)
        self._show()

    def action_leave(self) -> None:
        """Ask the job to end."""
        self._shown_job.stop()
        self.query_one("#keys", Static).update(Content("ending …"))

    def acts_on(self, key: str) -> bool:
        """Return whether `key` ends something: escape, which nobody means who has not seen the dialog."""
        return key == "escape"

    def _show(self) -> None:
        if self._shown_job.ended.is_set():
            # Its screen is gone, and nobody else closes this.
            self.set_timer(_LOOK_SECONDS, self._close)
        seconds = time.monotonic() - self._began
        self.query_one("#progress", Static).update(progress_lines(self._shown_job.progress, seconds))

    def _close(self) -> None:
        if self.is_current:
            self.dismiss(None)


def progress_lines(progress: WorkProgress, seconds: float) -> Content:
    """Return how far work is on two lines: what is done of how much, and a bar with the time that it has taken."""
    first = Content(progress_line(progress)).truncate(56, ellipsis=True)
    taken = Content.styled(f"  {duration(seconds)}", "$muted")
    if not progress.total:
        return Content("\n").join([first, taken])
    share = min(1.0, progress.done / progress.total)
    return Content("\n").join([first, Content.assemble(bar(share, _BAR, "$primary"), taken)])
