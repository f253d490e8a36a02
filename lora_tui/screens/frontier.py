"""The frontier of a subject's bakes: minutes of training against each measure and judgement, and where more time stopped paying."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ReadDialog, key_hint
from lora_tui.wording.state_symbols import FAILED
from lora_tui.wording.unexpected import as_error
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.advice.frontier import Frontier
    from trainer.errors import LoraTuiError

_READING = "reading the bakes …"


class FrontierDialog(ReadDialog[None]):
    """Minutes against what was measured and judged.

    Args:
        read: reads it; called in a thread.
    """

    DEFAULT_CSS = """
    FrontierDialog {
        & > VerticalScroll { width: 112; }
        & #frontier { height: auto; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("frontier")

    class Ready(Message):
        """It is read, or could not be."""

        def __init__(self, found: "Frontier | None", error: "LoraTuiError | None" = None) -> None:
            """Carry it; `error` says why there is none."""
            super().__init__()
            self.found, self.error = found, error

    def __init__(self, read: "Callable[[], Frontier]") -> None:
        super().__init__()
        self._read = read

    def compose(self) -> ComposeResult:
        """Yield the text and the keys."""
        with VerticalScroll():
            yield Static(Content.styled(_READING, "$muted"), id="frontier")
            yield Static(Content(key_hint(self, "read.down read.up=scroll", "read.close")), id="keys")

    def on_mount(self) -> None:
        """Start reading."""
        self._read_it()

    @on(Ready)
    def _show(self, event: Ready) -> None:
        event.stop()
        from trainer.advice.frontier import frontier_lines

        shown = self.query_one("#frontier", Static)
        if event.found is None:
            line = event.error.line() if event.error is not None else ""
            shown.update(Content.assemble((f"{FAILED.mark} {printable(line)}", "$error")))
            return
        first, *rest = frontier_lines(event.found)
        titles = {f"{curve.title}: {curve.words}" for curve in event.found.curves}
        lines = [Content.styled(line, "$primary") if line in titles else Content(line) for line in rest]
        shown.update(Content("\n").join([Content.styled(first, "bold"), *lines]))

    @work(thread=True, exit_on_error=False, group="frontier", exclusive=True)
    def _read_it(self) -> None:
        try:
            answer = self.Ready(self._read())
        except Exception as broken:
            # A fault of ours is worth a line here, and never the end of the program.
            answer = self.Ready(None, as_error("frontier", broken))
        self.post_message(answer)
