"""The name under which an import is saved."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from lora_tui.screens.dialog import Dialog, key_hint, line_input
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.actions.imports import ReadImport

_KEYS = ("enter: save and open", "dialog.cancel")


class SaveImportDialog(Dialog[Path | None]):
    """Dismissed with the settings file that was written, or None.

    Args:
        read: what is saved.
        save: writes it under a name and returns the settings file; called in a worker thread.
    """

    DEFAULT_CSS = """
    SaveImportDialog {
        & > Vertical { width: 76; }
        & #story { color: $muted; }
        & Input { margin-top: 1; }
        & #error { margin-top: 1; }
    }
    """

    ENTER_ACTS = True

    class Written(Message):
        """The files are written, or could not be."""

        def __init__(self, path: Path | None, error: LoraTuiError | None = None) -> None:
            """Carry the settings file, or what is wrong."""
            super().__init__()
            self.path = path
            self.error = error

    def __init__(self, read: "ReadImport", save: Callable[[str], Path]) -> None:
        super().__init__()
        self._import = read
        self._save = save
        self._busy = False

    def compose(self) -> ComposeResult:
        """Yield the line for the name, and what would be written."""
        with Vertical():
            yield Static(Content.styled("Save as settings", "bold"))
            yield Static("", id="story")
            line = line_input("name", "name of the settings file, without .toml")
            line.value = printable(self._import.name)
            yield line
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *_KEYS)), id="keys")

    def on_mount(self) -> None:
        """Offer the name."""
        line = self.query_one(Input)
        line.focus()
        line.cursor_position = len(line.value)

    @on(Input.Changed)
    def _tell(self, event: Input.Changed) -> None:
        event.stop()
        name = printable(_stem(event.value), 60) or "NAME"
        subject = printable(self._import.subject, 60)
        files = f"writes {name}.toml" + (f" and subjects/{subject}.toml, which names its pictures" if subject else "")
        self.query_one("#story", Static).update(Content(files))
        self.show_error(None)

    @on(Input.Submitted)
    def _save_now(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._busy:
            self._busy = True
            name = _stem(event.value)
            self.start_work(
                "saving the settings",
                lambda: self.Written(self._save(name)),
                lambda broken: self.Written(None, as_error("import", broken)),
            )

    @on(Written)
    def _close(self, event: Written) -> None:
        event.stop()
        self._busy = False
        if event.path is not None:
            self.dismiss(event.path)
        else:
            self.show_error(event.error)
            self.query_one("#keys", Static).update(Content(key_hint(self, *_KEYS)))


def _stem(text: str) -> str:
    return text.strip().removesuffix(".toml").strip()
