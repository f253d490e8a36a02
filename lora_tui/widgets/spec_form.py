"""The form of a grid's spec, which shows under each axis what its values mean while they are typed."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.field_list import FieldList
from lora_tui.widgets.settings_form import SettingsForm


class SpecForm(SettingsForm):
    """All fields of a spec. Also reports every key typed, and asks for the list of what an axis may vary."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("spec form")

    heading = "builder"
    most_turned = 100

    @dataclass
    class StepAsked(Message):
        """The last edit is to be undone, or what was undone done again."""

        forth: bool

    @dataclass
    class Typing(Message):
        """The open editor's text changed; it may not be final."""

        name: str
        text: str

    @dataclass
    class Closed(Message):
        """The editor was closed; what was typed is kept, or was cancelled."""

    @dataclass
    class KindAsked(Message):
        """The user wants to choose what an axis varies."""

        name: str

    def action_undo(self) -> None:
        """Ask for the last edit to be undone; while a value is typed, that is finished or cancelled first."""
        if not self.editing:
            self.post_message(self.StepAsked(False))

    def action_redo(self) -> None:
        """Ask for what was undone to be done again."""
        if not self.editing:
            self.post_message(self.StepAsked(True))

    def accept(self) -> None:
        """Close the editor."""
        super().accept()
        self.post_message(self.Closed())

    @on(FieldList.Chosen)
    def _offer_kinds(self, event: FieldList.Chosen) -> None:
        if event.name.endswith(".kind"):
            # Too many to turn through one by one.
            event.stop()
            event.prevent_default()
            self.post_message(self.KindAsked(event.name))

    @on(Input.Changed, "#editor")
    def _tell_typing(self, event: Input.Changed) -> None:
        event.stop()
        if self.editing:
            self.post_message(self.Typing(self.editing, event.value))
