"""The tagger of the Dataset screen: its lines to type into, and what is shown while it looks at pictures."""

from collections.abc import Callable
from dataclasses import fields
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from lora_tui.actions.dialog_field import DialogField
from lora_tui.actions.tagging import TaggerAsked, TaggerRun, TaggerTyped
from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import FieldsDialog, field_row, key_hint
from lora_tui.screens.working import WorkingDialog
from trainer.errors import LoraTuiError
from trainer.text import printable

Read = Callable[[TaggerTyped, Callable[[TaggerAsked], object], Callable[[LoraTuiError], object]], object]
"""Reads a tagger's files, and hands the tagger, or what is wrong, to its last arguments."""


_LINES = (
    DialogField("model", "tagger", "a folder with model.onnx and selected_tags.csv, or an ONNX file"),
    DialogField("tags_file", "tags file", "blank: selected_tags.csv beside the model"),
    DialogField("thresholds", "thresholds", "by category; 0.4 for all; mcut: the largest gap decides"),
    DialogField("categories", "categories", "blank: character, series, general; written in this order"),
    DialogField("unwanted", "never", "tags that are never written, with commas between"),
    DialogField("mode", "write", "missing captions, add what captions lack, or replace them"),
)
"""A line for each field of TaggerTyped."""


class TaggerDialog(FieldsDialog[TaggerAsked | None]):
    """Dismissed with the tagger that is to be run, or None.

    Args:
        about: which pictures it is for.
        typed: what stands in the lines.
        read: as Read.
        trouble: why no tagger can be run here; "" where one can.
    """

    DEFAULT_CSS = """
    TaggerDialog {
        & > Vertical { width: 96; overflow-y: auto; }
        & .row { height: 1; }
        & .label { width: 11; color: $muted; }
        & Input { width: 1fr; }
        & #about { color: $muted; height: auto; margin-bottom: 1; }
        & #error { margin-top: 1; }
    }
    """

    def __init__(self, about: str, typed: TaggerTyped, read: Read, trouble: str = "") -> None:
        super().__init__()
        self._about, self._first, self._read, self._trouble = about, typed, read, trouble

    def compose(self) -> ComposeResult:
        """Yield what it does, a line for each thing that it takes, and the keys."""
        with Vertical():
            yield Static(Content.styled(printable(f"Tagger: {self._about}"), "bold"))
            story = (
                "write: missing (pictures without a caption, the trigger in front), add or replace; nothing is written "
                "before it was shown"
            )
            yield Static(Content(story), id="about")
            for line in _LINES:
                yield field_row(line, getattr(self._first, line.key))
            yield Static("", id="error")
            yield Static(Content(key_hint(self, "enter: look at the pictures", "dialog.cancel")), id="keys")

    def on_mount(self) -> None:
        """Say what stands in the way, and begin with the first line."""
        self.query(Input).first().focus()
        if self._trouble:
            self._show_trouble(self._trouble)

    @property
    def typed(self) -> TaggerTyped:
        """What stands in the lines."""
        return TaggerTyped(
            **{field.name: self.query_one(f"#{field.name}", Input).value for field in fields(TaggerTyped)}
        )

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        self.show_error(None)
        self._read(self.typed, self.dismiss, self.show_error)

    def _show_trouble(self, text: str) -> None:
        line = self.query_one("#error", Static)
        line.update(Content(printable(text)))
        line.add_class("-shown")


class TaggerWorkingDialog(WorkingDialog):
    """Shows a tagger running; escape ends it, another key lets it go on behind what else is done.

    Args:
        run: goes on.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("tagger running")

    def __init__(self, run: TaggerRun) -> None:
        super().__init__(run.job)
        self._run_shown = run
        run.is_watched = True

    @property
    def keys(self) -> str:
        """The keys, in a line."""
        return key_hint(self, "dialog.cancel", "tagger.behind")

    def action_behind(self) -> None:
        """Let it go on, and go on with something else."""
        self._run_shown.is_watched = False
        self.dismiss(None)
