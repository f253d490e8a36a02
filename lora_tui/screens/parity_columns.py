"""The trainers of the table that are shown."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ListDialog, key_hint
from lora_tui.wording.state_symbols import DONE
from trainer.text import printable


class ColumnsDialog(ListDialog[Sequence[str] | None]):
    """Marks the columns to show; dismissed with their keys in the table's order, or None."""

    DEFAULT_CSS = """
    ColumnsDialog {
        & > Vertical { width: 64; }
        & OptionList { max-height: 18; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("columns")

    def __init__(self, keys: Sequence[str], titles: Sequence[str], shown: Collection[str]) -> None:
        """Offer the columns with these keys and titles; those of `shown` are marked."""
        super().__init__()
        self._columns = tuple(zip(keys, titles, strict=True))
        self._shown = {key for key in keys if key in shown}

    def compose(self) -> ComposeResult:
        """Yield the list."""
        with Vertical():
            yield Static(Content.styled("Trainers in the table", "bold"))
            yield OptionList(*(Option(self._words(place)) for place in range(len(self._columns))), compact=True)
            yield Static(
                Content(key_hint(self, "columns.toggle", "columns.all", "enter: show", "dialog.cancel")), id="keys"
            )

    def action_turn(self) -> None:
        """Show the marked column, or leave it out."""
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self._shown ^= {self._columns[place][0]}
            self._show(place)

    def action_all(self) -> None:
        """Show every column; with every one shown, none."""
        every = {key for key, _ in self._columns}
        self._shown = set() if self._shown == every else every
        for place in range(len(self._columns)):
            self._show(place)

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if not self._shown:
            self.notify("mark at least one trainer", severity="warning", markup=False)
        else:
            self.dismiss(tuple(key for key, _ in self._columns if key in self._shown))

    def _show(self, place: int) -> None:
        self.query_one(OptionList).replace_option_prompt_at_index(place, self._words(place))

    def _words(self, place: int) -> Content:
        key, title = self._columns[place]
        mark = DONE.mark if key in self._shown else " "
        return Content.assemble((f"{mark} ", DONE.colour), printable(title))
