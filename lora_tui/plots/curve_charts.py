"""Charts of curves that share one axis of steps: which lines each has, how they are told apart, and what of the plane is seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING

from lora_tui.colours.theme_files import CURVE_COLOURS
from lora_tui.plots.braille import PlotLine, Window, nice_range
from lora_tui.plots.curve_window import CurveWindow
from lora_tui.plots.curves import role_of
from lora_tui.plots.overlay import letter_of
from lora_tui.wording.curve_values import curve_value
from lora_tui.workers.curve_view import ChartedCurve, CurvesView
from trainer.measures import curve_groups as groups
from trainer.measures.curve_records import CurveAxis, CurveRecord, CurveSource
from trainer.settings.parts import all_parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DASHES = ("", "##.", "#.", "###.#.", "#####..", "#..")
"""How the lines of one chart are dashed, in cells, so that they are told apart without colours too; the first is drawn whole."""

# Above this share of the values of a step each, one is held at the edge where it would flatten the others.
_SEEN_SHARE = 0.98
_FEWEST_FOR_SPIKES = 20
_FLATTENS = 2.0
# Decades below the least value above 0 at which a value that has no logarithm is drawn: below the edge, which holds it.
_BELOW = 3.0
# A float goes no higher.
_HIGHEST_DECADE = 308.0

_ROLES = {groups.LOSS.key: "raw", groups.SMOOTH.key: "smooth", groups.VALIDATION.key: "validation"}


@dataclass(frozen=True)
class LegendEntry:
    """One line of a chart in its legend.

    Attributes:
        bake: number of its bake.
        key: of its curve.
        role: names its colour.
        sign: the letter that stands on it, "" for none.
        dash: as in PlotLine.
        label: what it is called.
    """

    bake: int
    key: str
    role: str
    sign: str
    dash: str
    label: str


@dataclass(frozen=True)
class CurveChart:
    """One chart.

    Attributes:
        axis: of its values.
        lines: back to front.
        window: what of the plane is seen; of a logarithmic axis in decades.
        log: whether it is logarithmic.
        entries: its legend.
        notes: what does not show as it is: a spike held at the edge, a value without a logarithm.
    """

    axis: CurveAxis
    lines: tuple[PlotLine, ...]
    window: Window
    log: bool
    entries: tuple[LegendEntry, ...]
    notes: tuple[str, ...] = ()

    def value_at(self, height: float) -> float:
        """Return the value at a height of the window."""
        return float(10.0 ** min(height, _HIGHEST_DECADE)) if self.log else height


@dataclass(frozen=True)
class ChartLook:
    """How charts are drawn.

    Attributes:
        logs: keys of the axes that are not as their record says: logarithmic, or no longer.
        spikes: whether the highest values decide the axis too.
        colours: number of a bake -> the place of its colour; of several bakes, one without is not drawn.
    """

    logs: frozenset[str] = frozenset()
    spikes: bool = False
    colours: Mapping[int, int] | None = None

    def is_log(self, axis: CurveAxis) -> bool:
        """Return whether an axis is to be logarithmic."""
        return axis.log != (axis.key in self.logs)


def charts_of(view: CurvesView, window: CurveWindow, look: ChartLook) -> tuple[CurveChart, ...]:
    """Return a chart for each axis that a curve shown has, in the order of the groups.

    Args:
        view: what was read.
        window: the steps in view.
        look: how it is drawn.
    """
    by_axis: dict[str, list[ChartedCurve]] = {}
    # In the order of the records, which is that of the groups.
    for record in view.records:
        if view.question.choice.has(record):
            by_axis.setdefault(record.axis.key, [])
    for curve in view.curves:
        if look.colours is None or curve.bake in look.colours:
            by_axis[curve.record.axis.key].append(curve)
    found = (_chart(view, curves, window, look) for curves in by_axis.values() if curves)
    return tuple(chart for chart in found if chart.lines)


def _chart(view: CurvesView, curves: Sequence[ChartedCurve], window: CurveWindow, look: ChartLook) -> CurveChart:
    axis = curves[0].record.axis
    records = tuple(dict.fromkeys(curve.record for curve in curves))
    styles = {(entry.bake, entry.key): entry for entry in _entries(view, curves, records, look)}
    lines: list[PlotLine] = []
    rest: list[bool] = []
    for curve in sorted(curves, key=lambda curve: _depth(view, curve, records)):
        line = _clipped(curve, window)
        if len(line.steps):
            entry = styles[curve.bake, curve.record.key]
            lines.append(replace(line, role=entry.role, sign=entry.sign, dash=entry.dash))
            rest.append(curve.record.source is CurveSource.STEPS)
    notes: list[str] = []
    least = min((value for line in lines for value in line.low if isfinite(value) and value > 0), default=None)
    log = look.is_log(axis)
    if log and least is None:
        log = False
        notes.append("no value above 0 for a logarithm")
    if log and least is not None:
        if any(value <= 0 for line in lines for value in line.low):
            notes.append("0 and below: at the lower edge")
        lines = [_logarithm(line, least) for line in lines]
        bottom, top = _log_reach(lines, least)
    else:
        bottom, top, highest = _reach(lines, rest, spikes=look.spikes)
        if highest is not None:
            notes.append(f"highest {curve_value(axis, highest)}")
    return CurveChart(
        axis, tuple(lines), Window(window.first, window.last, bottom, top), log, tuple(styles.values()), tuple(notes)
    )


def _entries(
    view: CurvesView, curves: Sequence[ChartedCurve], records: tuple[CurveRecord, ...], look: ChartLook
) -> Iterator[LegendEntry]:
    """Yield the legend: of one bake its curves, told apart by colour, dashes and letters; of several bakes those of each curve."""
    # A band of single values needs none: nothing else looks like it.
    dashed = [record for record in records if record.group is not groups.LOSS]
    letters = _letters(dashed) if len(dashed) > 1 else {}
    top = None if view.top is None else view.top.number
    for place, record in enumerate(records):
        dash = DASHES[dashed.index(record) % len(DASHES)] if record in dashed else ""
        for curve in (each for each in curves if each.record == record):
            if look.colours is None:
                role, sign, label = _role(record, place), letters.get(record.key, ""), record.label
            else:
                colour = look.colours[curve.bake]
                sign = letter_of(colour, on_top=curve.bake == top)
                role, label = f"curve-{colour + 1}", record.label
            yield LegendEntry(curve.bake, record.key, role, sign, dash, label)


def _role(record: CurveRecord, place: int) -> str:
    if record.group.key in _ROLES:
        return _ROLES[record.group.key]
    if record.part in all_parts():
        return role_of(record.part)
    return f"curve-{place % CURVE_COLOURS + 1}"


def _letters(records: Sequence[CurveRecord]) -> dict[str, str]:
    """Return a letter for each curve: the first of its label that no other has."""
    given: dict[str, str] = {}
    for record in records:
        wanted = [
            sign for sign in f"{record.label.lower()}abcdefghijklmnopqrstuvwxyz" if sign.isascii() and sign.isalnum()
        ]
        given[record.key] = next((sign for sign in wanted if sign not in given.values()), "")
    return given


def _depth(view: CurvesView, curve: ChartedCurve, records: tuple[CurveRecord, ...]) -> tuple[bool, bool, int]:
    """Return where a curve lies, back to front: bands behind lines, the bake on top before the others, the first curve before the last."""
    on_top = view.top is not None and curve.bake == view.top.number and len(view.bakes) > 1
    return curve.record.group is not groups.LOSS, on_top, -records.index(curve.record)


def _clipped(curve: ChartedCurve, window: CurveWindow) -> PlotLine:
    """Return a curve's part in view, with lines that lead out of it."""
    import numpy as np

    steps = np.asarray(curve.steps, dtype=np.float64)
    low, high = np.asarray(curve.low, dtype=np.float64), np.asarray(curve.high, dtype=np.float64)
    inside = (steps >= window.first) & (steps <= window.last)
    found = steps[inside], low[inside], high[inside]
    if curve.joined:
        before, after = np.flatnonzero(steps < window.first), np.flatnonzero(steps > window.last)
        if len(before):
            found = _with_edge(found, (steps, low, high), int(before[-1]), window.first, curve.width, at_end=False)
        if len(after) and len(found[0]):
            found = _with_edge(found, (steps, low, high), int(after[0]) - 1, window.last, 1, at_end=True)
    return PlotLine("", found[0].tolist(), found[1].tolist(), found[2].tolist(), joined=curve.joined)


