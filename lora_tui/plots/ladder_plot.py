"""A measure over the rungs of a ladder as a plot: each bake a mark, each rung a bar as long as its noise, their means joined."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import inf, isfinite, log10
from typing import TYPE_CHECKING

from lora_tui.plots.braille import PlotLine, Window, nice_range
from lora_tui.plots.curves import Plot
from lora_tui.wording.cell_width import cut
from trainer.ladders.measures import record_of
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.ladders.record import LadderCurve, LadderPoint, LadderSpec
    from trainer.measures.record import MeasureRecord

CENTRE = "•"
"""Stands before the name of the rung of the settings as they are."""

# The axis in whole numbers, as marks below a plot have them, and the room beside its first and last rung.
_AXIS, _MARGIN = 10_000, 700
# Marks of bakes stand beside the bar, far enough for a cell of their own on a screen of 80 columns.
_BESIDE = 190
_MAX_LABEL = 12
# A bar of a rung with one twin may be thirty times as long as what the rungs differ by, and is cut off.
_MOST_NOISE = 1.0


def ladder_plot(spec: "LadderSpec", curve: "LadderCurve | None") -> Plot:
    """Return a measure over the rungs, those at equal factors at equal distances where the ladder's axis is logarithmic.

    Args:
        spec: of the ladder.
        curve: the measure; None for none, which has no lines.
    """
    record = None if curve is None else record_of(curve.name)
    by_ratio = record is not None and record.log_scale
    points = [] if curve is None else [point for point in curve.points if point.rung < len(spec.rungs)]
    drawn = [_on_axis(point, by_ratio=by_ratio) for point in points]
    values = [value for each in drawn for value in each.values]
    if not values:
        return Plot()
    places = axis_places(spec)
    lines = [
        *_joined(spec, drawn, places),
        *(_bar(each, places) for each in drawn),
        *(_marks(each, places) for each in drawn),
    ]
    bottom, top = nice_range(*_reach(drawn, values))
    marks = tuple((places[place], _label(spec, place)) for place in sorted(places, key=lambda place: places[place]))
    return Plot(
        tuple(line for line in lines if line.steps),
        Window(0, _AXIS, bottom, top),
        marks,
        say=_axis_texts(record, by_ratio=by_ratio),
        centred=True,
    )


def axis_places(spec: "LadderSpec") -> dict[int, int]:
    """Return place of a rung -> where it stands on an axis from 0 to 10,000.

    By its position, on a logarithmic axis by its logarithm, where one of 0 or less stands before the others; rungs of which any has no
    position stand at equal distances.
    """
    positions = [rung.position for rung in spec.rungs]
    numbers = [position for position in positions if position is not None]
    if len(numbers) < len(positions):
        at = [float(place) for place in range(len(positions))]
    elif spec.log_axis and any(number > 0 for number in numbers):
        at = _logarithms(numbers)
    else:
        at = numbers
    least, most = min(at, default=0.0), max(at, default=0.0)
    reach, room = most - least, _AXIS - 2 * _MARGIN
    return {
        place: round(_MARGIN + (value - least) / reach * room) if reach else _AXIS // 2
        for place, value in enumerate(at)
    }


def axis_text(record: "MeasureRecord | None", value: float) -> str:
    """Return a value as an axis of seven cells has room for: `1.82%`, `−0.12`, `1.2e4`."""
    share = record is not None and record.unit == "%"
    shown = 100 * value if share else value
    size, end = abs(shown), "%" if share else ""
    if size >= 10_000 or 0 < size < 0.01:
        mantissa, exponent = f"{size:.0e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    else:
        text = f"{size:.2g}" if size < 100 else f"{size:.0f}"
    return f"{'−' if shown < 0 else ''}{text}{end}"


@dataclass(frozen=True)
class _Drawn:
    """A rung as it is drawn: its values, mean and interval on the axis of the plot; without an interval `low` is above `high`."""

    rung: int
    values: Sequence[float]
    mean: float | None
    low: float
    high: float


def _on_axis(point: "LadderPoint", *, by_ratio: bool) -> _Drawn:
    def place(value: float | None) -> float | None:
        if value is None or not isfinite(value) or (by_ratio and value <= 0):
            return None
        return log10(value) if by_ratio else value

    values = [at for value in point.values if (at := place(value)) is not None]
    low, high = place(point.low), place(point.high)
    # A ratio's lower end may be too near 0 for a number.
    low = -inf if low is None and high is not None else low
    return _Drawn(point.rung, values, place(point.mean), inf if low is None else low, -inf if high is None else high)


def _reach(drawn: Sequence[_Drawn], values: Sequence[float]) -> tuple[float, float]:
    """Return the least and the greatest value to see: every bake, and of the noise as much as they reach."""
    least, most = min(values), max(values)
    room = (most - least or abs(most) * 0.1 or 1.0) * _MOST_NOISE
    low = min((max(each.low, least - room) for each in drawn if each.low < inf), default=least)
    high = max((min(each.high, most + room) for each in drawn if each.high > -inf), default=most)
    return min(least, low), max(most, high)


def _joined(spec: "LadderSpec", drawn: Sequence[_Drawn], places: Mapping[int, int]) -> list[PlotLine]:
    """Return the line through the means; rungs without an order have none."""
    if any(rung.position is None for rung in spec.rungs):
        return []
    means = sorted((places[each.rung], each.mean) for each in drawn if each.mean is not None)
    steps, values = [step for step, _ in means], [value for _, value in means]
    return [PlotLine("smooth", steps, values, values)] if len(means) > 1 else []


def _bar(each: _Drawn, places: Mapping[int, int]) -> PlotLine:
    if each.low > each.high:
        return PlotLine("raw", (), (), ())
    # Beyond the window it is drawn to its edge.
    return PlotLine("raw", (places[each.rung],), (max(each.low, -1e300),), (min(each.high, 1e300),))


def _marks(each: _Drawn, places: Mapping[int, int]) -> PlotLine:
    """Return a mark for each bake, to either side of the bar in turn, so that two of one value are two marks."""
    pairs = sorted(
        (places[each.rung] + (_BESIDE if number % 2 else -_BESIDE) * (1 + number // 2), value)
        for number, value in enumerate(each.values)
    )
    steps, values = [step for step, _ in pairs], [value for _, value in pairs]
    return PlotLine("validation", steps, values, values, joined=False)


def _logarithms(numbers: Sequence[float]) -> list[float]:
    """Return the logarithms of positions; those without one stand a usual distance before the least."""
    logs = sorted({log10(number) for number in numbers if number > 0})
    gaps = sorted(after - before for before, after in pairwise(logs))
    gap = gaps[len(gaps) // 2] if gaps else 1.0
    below = sorted({number for number in numbers if number <= 0}, reverse=True)
    return [log10(number) if number > 0 else logs[0] - gap * (1 + below.index(number)) for number in numbers]


def _label(spec: "LadderSpec", place: int) -> str:
    rung = spec.rungs[place]
    return f"{CENTRE if rung.is_centre else ''}{cut(printable(rung.label), _MAX_LABEL)}"


def _axis_texts(record: "MeasureRecord | None", *, by_ratio: bool) -> Callable[[float], str]:
    return partial(_ratio_text, record) if by_ratio else partial(axis_text, record)


def _ratio_text(record: "MeasureRecord | None", value: float) -> str:
    return axis_text(record, 10 ** min(value, 300.0))
