"""What a rule finds in a series: at which epochs its trend is there beyond the noise, and by how much."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, log

from trainer.doneness.rules import MORE_STEPS, RANDOM_GROWTH, SEEN_SHARE, Rule, Trend
from trainer.doneness.series import Difference, Point, Series, difference, difference_from_exact


@dataclass(frozen=True)
class Seen:
    """What a rule saw at one epoch.

    Attributes:
        is_there: whether its trend is there beyond the noise.
        difference: what it rests on; None where nothing had to be compared.
    """

    is_there: bool
    difference: Difference | None = None


Sight = tuple[Seen | None, ...]
"""What a rule saw at each epoch of the axis; None where it cannot judge."""


@dataclass(frozen=True)
class TrendWindow:
    """Which epochs a trend may look at.

    Attributes:
        end: place of the first epoch at which something got worse; the number of epochs where nothing did.
        rest: place of the first epoch from which nothing is gained any more; None where that is not known, or never comes.
    """

    end: int
    rest: int | None = None


def look(rule: Rule, series: Series, window: TrendWindow) -> Sight:
    """Return what a rule sees in a series. A trend that tells of something lasting is there where it lasts; see Trend."""
    seen = _LOOKS[rule.trend](rule, series, window)
    if rule.trend in (Trend.LEFT_START, Trend.ABOVE_ZERO):
        return _lasting(seen[: window.end]) + seen[window.end :]
    if rule.trend in (Trend.WORSE_THAN_BEST, Trend.WORSE_SINCE_REST):
        return _lasting(seen)
    return _until_last(seen)


def onset(sights: Sequence[Sight], count: int) -> int:
    """Return the place of the first epoch at which any of these trends is there; `count` where none is."""
    places = (place for place in range(count) if any(is_there(sight[place]) for sight in sights))
    return next(places, count)


def is_there(seen: Seen | None) -> bool:
    """Return whether a trend was seen."""
    return seen is not None and seen.is_there


def _lasting(seen: Sight) -> Sight:
    """Return the same, there only where it is there at every later epoch that can be judged, too."""
    found: list[Seen | None] = []
    lasts = True
    for each in reversed(seen):
        lasts = lasts and (each is None or each.is_there)
        found.append(each if each is None or lasts else Seen(False, each.difference))
    return tuple(reversed(found))


def _until_last(seen: Sight) -> Sight:
    """Return the same, there at every judged epoch before one at which it is: what still moves later has not come to rest."""
    found: list[Seen | None] = []
    later: Seen | None = None
    for each in reversed(seen):
        later = each if is_there(each) else later
        found.append(later if each is not None and later is not None else each)
    return tuple(reversed(found))


def _left_start(rule: Rule, series: Series, window: TrendWindow) -> Sight:
    start, better = series.start, rule.better
    before = [point for point in series.points[: window.end] if point is not None]
    if start is None:
        return (None,) * len(series.points)
    best = max((better * (point.value - start.value) for point in before), default=0.0)

    def seen(point: Point) -> Seen | None:
        apart = difference(start, point)
        if apart is None:
            return None
        return Seen(apart.goes(better) and 2 * better * apart.value >= best, apart)

    return _each(series, seen)


def _above_zero(rule: Rule, series: Series, window: TrendWindow) -> Sight:
    zero = Point(0, 0.0, 0.0, 0.0, inf, is_exact=True)

    def seen(point: Point) -> Seen | None:
        apart = difference(zero, point)
        return None if apart is None else Seen(apart.goes(+1), apart)

    return _each(series, seen)


def _still_changes(rule: Rule, series: Series, window: TrendWindow) -> Sight:
    """Look ahead, and where the bake ends (or burns) before it has shown that nothing comes any more, back."""
    inside = [point for point in series.points[: window.end] if point is not None]
    if not inside:
        return (None,) * len(series.points)
    last, count = inside[-1].step, len(inside) + 1
    before = [point for point in (series.start, *inside) if point is not None and point.step * MORE_STEPS <= last]

    best_ahead = _best_ahead(rule.better, inside)

    def seen(point: Point) -> Seen | None:
        other = best_ahead.get(point.step)
        ahead = difference(point, other, count) if other is not None else None
        known = [ahead] if ahead is not None else []
        if point.step * MORE_STEPS > last:
            back = difference(before[-1], point, count) if before else None
            if back is None:
                return None
            known.append(back)
        if not known:
            return None
        most = max(known, key=lambda apart: rule.better * apart.value)
        if most.goes(rule.better):
            return Seen(True, most)
        # That nothing comes any more can only be said where a change worth the name would have shown.
        gained = abs(point.value - series.start.value) if series.start is not None else 0.0
        return Seen(False, most) if most.limit <= SEEN_SHARE * gained else None

    return _each(series, seen, window.end)


def _best_ahead(better: int, points: Sequence[Point]) -> Mapping[int, Point]:
    """Return, by the step of each point, the best one after it of those whose noise is known; of equal ones the first.

    They are all held against the same noise, that of the point before, so the best is the one farthest from it.
    """
    found: dict[int, Point] = {}
    best: Point | None = None
    for point in reversed(points):
        if best is not None:
            found[point.step] = best
        if point.spread is not None and (best is None or better * point.value >= better * best.value):
            best = point
    return found


def _outgrows_chance(rule: Rule, series: Series, window: TrendWindow) -> Sight:
    inside = [point for point in series.points[: window.end] if point is not None]

    def seen(point: Point) -> Seen | None:
        before = [other for other in inside if other.step * MORE_STEPS <= point.step]
        if not before:
            return None
        apart = difference(before[-1], point)
        if apart is None:
            return None
        by_chance = RANDOM_GROWTH * log(point.step / before[-1].step)
        grown = apart.value if series.record.log_scale else _ratio(apart)
        limit = apart.limit if series.record.log_scale else apart.limit / max(abs(point.value), 1e-300)
        if grown - by_chance > limit:
            return Seen(True, apart)
        # Growth with the steps themselves, twice as far in logarithms, would have shown.
        return Seen(False, apart) if limit <= by_chance else None

    return _each(series, seen, window.end)


def _ratio(apart: Difference) -> float:
    """Return the logarithm of the ratio of two values that are compared as they are."""
    return log(apart.second.value / apart.first.value) if min(apart.first.value, apart.second.value) > 0 else 0.0


def _worse_than_best(rule: Rule, series: Series, window: TrendWindow) -> Sight:
    count = sum(point is not None for point in series.points) + 1

    def seen(point: Point) -> Seen | None:
        # What the base has by itself was never gained, and so cannot be lost.
        start = None if rule.better > 0 else series.start
        before = [other for other in (start, *series.points) if other is not None and other.step < point.step]
        if not before:
            return None
        best = max(before, key=lambda other: rule.better * other.value)
        apart = difference_from_exact(best, point, count)
        return None if apart is None else Seen(apart.goes(-rule.better), apart)

    return _each(series, seen)


def _worse_since_rest(rule: Rule, series: Series, window: TrendWindow) -> Sight:
    count = sum(point is not None for point in series.points)
    at_rest = None if window.rest is None else series.points[window.rest]
    if at_rest is None:
        return (None,) * len(series.points)

    def seen(point: Point) -> Seen | None:
        if point.step <= at_rest.step:
            return None if point.spread is None else Seen(False)
        apart = difference(at_rest, point, count)
        return None if apart is None else Seen(apart.goes(-rule.better), apart)

    return _each(series, seen)


def _each(series: Series, seen: Callable[[Point], Seen | None], end: int | None = None) -> Sight:
    """Return what is seen at each point, None where there is none and from `end` on."""
    inside = series.points if end is None else series.points[:end]
    found = tuple(None if point is None else seen(point) for point in inside)
    return found + (None,) * (len(series.points) - len(inside))


_LOOKS: Mapping[Trend, Callable[[Rule, Series, TrendWindow], Sight]] = {
    Trend.LEFT_START: _left_start,
    Trend.ABOVE_ZERO: _above_zero,
    Trend.STILL_CHANGES: _still_changes,
    Trend.OUTGROWS_CHANCE: _outgrows_chance,
    Trend.WORSE_THAN_BEST: _worse_than_best,
    Trend.WORSE_SINCE_REST: _worse_since_rest,
}
