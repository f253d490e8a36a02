"""The settings files of the workspace, to open one."""

from collections.abc import Sequence
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.screens.dialog import ListDialog, key_hint
from trainer.text import printable


class OpenDialog(ListDialog[Path | None]):
    """A list of files; dismissed with the one picked, or None."""

    DEFAULT_CSS = """
    OpenDialog {
        & > Vertical { width: 60; }
        & OptionList { max-height: 14; }
    }
    """

    def __init__(self, files: Sequence[Path], current: Path | None) -> None:
        """Offer `files`; `current` is marked."""
        super().__init__()
        self._files = tuple(files)
        self._current = current

    def compose(self) -> ComposeResult:
        """Yield the list."""
        with Vertical():
            yield Static(Content.styled("Open settings", "bold"))
            options = OptionList(*(Option(Content(printable(path.name))) for path in self._files), compact=True)
            if self._current in self._files:
                options.highlighted = self._files.index(self._current)
            yield options
            yield Static(Content(key_hint(self, "enter: open", "dialog.cancel")), id="keys")

    @on(OptionList.OptionSelected)
    def _pick(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._files[event.option_index])
