"""Why this bake? One line for the journal, asked before it starts."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from lora_tui.screens.dialog import Dialog
from lora_tui.widgets.line_input import LineInput


class BakeNoteDialog(Dialog[str | None]):
    """Dismissed with the line, which may be empty, or with None when no bake is wanted after all."""

    DEFAULT_CSS = """
    BakeNoteDialog {
        & > Vertical { width: 76; }
        & Static { height: auto; }
        & #story { color: $muted; }
        & Input { margin-top: 1; border: none; height: 1; padding: 0 1; background: $background; }
        & Input:focus { border: none; }
        & #keys { margin-top: 1; color: $muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "cancel", id="why.cancel", show=False, tooltip="no bake after all"),
    ]

    def __init__(self, heading: str, story: str) -> None:
        """Ask under `heading`; `story` says what the bake will be."""
        super().__init__()
        self._heading = heading
        self._story = story

    def compose(self) -> ComposeResult:
        """Yield what will be baked, and the line to type in."""
        with Vertical():
            yield Static(Content.styled(self._heading, "bold"))
            yield Static(Content(self._story), id="story")
            line = LineInput(placeholder="why this bake? (may stay empty)", id="why", compact=True)
            line.cursor_blink = False
            yield line
            yield Static(Content("enter starts · escape cancels"), id="keys")

    @on(Input.Submitted)
    def _start(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        """Start nothing."""
        self.dismiss(None)
