"""The pane of the Bake screen that holds the curves; with the focus, enter shows them on the full screen."""

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message

from lora_tui.keys.keymap import bindings


class CurvesPane(Horizontal, can_focus=True):
    """Two plots beside each other."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("curves pane")

    @dataclass
    class Enlarged(Message):
        """The curves are wanted on the full screen."""

    def action_enlarge(self) -> None:
        """Ask for the full screen."""
        self.post_message(self.Enlarged())
