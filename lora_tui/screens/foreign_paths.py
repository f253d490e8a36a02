"""The places of another computer's folders on this one."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from lora_tui.screens.dialog import FieldsDialog, key_hint, line_input
from lora_tui.terminal.key_queue import AWAITED
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError, SettingsError
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.actions.imports import ReadImport

_ONE = "This folder is of another computer. Where is it on this one? A blank leaves it as it is; the answer is kept."
_SEVERAL = "These folders are of another computer. Where are they on this one? A blank leaves one as it is; the answers are kept."
_KEYS_OF_ONE = ("enter: use it", "dialog.cancel=not now")
_KEYS = ("enter on the last line: use these", "dialog.cancel=not now")


class ForeignPathsDialog(FieldsDialog["ReadImport | None"]):
    """Asks for the folder that takes the place of each prefix; dismissed with the import that has them, or None.

    Args:
        prefixes: to ask for.
        remap: reads the import again with folders (prefix -> folder); called in a worker thread.
    """

    DEFAULT_CSS = """
    ForeignPathsDialog {
        & > Vertical { width: 84; overflow-y: auto; }
        & #what { color: $muted; }
        & .label { margin-top: 1; }
        & #error { margin-top: 1; }
    }
    """

    class Remapped(Message):
        """The import was read again with the folders, or could not be."""

        def __init__(self, read: "ReadImport | None", error: LoraTuiError | None = None) -> None:
            """Carry what was read, or what is wrong."""
            super().__init__()
            self.read = read
            self.error = error

    def __init__(self, prefixes: Sequence[str], remap: "Callable[[Mapping[str, str]], ReadImport]") -> None:
        super().__init__()
        self._prefixes = tuple(prefixes)
        self._remap = remap

    def compose(self) -> ComposeResult:
        """Yield a line for each prefix."""
        with Vertical():
            yield Static(Content.styled("Folders of another computer", "bold"))
            yield Static(Content(_SEVERAL if self._is_long else _ONE), id="what")
            for place, prefix in enumerate(self._prefixes):
                yield Static(Content(printable(prefix, 76)), classes="label")
                yield line_input(f"folder-{place}", "its folder here")
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *(_KEYS if self._is_long else _KEYS_OF_ONE))), id="keys")

    @property
    def _is_long(self) -> bool:
        return len(self._prefixes) > 1

    @on(Input.Submitted)
    def _next_or_take(self, event: Input.Submitted) -> None:
        event.stop()
        lines = list(self.query(Input))
        if event.input is not lines[-1]:
            self.focus_next()
            return
        given = {
            prefix: text for prefix, line in zip(self._prefixes, lines, strict=True) if (text := line.value.strip())
        }
        for prefix, folder in given.items():
            if not folder.startswith(("/", "~")):
                self._refuse(
                    SettingsError(printable(prefix), found=printable(folder, 80), expected="a folder, from / or ~ on")
                )
                return
        if given:
            self._read_again(given)
        else:
            self.dismiss(None)

    @work(thread=True, exit_on_error=False, group=AWAITED)
    def _read_again(self, folders: "Mapping[str, str]") -> None:
        try:
            answer = self.Remapped(self._remap(folders))
        except Exception as broken:
            answer = self.Remapped(None, as_error("import", broken))
        self.post_message(answer)

    @on(Remapped)
    def _take(self, event: Remapped) -> None:
        event.stop()
        if event.read is not None:
            self.dismiss(event.read)
        elif event.error is not None:
            self._refuse(event.error)

    def _refuse(self, error: LoraTuiError) -> None:
        """Show what is wrong, with the cursor on the line that it is about."""
        self.show_error(error)
        for place, prefix in enumerate(self._prefixes):
            if error.where == printable(prefix):
                self.query_one(f"#folder-{place}", Input).focus()
