"""A measure's values over the rungs of a ladder, and what they answer.

Of many measures at once the smallest probabilities must be smaller (Holm 1979), as wherever values are compared here, so that of 100
ladders of noise alone at most 5 have a measure that is called anything but inside the noise. What rests on a single bake is left open.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from trainer.ladders.curve_words import inside_words, open_words, shape_words
from trainer.ladders.record import AnswerKind, LadderCurve, LadderPoint
from trainer.ladders.rung_tests import RungTest, is_inside, probability_without, stands_by_itself, tested
from trainer.ladders.rung_values import MeasureOverRungs, RungValues, mean_of
from trainer.ladders.shapes import Shape, shape_of
from trainer.measures.student import CONFIDENCE, quantile

_ALONE = 1 - CONFIDENCE
# Half of that, so that of any hundred ladders of noise alone hardly ever more than five are called anything.
_LEVEL = _ALONE / 2


def curves_of(measures: Sequence[MeasureOverRungs]) -> tuple[LadderCurve, ...]:
    """Return what several measures of one ladder answer together, in their order."""
    tests = [_test(measure) for measure in measures]
    levels = _levels(tests)
    return tuple(_curve(measure, test, level) for measure, test, level in zip(measures, tests, levels, strict=True))


def _test(measure: MeasureOverRungs) -> RungTest | None:
    """Return whether the rungs differ; None where nothing can be compared."""
    return tested(measure.samples, ordered=measure.ordered, grain=measure.grain, lent=measure.lent)


def _levels(tests: Sequence[RungTest | None]) -> list[float | None]:
    """Return the probability below which each measure is outside the noise, None for one that is not (Holm's step-down)."""
    levels: list[float | None] = [None] * len(tests)
    known = sorted((test.probability, place) for place, test in enumerate(tests) if test is not None)
    for passed, (probability, place) in enumerate(known):
        level = _LEVEL / (len(known) - passed)
        if probability > level:
            break
        levels[place] = level
    return levels


def _curve(measure: MeasureOverRungs, test: RungTest | None, level: float | None) -> LadderCurve:
    """Return the curve of a measure; `level` is None where it is not outside the noise."""
    if _is_same(measure):
        return _made(measure, test, AnswerKind.INSIDE, inside_words(measure, test, is_same=True))
    if test is None:
        return _made(measure, test, AnswerKind.OPEN, open_words(measure))
    if level is None:
        words = inside_words(measure, test, is_beyond_alone=test.probability <= _ALONE)
        return _made(measure, test, AnswerKind.INSIDE, words)
    shape = shape_of(test.means, ordered=measure.ordered)
    single = next(_rests_on(measure, test, shape, level), None)
    if single is not None:
        words = open_words(measure, single=single)
        return replace(_made(measure, test, AnswerKind.OPEN, words), rests_on=single.rung)
    return _made(measure, test, shape.kind, shape_words(measure, test, shape), shape)


def _rests_on(measure: MeasureOverRungs, test: RungTest, shape: Shape, level: float) -> Iterator[RungValues]:
    """Yield the rungs on which alone the answer rests, and which are too few or too noisy for it."""
    for place, rung in enumerate(measure.compared):
        if len(rung.values) == 1:
            if probability_without(test.means, place, ordered=measure.ordered) > level:
                yield rung
        elif (
            _may_rest_on_one(shape, len(test.means))
            and is_inside(test.means, place, ordered=measure.ordered)
            and not stands_by_itself(measure.samples, test, place, measure.grain)
        ):
            yield rung


def _may_rest_on_one(shape: Shape, rungs: int) -> bool:
    """Return whether a shape can be the doing of one rung. Of two rungs either is compared with the other, as bakes always are."""
    if rungs < 3 or shape.kind in (AnswerKind.TREND, AnswerKind.THRESHOLD):
        return False
    is_inner = shape.between is not None and shape.between[0] > 0 and shape.between[1] < rungs - 1
    return shape.kind is not AnswerKind.CLIFF or not is_inner


def _is_same(measure: MeasureOverRungs) -> bool:
    """Return whether every rung has the same values to the last digit."""
    values = [sorted(rung.values) for rung in measure.rungs]
    return len(values) > 1 and all(each == values[0] for each in values)


def _made(
    measure: MeasureOverRungs, test: RungTest | None, kind: AnswerKind, words: str, shape: Shape | None = None
) -> LadderCurve:
    compared = measure.compared
    between = None
    if shape is not None and shape.between is not None:
        between = compared[shape.between[0]].rung, compared[shape.between[1]].rung
    return LadderCurve(
        name=measure.record.key,
        part=measure.part,
        scope=measure.scope,
        step=measure.step,
        at=measure.at,
        points=tuple(_point(measure, rung, test) for rung in measure.rungs),
        kind=kind,
        words=words,
        between=between,
        times=None if shape is None else shape.apart.times,
    )


def _point(measure: MeasureOverRungs, rung: RungValues, test: RungTest | None) -> LadderPoint:
    mean = mean_of(measure.record, rung.values)
    if test is None or rung.sample is None:
        return LadderPoint(rung=rung.rung, values=rung.values, mean=mean)
    place = measure.compared.index(rung)
    group = next(group for group in test.unpaired if place in group.places)
    half = quantile(CONFIDENCE, group.degrees) * math.sqrt(group.variance / len(rung.sample.values))
    low, high = (measure.off_scale(rung.sample.mean + side * half) for side in (-1, 1))
    return LadderPoint(rung=rung.rung, values=rung.values, mean=mean, low=low, high=high)
