"""Curves of several bakes over each other: each in a colour and with a letter of its own, one of them on top."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan

from lora_tui.colours.theme_files import CURVE_COLOURS
from lora_tui.plots.braille import PlotLine, Window, nice_range
from lora_tui.plots.curves import Plot
from lora_tui.workers.overlay_curves import LOSS, BakeCurve, BakeCurves
from lora_tui.workers.smoothing import smooth

LETTERS = "abcdefgh"
"""The letter of each colour; together they tell curves apart on any terminal. That of the bake on top is a capital."""

# A spike of a few steps would flatten all the rest.
_SEEN_SHARE = 0.98


class CurveColours:
    """The colour of each bake: the same one whenever it is marked, unless another that is marked has it by then."""

    def __init__(self) -> None:
        self._kept: dict[int, int] = {}

    def of(self, numbers: Sequence[int]) -> dict[int, int]:
        """Return the place of its colour, from 0, for each of the first `CURVE_COLOURS` bakes.

        Args:
            numbers: of the bakes marked, in the order in which they were; the earlier one keeps a colour that two would have.
        """
        given: dict[int, int] = {}
        for number in numbers[:CURVE_COLOURS]:
            first = self._kept.get(number, (number - 1) % CURVE_COLOURS)
            free = ((first + by) % CURVE_COLOURS for by in range(CURVE_COLOURS))
            given[number] = next(place for place in free if place not in given.values())
        self._kept.update(given)
        return given


def letter_of(colour: int, *, on_top: bool) -> str:
    """Return the letter of a colour."""
    return LETTERS[colour].upper() if on_top else LETTERS[colour]


def overlay_plot(read: BakeCurves, colours: Mapping[int, int]) -> Plot:
    """Return the curves as one plot.

    Args:
        read: the curves.
        colours: number of a bake -> the place of its colour; one without is not drawn.
    """
    drawn = [curve for curve in read.curves if curve.number in colours]
    if not drawn:
        return Plot()
    ordered = sorted(drawn, key=lambda curve: curve.number == read.top)
    lines = tuple(_line(read, curve, colours[curve.number]) for curve in ordered)
    bottom, height = nice_range(*_reach(lines))
    last = max(line.steps[-1] for line in lines)
    window = Window(0, max(last, 1), bottom, height)
    return Plot(lines, window, _step_marks(last), say=read.metric.say)


def last_shown(read: BakeCurves, curve: BakeCurve) -> tuple[float, float] | None:
    """Return the last (step, value) of a curve as it is drawn that is a number, None without one."""
    pairs = zip(reversed(curve.steps), reversed(_shown(read, curve)), strict=True)
    return next(((step, value) for step, value in pairs if isfinite(value)), None)


def _shown(read: BakeCurves, curve: BakeCurve) -> Sequence[float]:
    # Of single steps each has another picture and another noise.
    return smooth(curve.values) if read.metric.key == LOSS else curve.values


def _line(read: BakeCurves, curve: BakeCurve, colour: int) -> PlotLine:
    values = _shown(read, curve)
    # One value alone has nothing to be joined with.
    joined = len(curve.steps) > 1
    letter = letter_of(colour, on_top=curve.number == read.top)
    return PlotLine(f"curve-{colour + 1}", curve.steps, values, values, joined, letter)


def _reach(lines: Sequence[PlotLine]) -> tuple[float, float]:
    """Return the least and the greatest value to see."""
    values = sorted(value for line in lines for value in line.high if isfinite(value))
    if not values:
        return nan, nan
    # Of few values none is a spike.
    return values[0], values[min(len(values) - 1, round(len(values) * _SEEN_SHARE))]


def _step_marks(last: float) -> tuple[tuple[int, str], ...]:
    """Return four steps along the axis, the last of them at its end."""
    return tuple(
        (round(last * part / 4), f"{round(last * part / 4):,}") for part in range(1, 5) if last >= 4 or part == 4
    )
