"""Twins of the bake shown: which random numbers are other ones, and how many bakes."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from lora_tui.actions.twin import ALL, QueuedTwins, TwinRequest
from lora_tui.screens.dialog import FieldsDialog, key_hint, line_input
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.settings.random_numbers import RANDOM_SOURCES
from trainer.text import printable

_KEYS = ("enter on the last line: queue", "dialog.cancel")
_READING = "comparing base and pictures …"
_STORY = (
    "The same bake with other random numbers. How much twins differ is the noise that every comparison with this bake is held against; "
    "it is refused where base or pictures have changed."
)
_DIGITS = 3


class TwinDialog(FieldsDialog["QueuedTwins | None"]):
    """Dismissed with the twins, which are queued, or None.

    Args:
        request: of which bake.
        heading: names the bake.
    """

    DEFAULT_CSS = """
    TwinDialog {
        & > Vertical { width: 76; overflow-y: auto; }
        & #story, #choices { color: $muted; }
        & Input { margin-top: 1; }
    }
    """

    ENTER_ACTS = True

    class Queued(Message):
        """The twins wait in the queue."""

        def __init__(self, twins: QueuedTwins) -> None:
            super().__init__()
            self.twins = twins

    class Refused(Message):
        """Something is wrong; nothing was written."""

        def __init__(self, error: LoraTuiError) -> None:
            """Carry what is wrong."""
            super().__init__()
            self.error = error

    def __init__(self, request: TwinRequest, heading: str) -> None:
        super().__init__()
        self._request, self._heading = request, heading
        self._busy = False

    def compose(self) -> ComposeResult:
        """Yield what twins are for, and the two lines."""
        choices = [
            source if source == record.words else f"{source} ({record.words})"
            for source, record in RANDOM_SOURCES.items()
        ]
        with Vertical():
            yield Static(Content.styled(printable(self._heading), "bold"))
            yield Static(Content(_STORY), id="story")
            yield line_input("vary", f"what varies (blank: {ALL})", restrict=r"[a-zA-Z]*", max_length=8)
            yield Static(Content(f"{', '.join(choices)}, all, or none for an exact repeat"), id="choices")
            yield line_input("count", "how many twins (blank: 1)", restrict=r"[0-9]*", max_length=_DIGITS)
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *_KEYS)), id="keys")

    @on(Input.Submitted)
    def _next_or_queue(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "vary":
            self.focus_next()
        elif not self._busy:
            self._busy = True
            self.show_error(None)
            vary, count = self.query_one("#vary", Input).value, int(event.value or 1)
            self.start_work(
                _READING,
                lambda: self.Queued(self._request.queue(vary, count)),
                lambda error: self.Refused(as_error("twin", error)),
            )

    @on(Queued)
    def _close(self, event: Queued) -> None:
        self.dismiss(event.twins)

    @on(Refused)
    def _refuse(self, event: Refused) -> None:
        self._busy = False
        self.query_one("#keys", Static).update(Content(key_hint(self, *_KEYS)))
        self.show_error(event.error)
        self.query_one("#vary", Input).focus()
