"""The places of another computer's folders on this one."""

from collections.abc import Mapping, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from lora_tui.screens.dialog import FieldsDialog, key_hint, line_input
from trainer.errors import SettingsError
from trainer.text import printable

_WHAT = (
    "These folders are of another computer. Where are they on this one? A blank stays as it is; the answers are kept."
)
_KEYS = ("enter on the last line: use these", "dialog.cancel=not now")


class ForeignPathsDialog(FieldsDialog[Mapping[str, str] | None]):
    """Asks for the folder that takes the place of each prefix; dismissed with those given, or None."""

    DEFAULT_CSS = """
    ForeignPathsDialog {
        & > Vertical { width: 84; overflow-y: auto; }
        & #what { color: $muted; }
        & .label { margin-top: 1; }
        & #error { margin-top: 1; }
    }
    """

    def __init__(self, prefixes: Sequence[str]) -> None:
        """Ask for each of `prefixes`."""
        super().__init__()
        self._prefixes = tuple(prefixes)

    def compose(self) -> ComposeResult:
        """Yield a line for each prefix."""
        with Vertical():
            yield Static(Content.styled("Folders of another computer", "bold"))
            yield Static(Content(_WHAT), id="what")
            for place, prefix in enumerate(self._prefixes):
                yield Static(Content(printable(prefix, 76)), classes="label")
                yield line_input(f"folder-{place}", "its folder here")
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *_KEYS)), id="keys")

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
        for place, (prefix, line) in enumerate(zip(self._prefixes, lines, strict=True)):
            if not given.get(prefix, "/").startswith(("/", "~")):
                self.show_error(
                    SettingsError(
                        printable(prefix), found=printable(line.value, 80), expected="a folder, from / or ~ on"
                    )
                )
                self.query_one(f"#folder-{place}", Input).focus()
                return
        self.dismiss(given)
