"""Plots over a bake's steps as coordinates: what an SVG needs to draw them."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trainer.report.record import StepCurve, StepPlot

T = TypeVar("T")

WIDTH, HEIGHT = 720, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 26
# Values beyond it are damaged, and their distances no numbers.
_LARGEST = 1e150
# A few steps far above all others would press the rest against the axis.
_HIGHEST = 4.0
_TICKS = 4


@dataclass(frozen=True)
class DrawnLine:
    """One line of a plot: its label, the points of its pieces and of the outlines of its band, as SVG has them."""

    label: str
    pieces: tuple[str, ...]
    dots: tuple[tuple[str, str], ...]
    bands: tuple[str, ...]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where it is and what stands there."""

    place: str
    label: str


@dataclass(frozen=True)
class DrawnPlot:
    """A plot in an SVG's coordinates."""

    lines: tuple[DrawnLine, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    cut: bool
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def number_label(value: float, unit: str) -> str:
    """Return a value as an axis or a table has it."""
    digits = re.sub(r"e([+-])0*(\d)", r"e\1\2", f"{100 * value if unit == '%' else value:.3g}").replace("e+", "e")
    text = f"{digits} {unit}".rstrip()
    return f"−{text[1:]}" if text.startswith("-") else text


def drawn(plot: StepPlot) -> DrawnPlot | None:
    """Return a plot's coordinates; None where it has no value that can be drawn."""
    lowest, highest, cut = _range(plot)
    if lowest is None or highest is None:
        return None
    # All plots of a report begin with the bake, so that one stands under the other.
    first = 0.0
    last = max([plot.last, *(step for line in plot.lines for step in line.steps)])
    scale = _Scale(first, max(last, first + 1), _to_axis(lowest, plot), _to_axis(highest, plot), plot)
    y_ticks = _decades(lowest, highest) if plot.log_scale else _round_numbers(lowest, highest)
    return DrawnPlot(
        tuple(_line(line, scale) for line in plot.lines),
        tuple(
            Tick(f"{scale.x(step):.1f}", f"{step:,.0f}") for step in _round_numbers(first, last) if step == int(step)
        ),
        tuple(
            Tick(f"{place:.1f}", number_label(value, plot.unit))
            for value in y_ticks
            if (place := scale.y(value)) is not None
        ),
        cut,
    )


@dataclass(frozen=True)
class _Scale:
    """From steps and values to coordinates."""

    first: float
    last: float
    lowest: float
    highest: float
    plot: StepPlot

    def x(self, step: float) -> float:
        return _LEFT + (step - self.first) / (self.last - self.first) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float | None:
        """Return where a value is drawn, None for what cannot be; what lies outside stands at the edge."""
        if not _can_be_drawn(value, self.plot):
            return None
        at = (_to_axis(value, self.plot) - self.lowest) / (self.highest - self.lowest)
        return HEIGHT - _BOTTOM - min(1.0, max(0.0, at)) * (HEIGHT - _TOP - _BOTTOM)


def _can_be_drawn(value: float, plot: StepPlot) -> bool:
    return abs(value) < _LARGEST and (not plot.log_scale or value > 1 / _LARGEST)


def _to_axis(value: float, plot: StepPlot) -> float:
    return math.log10(value) if plot.log_scale else value


def _range(plot: StepPlot) -> tuple[float | None, float | None, bool]:
    """Return the lowest and the highest value drawn, and whether higher ones are cut off."""
    able = [
        value
        for line in plot.lines
        for values in (line.values, line.low, line.high)
        for value in values
        if _can_be_drawn(value, plot)
    ]
    if not able:
        return None, None, False
    lowest, highest = min(able), max(able)
    means = sorted(value for line in plot.lines for value in line.values if _can_be_drawn(value, plot))
    usual = means[round(0.98 * (len(means) - 1))] if means else highest
    cut = not plot.log_scale and 0 < _HIGHEST * usual < highest
    if cut:
        highest = _HIGHEST * usual
    if highest - lowest <= 1e-9 * max(abs(highest), abs(lowest)):
        room = abs(highest) * 0.1 or 1.0
        lowest, highest = (lowest / 1.5, highest * 1.5) if plot.log_scale else (lowest - room, highest + room)
    return lowest, highest, cut


def _line(line: StepCurve, scale: _Scale) -> DrawnLine:
    points = [None if (y := scale.y(value)) is None else (scale.x(step), y) for step, value in zip(line.steps, line.values, strict=True)]  # fmt: skip
    pieces = tuple(_pieces(points))
    dots = tuple((f"{x:.1f}", f"{y:.1f}") for x, y in filter(None, points)) if len(points) <= 60 else ()
    return DrawnLine(
        line.label, tuple(_text(piece) for piece in pieces if len(piece) > 1), dots, tuple(_bands(line, scale))
    )


def _bands(line: StepCurve, scale: _Scale) -> Iterator[str]:
    if not line.low or not line.high:
        return
    edges = [
        None if low is None or high is None else (scale.x(step), low, high)
        for step, low, high in zip(line.steps, map(scale.y, line.low), map(scale.y, line.high), strict=True)
    ]
    for piece in _pieces(edges):
        if len(piece) > 1:
            yield _text([(x, high) for x, _, high in piece] + [(x, low) for x, low, _ in reversed(piece)])


def _pieces(points: Sequence[T | None]) -> Iterator[list[T]]:
    """Yield the stretches without a gap."""
    piece: list[T] = []
    for point in points:
        if point is None:
            if piece:
                yield piece
            piece = []
        else:
            piece.append(point)
    if piece:
        yield piece


def _text(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _round_numbers(lowest: float, highest: float) -> list[float]:
    """Return some round numbers from the lowest to the highest."""
    raw = (highest - lowest) / _TICKS
    if not raw > 1 / _LARGEST:
        return [lowest]
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((power * times for times in (1, 2, 5) if power * times >= raw), power * 10)
    first = math.ceil(lowest / step - 1e-9)
    return [(first + at) * step for at in range(int((highest - first * step) / step + 1e-9) + 1)]


def _decades(lowest: float, highest: float) -> list[float]:
    """Return the powers of ten in a range, or its ends where it has fewer than two."""
    found = [10.0**power for power in range(math.ceil(math.log10(lowest)), math.floor(math.log10(highest)) + 1)]
    every = max(1, -(-len(found) // 6))
    return found[::every] if len(found) > 1 else [lowest, highest]