_Points = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]


def _with_edge(found: _Points, whole: _Points, place: int, edge: int, width: int, *, at_end: bool) -> _Points:
    """Return points in view with one at an edge: on the line from entry `place` of all to the next, or of a stretch that reaches in."""
    import numpy as np

    steps, low, high = whole
    if width > 1 and steps[place] + width > edge:
        values = low[place], high[place]
    elif place + 1 < len(steps) and place >= 0:
        share = (edge - steps[place]) / (steps[place + 1] - steps[place])
        # From one infinity to another there is no line.
        with np.errstate(invalid="ignore"):
            values = (
                low[place] + share * (low[place + 1] - low[place]),
                high[place] + share * (high[place + 1] - high[place]),
            )
    else:
        return found
    at = len(found[0]) if at_end else 0
    near = len(found[0]) > 0 and found[0][-1 if at_end else 0] == edge
    if near:
        return found
    news = (float(edge), *values)
    return tuple(np.insert(each, at, new) for each, new in zip(found, news, strict=True))  # type: ignore[return-value]


def _logarithm(line: PlotLine, least: float) -> PlotLine:
    """Return a line in decades; what has no logarithm lies below the edge."""
    import numpy as np

    below = float(np.log10(least)) - _BELOW

    def decades(values: Sequence[float]) -> list[float]:
        given = np.asarray(values, dtype=np.float64)
        with np.errstate(all="ignore"):
            found: list[float] = np.where(given <= 0, below, np.log10(given)).tolist()
        return found

    return replace(line, low=decades(line.low), high=decades(line.high))


