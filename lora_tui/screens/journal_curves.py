"""Marked bakes of the Journal screen and their curves: which are drawn, in what, with which on top."""

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.widgets.bake_list import BakeMarks
from lora_tui.widgets.curve_overlay import CurveOverlay
from lora_tui.workers.journal_reader import JournalReader
from lora_tui.workers.overlay_curves import BakeCurves, CurveMetric, CurvesRead, first_metric, read_curves
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry

# Before the plot is laid out.
_COLUMNS = 240


class JournalCurves:
    """Keeps the marks, and has the curves read for the overlay.

    Args:
        screen: it has the overlay.
        reader: reads the curves; its answer comes to the screen.

    Attributes:
        marked: numbers of the marked bakes, in the order in which they were.
        metric: what the curves show.
    """

    def __init__(self, screen: Screen[Any], reader: JournalReader) -> None:
        self.marked: list[int] = []
        self.metric: CurveMetric = first_metric()
        self._screen = screen
        self._reader = reader
        self._pinned: int | None = None
        self._asked = False
        # The bake under the cursor when it was last asked while an answer was still to come.
        self._next: BakeEntry | None = None
        self._is_stale = False

    def turn_mark(self, number: int) -> None:
        """Mark a bake, or unmark it."""
        if number in self.marked:
            self.marked.remove(number)
        else:
            self.marked.append(number)

    def unmark(self) -> None:
        """Unmark all, and take down what is on top."""
        self.marked, self._pinned = [], None

    def turn_pin(self, number: int) -> None:
        """Put a bake on top, or take it down; where others are marked it is marked too."""
        self._pinned = None if self._pinned == number else number
        if self._pinned is not None and self.marked and number not in self.marked:
            self.marked.append(number)

    def keep_known(self, known: Container[int]) -> None:
        """Unmark what is in the journal no longer."""
        self.marked = [number for number in self.marked if number in known]

    def drawn(self, here: "BakeEntry | None") -> tuple[int, ...]:
        """Return the bakes whose curves are drawn: those marked, without any the one under the cursor and the one it is compared with."""
        if self.marked:
            return tuple(self.marked)
        if here is None:
            return ()
        return (here.number,) if here.compared_with is None else (here.compared_with, here.number)

    def pair(self, here: "BakeEntry | None") -> tuple[int, int] | None:
        """Return the two bakes to compare, the older first; None where they are not two.

        Those marked; with one marked it and the one under the cursor; with none that one and the one it was made from.
        """
        pair = set(self.marked)
        if len(pair) == 1 and here is not None:
            pair.add(here.number)
        elif not pair and here is not None and here.compared_with is not None:
            pair = {here.number, here.compared_with}
        if len(pair) != 2:
            return None
        return min(pair), max(pair)

    def marks(self, here: "BakeEntry | None", *, overlaid: bool) -> BakeMarks:
        """Return what the list shows as marked: while curves are shown, what is drawn."""
        numbers = self.drawn(here) if overlaid else tuple(self.marked)
        return self._overlay.marks_of(numbers, self._top(numbers))

    def ask(self, here: "BakeEntry | None") -> None:
        """Have the curves read; while they are being read, once that is done."""
        if self._asked:
            self._is_stale, self._next = True, here
            return
        self._asked, self._is_stale = True, False
        numbers, metric = self.drawn(here), self.metric
        top, columns = self._top(numbers), self._overlay.columns or _COLUMNS
        self._reader.ask(lambda journal, _: CurvesRead(read_curves(journal, numbers, metric, top, columns)))

    def enlarge(self, workspace: Workspace, here: "BakeEntry | None") -> None:
        """Show the curves on the full screen, in the colours and with the bake on top that they have here."""
        from lora_tui.screens.curves import CurvesScreen

        numbers = self.drawn(here)
        if numbers:
            colours = self._overlay.colours_of(numbers)
            self._screen.app.push_screen(CurvesScreen(workspace, numbers, self._top(numbers), colours))

    def take(self, curves: BakeCurves, known: "Mapping[int, BakeEntry]") -> None:
        """Draw curves that were read."""
        self._asked = False
        self._overlay.show(curves, known)
        if self._is_stale:
            self.ask(self._next)

    def failed(self) -> None:
        """Ask again when something changes: the curves could not be read."""
        self._asked = False

    def _top(self, numbers: tuple[int, ...]) -> int | None:
        """Return the bake on top: the pinned one, without marks the one under the cursor."""
        if self._pinned in numbers:
            return self._pinned
        return numbers[-1] if numbers and not self.marked else None

    @property
    def _overlay(self) -> CurveOverlay:
        return self._screen.query_one(CurveOverlay)
