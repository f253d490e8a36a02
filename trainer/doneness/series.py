"""The values of one measure over the epochs of a bake, each with what is known of its noise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, log, sqrt

from trainer.doneness.studentized_range import largest_by_chance
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.record import MeasureRecord
from trainer.measures.student import CONFIDENCE, quantile
from trainer.noise_floor.record import Floor

FloorOf = Callable[[MeasuredValue], Floor | None]
"""Returns what is known of the noise of a bake's value between bakes; None for nothing."""


@dataclass(frozen=True)
class Point:
    """One value on its way to be compared.

    Attributes:
        step: of the epoch.
        value: the value, or its logarithm where the measure is compared by ratios.
        shown: the value itself.
        spread: standard deviation of `value` that chance makes; None where it is not known.
        degrees: degrees of freedom of `spread`; inf where it is exact.
        floor: of which the spread is; None where it is that of the value's own interval.
        own: standard error that its own interval stands for, and its degrees of freedom; None without an interval.
        is_exact: whether it is the same in every twin: the base's difference from itself, and where twins are known the base's value.
    """

    step: int
    value: float
    shown: float
    spread: float | None
    degrees: float
    floor: Floor | None = None
    own: tuple[float, float] | None = None
    is_exact: bool = False


@dataclass(frozen=True)
class Series:
    """A measure's values over the epochs.

    Attributes:
        record: of the measure.
        points: one for each epoch on the axis; None where it was not measured, or came out as no number.
        start: the value of the base; None where it is not known.
    """

    record: MeasureRecord
    points: tuple[Point | None, ...]
    start: Point | None = None

    @property
    def is_judged(self) -> bool:
        """Whether the noise of any value is known."""
        return any(point is not None and point.spread is not None for point in self.points)


@dataclass(frozen=True)
class Difference:
    """How far apart two values are.

    Attributes:
        first, second: the values.
        value: second less first; of the logarithms where the measure is compared by ratios.
        limit: what chance alone stays below in 95 of 100 cases, of as many values as were compared.
        floor: whose noise that is; None where it is the value's own interval.
    """

    first: Point
    second: Point
    value: float
    limit: float
    floor: Floor | None

    @property
    def times(self) -> float:
        """The difference in units of its limit; inf where chance makes none."""
        return abs(self.value) / self.limit if self.limit > 0 else (inf if self.value else 0.0)

    def goes(self, way: int) -> bool:
        """Return whether it goes up (+1) or down (-1) beyond the noise."""
        return self.value * way > 0 and self.times > 1


def series_of(
    record: MeasureRecord, values: Mapping[int, MeasuredValue], steps: Sequence[int], floor_of: FloorOf, *, zero: bool
) -> Series:
    """Return the series of a measure.

    Args:
        record: of the measure.
        values: step -> its value of one part and scope; step 0 is the base.
        steps: of the axis.
        floor_of: what is known of the noise between bakes.
        zero: whether the base's value is 0 by definition, where it was not measured.
    """
    start = _point(record, values[0], floor_of) if 0 in values else None
    if zero and not record.log_scale and (start is None or start.value == 0):
        start = Point(0, 0.0, 0.0, 0.0, inf, is_exact=True)
    elif start is not None and start.floor is not None:
        # All twins stand on the same base: what varies between them is the other side of every difference from it.
        start = replace(start, spread=0.0, degrees=inf, is_exact=True)
    points = tuple(_point(record, values[step], floor_of) if step in values else None for step in steps)
    return Series(record, _steadied(points), start)


def difference(first: Point, second: Point, compared: int = 2) -> Difference | None:
    """Return how far a value is from one it is held against; None where its noise is not known.

    The noise is that of the first: if nothing had changed, the second would vary as it does. Its own noise says less, because what
    goes wrong goes wrong differently in each twin: that of the demo with ten times the rate is twenty times as large.

    Args:
        first: what is held against.
        second: the value.
        compared: from among how many values these two were chosen; see studentized_range.
    """
    noisy = second if first.is_exact else first
    if noisy.spread is None or second.spread is None:
        return None
    chance = largest_by_chance(max(2, compared), noisy.degrees)
    # Of a difference from what is exact, one alone varies.
    limit = chance * noisy.spread / (sqrt(2) if first.is_exact else 1)
    return Difference(first, second, second.value - first.value, limit, noisy.floor)


def difference_from_exact(first: Point, second: Point, compared: int = 2) -> Difference | None:
    """Return how far a value is from an exact one by its own interval: what it is, whatever twins would be; else by its noise."""
    if not first.is_exact or second.own is None:
        return difference(first, second, compared)
    spread, degrees = second.own
    limit = largest_by_chance(max(2, compared), degrees) / sqrt(2) * spread
    return Difference(first, second, second.value - first.value, limit, None)


def _steadied(points: Sequence[Point | None]) -> tuple[Point | None, ...]:
    """Return the same with the spread between twins up to each epoch in place of that at it: of few twins one may be small by chance."""
    found: list[Point | None] = []
    squares: list[float] = []
    for point in points:
        if point is None or point.floor is None or point.spread is None:
            found.append(point)
            continue
        squares.append(point.spread**2)
        found.append(replace(point, spread=sqrt(sum(squares) / len(squares))))
    return tuple(found)


def _point(record: MeasureRecord, value: MeasuredValue, floor_of: FloorOf) -> Point | None:
    measured = value.value
    if measured is None or not isfinite(measured) or (record.log_scale and measured <= 0):
        return None
    scaled = log(measured) if record.log_scale else measured
    own, floor = _own_spread(record, value), floor_of(value)
    # One of twins that do not vary everything is less than the whole noise.
    if floor is not None and not floor.unknown and isfinite(floor.spread):
        return Point(value.step, scaled, measured, floor.spread, floor.degrees, floor, own)
    spread, degrees = own if own is not None else (None, inf)
    return Point(value.step, scaled, measured, spread, degrees, own=own)


def _own_spread(record: MeasureRecord, value: MeasuredValue) -> tuple[float, float] | None:
    """Return the standard error that a value's own interval stands for, and its degrees of freedom; None without an interval."""
    low, high = value.low, value.high
    if low is None or high is None or not (isfinite(low) and isfinite(high)):
        return None
    if record.log_scale:
        if low <= 0 or high <= 0:
            return None
        low, high = log(low), log(high)
    degrees = float(value.count - 1) if value.count > 1 else inf
    return max(0.0, high - low) / 2 / quantile(CONFIDENCE, degrees), degrees