def _log_reach(lines: Sequence[PlotLine], least: float) -> tuple[float, float]:
    import numpy as np

    floor = float(np.log10(least))
    highs = [value for line in lines for value in line.high if isfinite(value)]
    return nice_range(floor, max(max(highs, default=floor), floor))


def _reach(lines: Sequence[PlotLine], single: Sequence[bool], *, spikes: bool) -> tuple[float, float, float | None]:
    """Return the least and the greatest value to see, and the highest there is where that is held at the edge.

    Args:
        lines: in view.
        single: of each, whether its values are of single steps, among which a spike may be.
        spikes: whether these count too.
    """
    highs = sorted(value for line in lines for value in line.high if isfinite(value))
    lows = [value for line in lines for value in line.low if isfinite(value)]
    if not highs or not lows:
        return 0.0, 1.0, None
    least, highest = min(lows), highs[-1]
    seen = highest
    scattered = sorted(
        value
        for line, is_single in zip(lines, single, strict=True)
        if is_single
        for value in line.high
        if isfinite(value)
    )
    if not spikes and len(scattered) >= _FEWEST_FOR_SPIKES:
        trends = [
            value for line, is_single in zip(lines, single, strict=True) if not is_single for value in line.high
            if isfinite(value)
        ]  # fmt: skip
        usual = max(scattered[int((len(scattered) - 1) * _SEEN_SHARE)], *trends, least)
        # Only where it would flatten the rest.
        if highest - least > _FLATTENS * (usual - least) > 0:
            seen = usual
    bottom, top = nice_range(least, seen)
    return (max(0.0, bottom) if least >= 0 else bottom), top, highest if highest > top else None
