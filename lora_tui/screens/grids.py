"""The grids made before: to open, to resume, to edit as a new one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ListDialog, key_hint
from lora_tui.wording.state_symbols import grid_sign
from trainer.journal.grid_records import Grid, GridState
from trainer.text import plural, printable

_RESUMABLE = (GridState.CUT, GridState.FAILED)


@dataclass(frozen=True)
class Chosen:
    """What to do with which grid: `open` it, `resume` it, or load its `spec` into the builder."""

    what: Literal["open", "resume", "spec"]
    number: int


class GridsDialog(ListDialog[Chosen | None]):
    """The grids of a workspace, newest first."""

    DEFAULT_CSS = """
    GridsDialog {
        & > Vertical { width: 90; }
        & OptionList { max-height: 20; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("grids")

    def __init__(self, grids: Sequence[Grid], current: int | None, *, can_resume: bool = True) -> None:
        """Offer `grids`; number `current` is marked; `can_resume` tells whether this screen may queue."""
        super().__init__()
        self._can_resume = can_resume
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
            resume = ("grids.resume",) if self._can_resume else ()
            yield Static(Content(key_hint(self, "enter: open", *resume, "grids.edit", "grids.close")), id="keys")

    @on(OptionList.OptionSelected)
    def _open(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(Chosen("open", self._grids[event.option_index].number))

    def action_choose(self, what: Literal["resume", "spec"]) -> None:
        """Dismiss with what to do with the marked grid."""
        place = self.query_one(OptionList).highlighted
        if place is None:
            return
        grid = self._grids[place]
        if what == "resume" and grid.state not in _RESUMABLE:
            self.notify(
                f"grid {grid.number} is {grid.state}: only an unfinished or failed grid can be resumed",
                severity="warning",
                markup=False,
            )
        else:
            self.dismiss(Chosen(what, grid.number))


def grid_words(grid: Grid) -> Content:
    """Return one grid on a line: sign, number, name, state, pictures, when it was asked for, and why it failed."""
    sign = grid_sign(grid.state)
    when = time.strftime("%a %d %b %H:%M", time.localtime(grid.created))
    pictures = f"{grid.done}/{plural(grid.total, 'picture')}" if grid.total else ""
    return Content.assemble(
        (f"{sign.mark} ", sign.colour),
        f"{grid.number:04d} {printable(grid.name, 30):<20}  ",
        (f"{grid.state:<8}", sign.colour),
        f"{pictures:<18} ",
        (when, "$muted"),
        (f"  in bake {grid.bake:04d}" if grid.bake is not None else "", "$muted"),
        (f"  {printable(grid.error, 60)}" if grid.error else "", "$error"),
    )
