"""Contents of the two plots: loss raw, smoothed and of validation; the rates so far or as planned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING

from lora_tui.plots.braille import PlotLine, Window, nice_range
from lora_tui.snapshot import Snapshot
from lora_tui.wording.numbers import rate
from lora_tui.workers.smoothing import smooth
from trainer.families.registry import part_record
from trainer.journal.records import Bake, Curve, MarkKind
from trainer.settings.parts import all_parts, metric_of

if TYPE_CHECKING:
    from lora_tui.workers.planner import PlannedRates
    from trainer.settings.parts import Part

_SEEN_SHARE = 0.95
_NO_WINDOW = Window(0, 1, 0, 1)


@dataclass(frozen=True)
class Plot:
    """One plot as a widget draws it.

    Attributes:
        lines: back to front.
        window: what of the plane is seen.
        marks: (step, text) under the plot.
        events: steps at which something was done to the bake, each an upright line behind the curves.
        say: how a value of the y axis is written.
        parts: of the base whose rates are drawn, the predicting one first.
        centred: whether each text of `marks` stands with its middle at its step; else it ends there.
    """

    lines: tuple[PlotLine, ...] = ()
    window: Window = _NO_WINDOW
    marks: tuple[tuple[int, str], ...] = ()
    events: tuple[int, ...] = ()
    say: Callable[[float], str] = str
    parts: "tuple[Part, ...]" = ()
    centred: bool = False


def role_of(part: "Part") -> str:
    """Return the role in which a part's rate is drawn."""
    return part_record(part).follows.replace("_", "-")


def loss_plot(snapshot: Snapshot) -> Plot:
    """Return raw loss as a band, its running mean, and the validation loss."""
    bake, curve = snapshot.bake, snapshot.curves.get("loss")
    if bake is None or curve is None or not curve.steps:
        return Plot()
    raw = PlotLine("raw", curve.steps, curve.low, curve.high)
    mean = smooth(curve.mean)
    trends = [PlotLine("smooth", curve.steps, mean, mean)]
    if snapshot.validations:
        steps, losses = zip(*snapshot.validations, strict=True)
        # The two often lie on each other: the line goes below, the marks above.
        trends.insert(0, PlotLine("validation", steps, losses, losses))
        trends.append(PlotLine("validation", steps, losses, losses, joined=False))
    bottom, top = nice_range(*_reach(raw, trends))
    # A loss is never below zero, and a curve near it reads best against it.
    bottom = max(0.0, bottom)
    window = Window(0, _last_step(bake, curve), bottom, top)
    return Plot((raw, *trends), window, _epoch_marks(bake), _events(snapshot), _loss_axis(top - bottom))


def rates_plot(snapshot: Snapshot) -> Plot:
    """Return every part's rate over the bake."""
    bake = snapshot.bake
    if bake is None:
        return Plot()
    curves = {
        part: curve
        for part in all_parts()
        if (curve := snapshot.curves.get(metric_of(part))) is not None and curve.steps
    }
    # Back to front: the predicting part's curve is the one that counts most.
    lines = [PlotLine(role_of(part), curve.steps, curve.low, curve.high) for part, curve in reversed(curves.items())]
    if not lines:
        return Plot()
    last = max(_last_step(bake, None), *(line.steps[-1] for line in lines))
    window = _rates_window(lines, last)
    return Plot(tuple(lines), window, _epoch_marks(bake), _events(snapshot), rate, tuple(curves))


def planned_rates_plot(rates: "PlannedRates") -> Plot:
    """Return every part's rate as its schedule will run it, a stop as an upright line."""
    parts = tuple(part for part in all_parts() if part in rates.by_part)
    lines = [PlotLine(role_of(part), rates.steps, rates.by_part[part], rates.by_part[part]) for part in reversed(parts)]
    if not lines or not rates.steps:
        return Plot()
    return Plot(tuple(lines), _rates_window(lines, max(rates.steps[-1], 1)), events=rates.stops, say=rate, parts=parts)


def _rates_window(lines: Sequence[PlotLine], last: float) -> Window:
    top = max((value for line in lines for value in line.high if isfinite(value)), default=0.0)
    return Window(0, last, 0.0, top or 1e-6)


def _reach(raw: PlotLine, trends: Sequence[PlotLine]) -> tuple[float, float]:
    """Return the least and greatest value to see: all of the trends, and raw values but for the highest few.

    One step's loss may be five times the mean; drawn whole it would flatten what one looks for. It is held at the edge instead.
    """
    highs = sorted(value for value in raw.high if isfinite(value))
    seen = highs[: max(1, round(len(highs) * _SEEN_SHARE))]
    seen += [value for value in raw.low if isfinite(value) and (not seen or value <= seen[-1])]
    seen += [value for line in trends for value in line.high if isfinite(value)]
    return (min(seen), max(seen)) if seen else (nan, nan)


def _last_step(bake: Bake, curve: Curve | None) -> float:
    seen = curve.steps[-1] if curve is not None and curve.steps else 1
    return max(bake.total_steps, seen, 1)


def _epoch_marks(bake: Bake) -> tuple[tuple[int, str], ...]:
    if not bake.steps_per_epoch:
        return ()
    epochs = bake.total_steps // bake.steps_per_epoch
    return tuple((epoch * bake.steps_per_epoch, f"e{epoch}") for epoch in range(1, epochs + 1))


def _events(snapshot: Snapshot) -> tuple[int, ...]:
    """Return the steps of what changed the course of the bake; a pause or a save changed nothing."""
    return tuple(dict.fromkeys(mark.step for mark in snapshot.marks if mark.kind is not MarkKind.ORDER))


def _loss_axis(reach: float) -> Callable[[float], str]:
    return _coarse if reach >= 0.1 else _fine


def _coarse(value: float) -> str:
    return f"{value:.2f}"


def _fine(value: float) -> str:
    return f"{value:.3f}"
