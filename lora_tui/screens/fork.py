"""A fork of the bake shown: from which epoch, with which edited settings, and what happens to the rates."""

from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from lora_tui.actions.fork import ForkRequest, Outlook
from lora_tui.screens.dialog import FieldsDialog, key_hint, line_input
from lora_tui.wording.state_symbols import WARNING
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.jobs.fork import ForkedBake

_KEYS = ("enter on the last line: fork", "dialog.cancel")
_READING = "reading the state and the pictures …"
# Not to read the data again at every key.
_QUIET_SECONDS = 0.25
# Settings of another subject differ in everything; the error below the list must stay in view.
MAX_CHANGES = 6


class ForkDialog(FieldsDialog["ForkedBake | None"]):
    """Dismissed with the fork, which is queued, or None.

    Args:
        forking: of which bake, with what.
        heading: names the bake.
        epoch: the epoch that is proposed; None for the newest state.
    """

    DEFAULT_CSS = """
    ForkDialog {
        & > Vertical { width: 76; overflow-y: auto; }
        & #kept { color: $muted; }
        & #outlook { margin-top: 1; }
        & Input { margin-top: 1; }
    }
    """

    ENTER_ACTS = True

    class Previewed(Message):
        """What the fork would be, in answer to one question."""

        def __init__(self, question: int, outlook: Outlook) -> None:
            """Carry the answer to question number `question`."""
            super().__init__()
            self.question = question
            self.outlook = outlook

    class Queued(Message):
        """The fork waits in the queue."""

        def __init__(self, forked: "ForkedBake") -> None:
            super().__init__()
            self.forked = forked

    class Refused(Message):
        """Something is wrong; nothing was written."""

        def __init__(self, error: LoraTuiError) -> None:
            """Carry what is wrong."""
            super().__init__()
            self.error = error

    def __init__(self, forking: ForkRequest, heading: str, epoch: int | None = None) -> None:
        super().__init__()
        self._forking = forking
        self._heading = heading
        self._proposed = epoch
        self._request = 0
        self._typing: Timer | None = None
        self._busy = False

    def compose(self) -> ComposeResult:
        """Yield the two lines, and room for the preview."""
        with Vertical():
            yield Static(Content.styled(self._heading, "bold"))
            yield Static("", id="kept")
            yield line_input("epoch", "epoch to fork from (blank: the newest state)", restrict=r"[0-9]*", max_length=6)
            yield Static("", id="outlook")
            yield line_input("why", "note for this bake (optional)")
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *_KEYS)), id="keys")

    def on_mount(self) -> None:
        """Preview a fork of the epoch proposed, else of the newest state."""
        if self._proposed is not None:
            self.query_one("#epoch", Input).value = str(self._proposed)
        self._request_preview()

    @on(Input.Changed, "#epoch")
    def _request_preview_soon(self, event: Input.Changed) -> None:
        event.stop()
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(_QUIET_SECONDS, self._request_preview)

    def _request_preview(self) -> None:
        self._request += 1
        self.query_one("#outlook", Static).update(Content.styled(_READING, "$muted"))
        self._preview(self._request, self._epoch)

    @work(thread=True, exit_on_error=False, group="looking")
    def _preview(self, question: int, epoch: int | None) -> None:
        self.post_message(self.Previewed(question, self._forking.preview(epoch)))

    @on(Previewed)
    def _show(self, event: Previewed) -> None:
        if event.question != self._request:
            return
        outlook = event.outlook
        kept = ", ".join(map(str, outlook.epochs))
        self.query_one("#kept", Static).update(
            Content(f"saved states: end of epoch {kept}" if kept else "no saved states at the end of an epoch")
        )
        self.query_one("#outlook", Static).update(Content("\n").join(outlook_lines(outlook)))
        self.show_error(outlook.error)

    @on(Input.Submitted)
    def _next_or_make(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "epoch":
            self.focus_next()
        elif not self._busy:
            self._busy = True
            self.show_error(None)
            epoch, why = self._epoch, event.value.strip()
            self.start_work(
                "reading the pictures",
                lambda: self.Queued(self._forking.queue_fork(epoch, why)),
                lambda error: self.Refused(as_error("fork", error)),
            )

    @on(Queued)
    def _close(self, event: Queued) -> None:
        self.dismiss(event.forked)

    @on(Refused)
    def _refuse(self, event: Refused) -> None:
        self._busy = False
        self.query_one("#keys", Static).update(Content(key_hint(self, *_KEYS)))
        self.show_error(event.error)
        self.query_one("#epoch", Input).focus()

    @property
    def _epoch(self) -> int | None:
        text = self.query_one("#epoch", Input).value
        return int(text) if text else None


def outlook_lines(outlook: Outlook) -> list[Content]:
    """Return what a fork would be: where it starts, the edited settings, what happens to the rates."""
    lines = [Content(outlook.start)] if outlook.start else []
    if outlook.changes:
        lines.append(Content.styled("edited settings", "$muted"))
    elif outlook.error is None:
        lines.append(Content.styled("no edited settings", "$muted"))
    lines += [Content(f"  {printable(change)}") for change in outlook.changes[:MAX_CHANGES]]
    if (more := len(outlook.changes) - MAX_CHANGES) > 0:
        lines.append(Content.styled(f"  and {more} more", "$muted"))
    lines += [Content.assemble((f"{WARNING.mark} ", WARNING.colour), printable(note)) for note in outlook.notes]
    return lines
