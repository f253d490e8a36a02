"""The builder of a grid: the fields of its spec, with what each axis's values stand for under them while one types."""

from dataclasses import dataclass

from textual import on
from textual.message import Message
from textual.widgets import Input

from lora_tui.widgets.field_list import FieldList
from lora_tui.widgets.settings_form import SettingsForm


class SpecForm(SettingsForm):
    """All fields of a spec. Says each key typed besides what is kept, and asks for the list of what an axis may vary."""

    heading = "builder"

    @dataclass
    class Typing(Message):
        """This stands in the open editor and may not be final."""

        name: str
        text: str

    @dataclass
    class Closed(Message):
        """No editor is open any more; what was typed stands, or was given up."""

    @dataclass
    class KindAsked(Message):
        """What a field's axis shall vary is asked for."""

        name: str

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
