"""A new subject: its name, its pictures, its base; the rest is filled in from the data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static

from lora_tui.actions.dialog_field import DialogField
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.screens.dialog import FieldsDialog, key_hint, line_input
from lora_tui.wording.state_symbols import FAILED
from lora_tui.wording.unexpected import as_error
from trainer.errors import DatasetError, LoraTuiError, ModelError
from trainer.text import printable
from trainer.workspace import Workspace

_WHERE_ANSWERS = (Answer("escape", "cancel", ""), Answer("w", "create it in that workspace", "there"))
_KEYS = ("enter on the last line: create", "dialog.cancel")
_FIELDS = (
    DialogField("name", "name", "of the subject and its LoRA files, for example hifumi"),
    DialogField("data", "pictures", "folder with N_name folders, or directly with pictures"),
    DialogField("base", "base model", "SD1.x, SDXL or Anima: .safetensors file, diffusers folder, or demo"),
    DialogField("validation", "validation", "folder with pictures not trained on (optional)"),
)


def offer_new_subject(
    screen: Screen[Any],
    workspace: Workspace,
    started_in: Path | None,
    make: Callable[[str, str, str, str], Path],
    then: Callable[[Path | None], None],
) -> None:
    """Ask for a new subject, then do `then` with its settings file, or None.

    Args:
        screen: the dialogs open over it.
        workspace: what `make` writes into.
        started_in: the folder that lora-tui was started in, where that belongs to no workspace: so the user may not know that
            the workspace is another one, and is asked first.
        make: writes the files.
        then: takes the answer.
    """

    def ask(answer: str | None) -> None:
        if answer:
            screen.app.push_screen(NewSubjectDialog(make, workspace.root.name), then)

    if started_in is None:
        ask("here")
        return
    question = (
        f"The new subject will be part of the workspace {printable(str(workspace.root))}, the last one used.\n\n"
        f"For one in {printable(str(started_in))} quit, and run there: lora-tui new NAME --data PICTURES --base BASE"
    )
    screen.app.push_screen(ConfirmDialog(question, _WHERE_ANSWERS), ask)


class NewSubjectDialog(FieldsDialog[Path | None]):
    """Dismissed with the settings file that was written, or None.

    Args:
        make: writes the files from (name, data, base, validation) and returns the settings file; called in a worker thread.
    """

    DEFAULT_CSS = """
    NewSubjectDialog {
        & > Vertical { width: 76; overflow-y: auto; }
        & .label { margin-top: 1; }
        & .error { color: $error; display: none; }
        & .error.-shown { display: block; }
    }
    """

    ENTER_ACTS = True

    class Created(Message):
        """The files are written."""

        def __init__(self, path: Path) -> None:
            """Carry the settings file."""
            super().__init__()
            self.path = path

    class Refused(Message):
        """Something is wrong; nothing was written."""

        def __init__(self, error: LoraTuiError) -> None:
            """Carry what is wrong."""
            super().__init__()
            self.error = error

    def __init__(self, make: Callable[[str, str, str, str], Path], workspace: str) -> None:
        """Write with `make`; `workspace` names the folder that it writes into."""
        super().__init__()
        self._workspace = workspace
        self._make = make
        self._busy = False

    def compose(self) -> ComposeResult:
        """Yield a label, a line and room for an error for each field."""
        with Vertical():
            yield Static(
                Content.assemble(
                    ("New subject", "bold"), (f"  in workspace {printable(self._workspace, 40)}", "$muted")
                )
            )
            for asked in _FIELDS:
                yield Static(Content(asked.label), classes="label")
                yield line_input(asked.key, asked.hint)
                yield Static("", id=f"{asked.key}-error", classes="error")
            yield Static(Content(key_hint(self, *_KEYS)), id="keys")

    @on(Input.Submitted)
    def _next_or_make(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id != _FIELDS[-1].key:
            self.focus_next()
        elif not self._busy:
            self._busy = True
            for asked in _FIELDS:
                self._show_error(asked.key, "")
            name, data, base, validation = (self.query_one(f"#{asked.key}", Input).value.strip() for asked in _FIELDS)
            self.start_work(
                "reading the pictures",
                lambda: self.Created(self._make(name, data, base, validation)),
                lambda error: self.Refused(as_error("new subject", error)),
            )

    @on(Created)
    def _close(self, event: Created) -> None:
        self.dismiss(event.path)

    @on(Refused)
    def _refuse(self, event: Refused) -> None:
        self._busy = False
        self.query_one("#keys", Static).update(Content(key_hint(self, *_KEYS)))
        key = self._field_of(event.error)
        self._show_error(key, event.error.line())
        self.query_one(f"#{key}", Input).focus()

    def _field_of(self, error: LoraTuiError) -> str:
        """Return the field an error is about."""
        validation = self.query_one("#validation", Input).value.strip()
        if isinstance(error, ModelError):
            return "base"
        if isinstance(error, DatasetError):
            return "validation" if validation and validation in error.where else "data"
        return "name"

    def _show_error(self, key: str, text: str) -> None:
        place = self.query_one(f"#{key}-error", Static)
        place.update(Content(f"{FAILED.mark} {printable(text)}" if text else ""))
        place.set_class(bool(text), "-shown")
