"""The curves of all rungs of a ladder over each other: which bakes, and when they are read again."""

import threading
from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from lora_tui.colours.theme_files import CURVE_COLOURS
from lora_tui.widgets.curve_overlay import CurveOverlay
from lora_tui.workers.journal_reader import JournalReader
from lora_tui.workers.overlay_curves import (
    BakeCurves,
    CurveMetric,
    CurvesRead,
    MetricsRead,
    first_metric,
    metrics_of,
    read_curves,
)
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry
    from trainer.ladders.record import LadderState

# Before the plot is laid out.
_COLUMNS = 240


class LadderCurves:
    """Has the curves of a ladder's bakes read for the overlay.

    Args:
        screen: it has the overlay.
        reader: reads the curves; its answer comes to the screen.

    Attributes:
        metric: what the curves show.
    """

    def __init__(self, screen: Screen[Any], reader: JournalReader) -> None:
        self.metric: CurveMetric = first_metric()
        self._screen = screen
        self._reader = reader
        self._asked = False
        # The ladder as it was when it was last asked while an answer was still to come.
        self._next: LadderState | None = None

    def ask(self, state: "LadderState") -> None:
        """Have the curves read; while they are being read, once that is done."""
        if self._asked:
            self._next = state
            return
        numbers, top, metric = drawn(state), centre_bake(state), self.metric
        columns = self._overlay.columns or _COLUMNS
        self._asked, self._next = True, None
        self._reader.ask(lambda journal, _: CurvesRead(read_curves(journal, numbers, metric, top, columns)))

    def ask_metrics(self, state: "LadderState") -> threading.Event | None:
        """Ask what the curves could show; the event is set once that is posted. None where there is no bake."""
        numbers = drawn(state)
        if not numbers:
            return None
        return self._reader.ask(lambda journal, _: MetricsRead(metrics_of(journal, numbers)))

    def take(self, curves: BakeCurves, state: "LadderState | None", known: "Mapping[int, BakeEntry]") -> None:
        """Draw curves that were read."""
        self._asked = False
        if state is None:
            self._overlay.show(curves, known)
        else:
            self._overlay.show(curves, known, names_of(state), len(_there(state)) - len(curves.numbers))
        if self._next is not None:
            self.ask(self._next)

    def failed(self) -> None:
        """Ask again when something changes: the curves could not be read."""
        self._asked = False

    @property
    def _overlay(self) -> CurveOverlay:
        return self._screen.query_one(CurveOverlay)


def drawn(state: "LadderState") -> tuple[int, ...]:
    """Return the bakes whose curves are drawn: all where there are colours for them, else the first of rungs all along the knob."""
    there = _there(state)
    if len(there) <= CURVE_COLOURS:
        return there
    firsts = [found[0] for place in range(len(state.spec.rungs)) if (found := _bakes_of(state, place))]
    return tuple(firsts[:: ceil(len(firsts) / CURVE_COLOURS)])


def centre_bake(state: "LadderState") -> int | None:
    """Return the bake that the others are compared with: the first of the centre; None without one."""
    centre = state.spec.centre
    if centre is None:
        return None
    return next(iter(_bakes_of(state, centre)), None)


def names_of(state: "LadderState") -> dict[int, str]:
    """Return what each bake is called beside its curve: its rung, its twin and its number."""
    return {
        each.bake: " ".join(
            (
                printable(state.spec.rungs[each.rung].label, 20),
                *((f"twin {each.twin}",) if each.twin else ()),
                f"({each.bake:04d})",
            )
        )
        for each in state.bakes
        if each.bake is not None
    }


def _there(state: "LadderState") -> tuple[int, ...]:
    """Return the bakes that there are, by rung and twin."""
    found = (number for place in range(len(state.spec.rungs)) for number in _bakes_of(state, place))
    return tuple(dict.fromkeys(found))


def _bakes_of(state: "LadderState", place: int) -> list[int]:
    return [each.bake for each in state.of_rung(place) if each.bake is not None]
