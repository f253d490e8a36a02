"""Settings about to change, each with its reason, to be accepted or left."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ReadDialog, key_hint
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.actions.parity import TakenOver


class ChangesDialog(ReadDialog[bool]):
    """Shows what would change; dismissed with True where that is accepted.

    Args:
        heading: what would be done.
        taken: the changes.
    """

    DEFAULT_CSS = """
    ChangesDialog {
        & > VerticalScroll { width: 92; }
        & .change { margin-top: 1; }
        & .why { padding-left: 2; color: $muted; }
        & #notes { margin-top: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("changes")
    ENTER_ACTS = True

    def __init__(self, heading: str, taken: "TakenOver") -> None:
        super().__init__()
        self._heading = heading
        self._taken = taken

    def compose(self) -> ComposeResult:
        """Yield each change with its reason."""
        with VerticalScroll():
            yield Static(Content.styled(self._heading, "bold"))
            yield Static(Content.styled(_count(len(self._taken.lines)), "$muted"))
            for line in self._taken.lines:
                words = Content.assemble(
                    (f"{line.name}  ", "$primary"),
                    printable(line.before),
                    (" → ", "$muted"),
                    (printable(line.after), "bold"),
                )
                yield Static(words, classes="change")
                if line.why:
                    yield Static(Content(printable(line.why)), classes="why")
            if self._taken.notes:
                yield Static(Content("\n").join(Content(printable(note)) for note in self._taken.notes), id="notes")
            keys = ("changes.apply", "read.down read.up=scroll", "read.close=cancel")
            yield Static(Content(key_hint(self, *keys)), id="keys")

    def action_apply(self) -> None:
        """Accept the changes."""
        self.dismiss(True)


def _count(number: int) -> str:
    return f"{plural(number, 'setting')} would change; nothing is saved before you save"
