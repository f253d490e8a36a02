"""The source of an import: the path of a file, or a paste."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import Dialog, key_hint
from lora_tui.widgets.source_line import SourceLine
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.actions.imports import ReadImport

_WHAT = (
    "Settings of sd-scripts, kohya_ss, Easy Training Scripts, the PowerShell scripts, sd_dreambooth_extension, "
    "OneTrainer, ai-toolkit or diffusion-pipe, a command line, or a LoRA file, whose metadata tell how it was made."
)
_HINT = "path of a file, or paste its text here"
_KEYS = ("enter: read it", "paste: read what is pasted", "source.again", "dialog.cancel")
_READING = "reading …"
_SHOWN_LINES = 4


class ImportDialog(Dialog["ReadImport | None"]):
    """Dismissed with what was read, or None.

    Args:
        read: reads what was typed or pasted; called in a worker thread.
        given: what to read at once, "" to ask first.
        again: returns what was read last, with a name that is still free; called in a worker thread. None: nothing was.
    """

    DEFAULT_CSS = """
    ImportDialog {
        & > Vertical { width: 84; }
        & #what { color: $muted; }
        & SourceLine { margin-top: 1; }
        & SourceLine:focus { background: $surface; }
        & #paste { margin-top: 1; color: $muted; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
        & #paste.-shown { display: block; }
        & #error { margin-top: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("source")

    class ImportRead(Message):
        """What was given is read, or could not be."""

        def __init__(self, number: int, read: "ReadImport | None", error: LoraTuiError | None = None) -> None:
            """Carry what was read of the source with this number, or what is wrong with it."""
            super().__init__()
            self.number = number
            self.read = read
            self.error = error

    def __init__(
        self, read: "Callable[[str], ReadImport]", given: str = "", again: "Callable[[], ReadImport] | None" = None
    ) -> None:
        super().__init__()
        self._read = read
        self._given = given
        self._again = again
        self._number = 0

    def compose(self) -> ComposeResult:
        """Yield the line, and room for the paste and for an error."""
        with Vertical():
            yield Static(Content.styled("Import settings", "bold"))
            yield Static(Content(_WHAT), id="what")
            yield SourceLine(id="source", hint=_HINT)
            yield Static("", id="paste")
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *_KEYS)), id="keys")

    def on_mount(self) -> None:
        """Read what is given already."""
        line = self.query_one(SourceLine)
        line.focus()
        if self._given:
            line.value = self._given
            self._read_now(self._given)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether there is a report to go back to."""
        return action != "again" or self._again is not None

    def action_again(self) -> None:
        """Go back to the report of what was read last."""
        if self._again is not None:
            self._start(self._again)

    @on(SourceLine.Given)
    def _take(self, event: SourceLine.Given) -> None:
        event.stop()
        self._read_now(event.text)

    def _read_now(self, text: str) -> None:
        self._show_paste(text)
        self._start(lambda: self._read(text))

    def _start(self, read: "Callable[[], ReadImport]") -> None:
        self._number += 1
        number = self._number
        self.show_error(None)
        self.start_work(
            _READING,
            lambda: self.ImportRead(number, read()),
            lambda broken: self.ImportRead(number, None, as_error("import", broken)),
            group="importing",
            writes=False,
        )

    @on(ImportRead)
    def _show(self, event: ImportRead) -> None:
        event.stop()
        if event.number != self._number:
            # Something else was given meanwhile.
            return
        if event.read is not None:
            self.dismiss(event.read)
            return
        self.show_error(event.error)
        self.query_one("#keys", Static).update(Content(key_hint(self, *_KEYS)))

    def _show_paste(self, text: str) -> None:
        """Show how a paste begins; nothing of a line that stands in the line above."""
        lines = [line.rstrip() for line in text.strip().splitlines()]
        shown = self.query_one("#paste", Static)
        is_paste = text.strip() != self.query_one(SourceLine).value.strip()
        shown.set_class(is_paste, "-shown")
        if is_paste:
            self.query_one(SourceLine).value = ""
            head = [printable(line, 200) for line in lines[:_SHOWN_LINES]]
            more = [f"… {plural(len(lines) - _SHOWN_LINES, 'more line')}"] if len(lines) > _SHOWN_LINES else []
            shown.update(Content("\n").join(map(Content, [*head, *more])))
