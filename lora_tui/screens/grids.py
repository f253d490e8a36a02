"""Which of the grids made before: to look at, to go on with, to make another like it?"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.screens.dialog import ListDialog
from lora_tui.wording.state_symbols import grid_sign
from trainer.journal.records import Grid, GridState
from trainer.text import printable

CAN_GO_ON = (GridState.CUT, GridState.FAILED)


@dataclass(frozen=True)
class Chosen:
    """What is wanted of which grid: `open` it, `go on` with it, or take its `spec` into the builder."""

    what: Literal["open", "go on", "spec"]
    number: int


class GridsDialog(ListDialog[Chosen | None]):
    """The grids of a workspace, newest first."""

    DEFAULT_CSS = """
    GridsDialog {
        & > Vertical { width: 90; }
        & OptionList { height: auto; max-height: 20; border: none; background: $panel; padding: 0; margin-top: 1; }
        & OptionList:focus { border: none; }
        & #keys { margin-top: 1; color: $muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,o", "leave", "close", id="grids.cancel", show=False, tooltip="open none"),
        Binding("j", "move('down')", "down", id="grids.down", show=False, tooltip="next grid"),
        Binding("k", "move('up')", "up", id="grids.up", show=False, tooltip="grid before"),
        Binding("g", "choose('go on')", "go on", id="grids.go-on", show=False, tooltip="make what is left of it"),
        Binding("e", "choose('spec')", "edit", id="grids.spec", show=False, tooltip="take its spec into the builder"),
    ]

    def __init__(self, grids: Sequence[Grid], current: int | None) -> None:
        """Offer `grids`; number `current` is marked."""
        super().__init__()
        self._grids = tuple(grids)
        self._current = current

    def compose(self) -> ComposeResult:
        """Yield the list."""
        with Vertical():
            yield Static(Content.styled("Grids", "bold"))
            options = OptionList(*(Option(grid_words(grid)) for grid in self._grids), compact=True)
            numbers = [grid.number for grid in self._grids]
            if self._current in numbers:
                options.highlighted = numbers.index(self._current)
            yield options
            yield Static(
                Content("enter opens · g goes on with one that was cut · e edits its spec · esc closes"), id="keys"
            )

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(Chosen("open", self._grids[event.option_index].number))

    def action_choose(self, what: Literal["go on", "spec"]) -> None:
        """Be dismissed with what is wanted of the marked grid."""
        place = self.query_one(OptionList).highlighted
        if place is None:
            return
        grid = self._grids[place]
        if what == "go on" and grid.state not in CAN_GO_ON:
            self.notify(
                f"grid {grid.number} is {grid.state}: only one that was cut goes on", severity="warning", markup=False
            )
        else:
            self.dismiss(Chosen(what, grid.number))

    def action_leave(self) -> None:
        """Open none."""
        self.dismiss(None)


def grid_words(grid: Grid) -> Content:
    """Return one grid on a line: sign, number, name, state, pictures, when it was asked for, and why it failed."""
    sign = grid_sign(grid.state)
    when = time.strftime("%a %d %b %H:%M", time.localtime(grid.created))
    pictures = f"{grid.done}/{grid.total} pictures" if grid.total else ""
    return Content.assemble(
        (f"{sign.mark} ", sign.colour),
        f"{grid.number:04d} {printable(grid.name, 30):<20}  ",
        (f"{grid.state:<8}", sign.colour),
        f"{pictures:<18} ",
        (when, "$muted"),
        (f"  in bake {grid.bake:04d}" if grid.bake is not None else "", "$muted"),
        (f"  {printable(grid.error, 60)}" if grid.error else "", "$error"),
    )
