"""A line that filters a list as one types; the arrows move in the list meanwhile."""

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.line_input import LineInput


class FilterLine(LineInput):
    """Enter keeps the filter, escape ends it; both leave the line."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("filter")

    @dataclass
    class Left(Message):
        """The line is left; `kept` tells whether the filter stays."""

        kept: bool

    @dataclass
    class Moved(Message):
        """The cursor of the list is to move."""

        by: int

    def __init__(self, placeholder: str) -> None:
        super().__init__(id="filter", placeholder=placeholder, compact=True)
        self.cursor_blink = False

    async def action_submit(self) -> None:
        """Keep the filter."""
        self.post_message(self.Left(True))

    def action_leave(self) -> None:
        """End the filter."""
        self.post_message(self.Left(False))

    def action_move(self, by: int) -> None:
        """Move the cursor of the list."""
        self.post_message(self.Moved(by))
