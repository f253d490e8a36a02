"""The note for a bake: one line for the journal, asked before it starts."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from lora_tui.screens.dialog import Dialog, key_hint, line_input


class BakeNoteDialog(Dialog[str | None]):
    """Dismissed with the line, which may be empty, or with None to cancel."""

    DEFAULT_CSS = """
    BakeNoteDialog {
        & > Vertical { width: 76; }
        & #story { color: $muted; }
        & Input { margin-top: 1; }
    }
    """

    def __init__(self, heading: str, story: str) -> None:
        """Ask under `heading`; `story` describes the bake."""
        super().__init__()
        self._heading = heading
        self._story = story

    def compose(self) -> ComposeResult:
        """Yield what will be baked, and the line to type in."""
        with Vertical():
            yield Static(Content.styled(self._heading, "bold"))
            yield Static(Content(self._story), id="story")
            yield line_input("why", "note for this bake (optional)")
            yield Static(Content(key_hint(self, "enter: start", "dialog.cancel")), id="keys")

    @on(Input.Submitted)
    def _start(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip())
