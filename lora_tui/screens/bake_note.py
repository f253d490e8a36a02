"""The note for a bake: one line for the journal, asked before it starts."""

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from lora_tui.screens.dialog import Dialog, key_hint, line_input
from lora_tui.wording.job_names import kind_of
from trainer.journal.records import Bake
from trainer.text import plural


class BakeNoteDialog(Dialog[str | None]):
    """Dismissed with the line, which may be empty, or with None to cancel."""

    DEFAULT_CSS = """
    BakeNoteDialog {
        & > Vertical { width: 76; }
        & #story { color: $muted; }
        & Input { margin-top: 1; }
    }
    """

    ENTER_ACTS = True

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


def behind_text(ahead: Sequence[Bake]) -> str:
    """Return what a bake that is queued now waits for, "" where it starts at once.

    Args:
        ahead: what is done before it, the first one first.
    """
    if not ahead:
        return ""
    first, others = ahead[0], len(ahead) - 1
    number = first.number if first.grid is None else first.grid
    more = f" and {plural(others, 'more job')}" if others else ""
    return f"will be queued behind {kind_of(first)} {number:04d}{more}"
