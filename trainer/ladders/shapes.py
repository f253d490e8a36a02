"""Shapes of a measure over the rungs: a trend, a cliff, a threshold, a turn, or none, chosen by how well each fits against the noise.

Asked only where the rungs are known to differ. A shape has two or three numbers and a place; each is fitted to the rungs' means by
least squares in units of their noise, and the best fit counts, a place costing as much as chance gains by choosing it. What a fit
then says must be true of the rungs themselves: what is called flat is flat, what is called a step holds most of the change, and a
turn has two legs that are each beyond the noise, of all pairs of rungs at once (Tukey's studentized range; with unlike noise the
degrees of freedom of each pair, as Games and Howell 1976 have it).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.doneness.studentized_range import largest_by_chance
from trainer.ladders.record import AnswerKind
from trainer.ladders.rung_noise import Contrast, RungMeans
from trainer.ladders.rung_tests import is_inside

Numbers = NDArray[np.float64]

# What the free place of a step, or of a bend, gains by chance alone, in squared units of the noise. There are twice as many bends.
_STEP_COST, _BEND_COST = 3.0, 6.0
# What differs by a smaller share of the whole change differs by little.
_LITTLE = 0.2
# A cliff holds more than this share of the whole change.
_MOST = 0.5
_UNSURE = 0.05
# The rungs are known to differ: what turns one shape into another, a second leg or a part that is not flat, must be surer than that.
_SURE = 0.99


@dataclass(frozen=True)
class Shape:
    """What the rungs look like; places count the rungs that have values.

    Attributes:
        kind: of the answer.
        apart: the contrast that shows it: of a turn that of its smaller leg.
        between: the two places between which a cliff or a threshold lies, or the turn's neighbours; None for others.
        alone: the one place that is apart from all others; None for none.
        rises: whether values rise, of a turn first.
        flat_first: of a threshold, whether the flat part comes first.
        farthest: of rungs without a shape, the two that are farthest apart in the noise.
        over: of a trend, the places it goes over: those of like noise.
    """

    kind: AnswerKind
    apart: Contrast
    between: tuple[int, int] | None = None
    alone: int | None = None
    rises: bool = True
    flat_first: bool = True
    farthest: tuple[int, int] | None = None
    over: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Fit:
    """A shape fitted: its misfit in units of the noise, the place it bends or breaks at, and which part is flat."""

    misfit: float
    place: int = 0
    flat_first: bool = True


def shape_of(means: RungMeans, *, ordered: bool) -> Shape:
    """Return the shape of rungs that are known to differ.

    Args:
        means: of the rungs in their order, with their noise.
        ordered: whether that order means anything.
    """
    if len(means) < 3:
        return _no_shape(means)
    alone = _alone(means, ordered=ordered)
    if alone is not None:
        others = [place for place in range(len(means)) if place != alone]
        apart = means.between(others, [alone])
        return Shape(AnswerKind.DIFFERENT, apart, alone=alone, rises=apart.value > 0)
    if not ordered:
        return _no_shape(means)
    legs = _legs(means)
    if len(legs) > 2:
        return _no_shape(means)
    if len(legs) == 2:
        return _turn(means, legs[0][1], [means.difference(*leg) for leg in legs])
    return _tent(means) or _monotone(means) or _no_shape(means)


def _monotone(means: RungMeans) -> Shape | None:
    """Return the shape of values that do not turn, None where none is beyond the noise."""
    line, step, bend = _line(means), _best(_steps(means)), _best(_bends(means))
    best = min(line.misfit, step.misfit + _STEP_COST, bend.misfit + _BEND_COST)
    found = None
    if best == step.misfit + _STEP_COST and _is_cliff(means, step.place):
        before, after = range(step.place + 1), range(step.place + 1, len(means))
        apart = means.between(before, after)
        found = Shape(AnswerKind.CLIFF, apart, (step.place, step.place + 1), rises=apart.value > 0)
    elif best == bend.misfit + _BEND_COST:
        found = _threshold(means, bend)
    return found if found is not None and found.apart.chance <= _UNSURE else _trend(means)


def _trend(means: RungMeans) -> Shape | None:
    """Return the trend over the rungs of like noise, of the larger group where there are several; None where that is none."""
    over = max((group.places for group in means.groups), key=len)
    slope = means.slope(over)
    goes_so = slope.value * (means.means[over[-1]] - means.means[over[0]]) > 0
    if len(over) < 3 or slope.chance > _UNSURE or not goes_so:
        return None
    return Shape(AnswerKind.TREND, slope, rises=slope.value > 0, over=over)


def _is_cliff(means: RungMeans, place: int) -> bool:
    """Return whether a step holds most of the change, and little changes before and behind it."""
    before, after = list(range(place + 1)), list(range(place + 1, len(means)))
    whole = abs(means.between(before, after).value)
    step = abs(means.difference(place, place + 1).value)
    return step > _MOST * whole and all(_is_flat(means, side, whole) for side in (before, after))


def _threshold(means: RungMeans, bend: _Fit) -> Shape | None:
    """Return the threshold at a bend, None where what should be flat is not."""
    last = len(means) - 1
    flat = list(range(bend.place + 1) if bend.flat_first else range(bend.place, last + 1))
    end = last if bend.flat_first else 0
    apart = means.between(flat, [end])
    if not _is_flat(means, flat, abs(apart.value)):
        return None
    between = (bend.place, bend.place + 1) if bend.flat_first else (bend.place - 1, bend.place)
    return Shape(
        AnswerKind.THRESHOLD,
        apart,
        between,
        rises=(apart.value > 0) is bend.flat_first,
        flat_first=bend.flat_first,
    )


def _is_flat(means: RungMeans, places: Sequence[int], whole: float) -> bool:
    """Return whether what places differ by is little beside the whole change, or inside the noise."""
    values = [means.means[place] for place in places]
    if max(values) - min(values) <= _LITTLE * whole:
        return True
    pairs = ((one, other) for at, one in enumerate(places) for other in places[at + 1 :])
    return not any(_is_beyond(means.difference(*pair), len(places)) for pair in pairs)


def _alone(means: RungMeans, *, ordered: bool) -> int | None:
    """Return the one rung that is apart from all others, which are inside the noise; with an order it has neighbours on both sides.

    At an end it may be the end of an ordered change, and is judged as such.
    """
    last = len(means) - 1
    fits = [(_misfit(means, [_ones(means), _at(means, place)]), place) for place in range(last + 1)]
    inner = [each for each in fits if not ordered or 0 < each[1] < last]
    misfit, place = min(inner)
    if not is_inside(means, place, ordered=ordered):
        return None
    if not ordered:
        return place
    # One number fewer than a tent has.
    shaped = [_line(means).misfit - _STEP_COST, _best(_steps(means)).misfit, _best(_bends(means)).misfit]
    if last > 2:
        shaped.append(min(each.misfit for each in _tents(means)) + _STEP_COST)
    return place if misfit <= min(shaped) else None


def _legs(means: RungMeans) -> list[tuple[int, int]]:
    """Return from where to where values rise or fall beyond the noise, in turn: a new leg begins where they have come back as far."""
    legs: list[tuple[int, int]] = []
    low = high = start = extreme = 0
    for place in range(1, len(means)):
        if not legs:
            low = place if means.means[place] < means.means[low] else low
            high = place if means.means[place] > means.means[high] else high
            start = next(
                (at for at in (low, high) if at != place and _is_beyond(means.difference(at, place), len(means))), -1
            )
            if start >= 0:
                legs.append((start, place))
                extreme = place
            continue
        onward = means.difference(legs[-1][0], extreme).value > 0
        further = means.difference(extreme, place)
        if further.value and (further.value > 0) is onward:
            extreme = place
            legs[-1] = (legs[-1][0], place)
        elif _is_beyond(further, len(means)):
            legs.append((extreme, place))
            extreme = place
    return legs


def _tent(means: RungMeans) -> Shape | None:
    """Return the turn at which a line each way is beyond the noise, of all places it may be at; None for none, and where less fits better."""
    last = len(means) - 1
    found = []
    plainer = min(
        _line(means).misfit, _best(_steps(means)).misfit + _STEP_COST, _best(_bends(means)).misfit + _BEND_COST
    )
    for fit in _tents(means):
        place = fit.place
        if fit.misfit + _BEND_COST > plainer:
            continue
        sides = [means.slope(range(place + 1)), means.slope(range(place, last + 1))]
        if sides[0].value * sides[1].value < 0 and all(side.chance <= 2 * (1 - _SURE) / (last - 1) for side in sides):
            found.append((min(side.times for side in sides), place, sides))
    if not found:
        return None
    _, place, sides = max(found, key=lambda each: each[0])
    return _turn(means, place, sides)


def _turn(means: RungMeans, place: int, legs: Sequence[Contrast]) -> Shape:
    smaller = min(legs, key=lambda leg: leg.times)
    return Shape(AnswerKind.TURN, smaller, (place - 1, place + 1), rises=legs[0].value > 0)


def _no_shape(means: RungMeans) -> Shape:
    """Return that rungs differ, by the two that are farthest apart."""
    pairs = [(one, other) for one in range(len(means)) for other in range(one + 1, len(means))]
    farthest = max(pairs, key=lambda pair: abs(means.difference(*pair).t))
    apart = means.difference(*farthest)
    return Shape(AnswerKind.DIFFERENT, apart, rises=apart.value > 0, farthest=farthest)


def _is_beyond(apart: Contrast, count: int) -> bool:
    """Return whether two of so many rungs differ beyond what chance alone makes of the most distant ones."""
    # Below one degree of freedom the distribution has no use; rounding down claims less.
    degrees = max(1, math.floor(apart.degrees + 1e-9)) if math.isfinite(apart.degrees) else math.inf
    return abs(apart.t) * math.sqrt(2) > largest_by_chance(count, degrees, _SURE)


def _line(means: RungMeans) -> _Fit:
    return _Fit(_misfit(means, [_ones(means), _index(means)]))


def _steps(means: RungMeans) -> Iterator[_Fit]:
    """Yield the fit of each step; its place is the last rung before it."""
    for place in range(len(means) - 1):
        yield _Fit(_misfit(means, [_ones(means), _index(means) > place]), place)


def _bends(means: RungMeans) -> Iterator[_Fit]:
    """Yield the fit of each line with a flat part before or behind it, of two rungs at least, as the line has two more."""
    last = len(means) - 1
    for place in range(1, last - 1):
        yield _Fit(_misfit(means, [_ones(means), np.maximum(0, _index(means) - place)]), place)
    for place in range(2, last):
        yield _Fit(_misfit(means, [_ones(means), np.minimum(0, _index(means) - place)]), place, flat_first=False)


def _tents(means: RungMeans) -> Iterator[_Fit]:
    for place in range(1, len(means) - 1):
        off = _index(means) - place
        yield _Fit(_misfit(means, [_ones(means), np.minimum(0, off), np.maximum(0, off)]), place)


def _best(fits: Iterator[_Fit]) -> _Fit:
    return min(fits, key=lambda fit: fit.misfit, default=_Fit(math.inf))


def _misfit(means: RungMeans, columns: Sequence[NDArray[np.generic]]) -> float:
    """Return the squares that are left of the means after a fit, in units of their noise."""
    variances = np.array([means.variance(place) for place in range(len(means))])
    # Where twins do not differ at all every mean counts as much.
    weights = 1 / np.sqrt(variances) if (variances > 0).all() else np.full(len(means), 1e9)
    design = np.stack([np.asarray(column, np.float64) for column in columns], axis=1) * weights[:, None]
    values = np.asarray(means.means, np.float64) * weights
    solved = np.linalg.lstsq(design, values, rcond=None)[0]
    left: Numbers = values - design @ solved
    return float(left @ left)


def _ones(means: RungMeans) -> Numbers:
    return np.ones(len(means))


def _index(means: RungMeans) -> Numbers:
    return np.arange(len(means), dtype=np.float64)


def _at(means: RungMeans, place: int) -> Numbers:
    return np.asarray(_index(means) == place, dtype=np.float64)
