"""What a measure answers over the rungs of a ladder, in one sentence with its numbers and its noise."""

import math
from collections.abc import Sequence

from trainer.ladders.record import AnswerKind
from trainer.ladders.rung_noise import Contrast
from trainer.ladders.rung_tests import RungTest
from trainer.ladders.rung_values import MeasureOverRungs, RungValues
from trainer.ladders.shapes import Shape
from trainer.noise_floor.record import Compared, Floor, Standing
from trainer.noise_floor.words import NOT_KNOWN, words
from trainer.text import listed, plural, printable

BY_ITSELF = "outside by itself, not beside the other measures"
"""What is said of a measure that would be outside the noise if it were the only one."""

_MAX_LABEL = 60


def shape_words(measure: MeasureOverRungs, test: RungTest, shape: Shape) -> str:
    """Return the sentence of a measure whose rungs differ."""
    said = _SENTENCES[shape.kind](measure, test, shape)
    return f"{measure.title}: {said}; {_rests_on(measure, test)}{_left_out(measure)}"


def inside_words(
    measure: MeasureOverRungs, test: RungTest | None, *, is_same: bool = False, is_beyond_alone: bool = False
) -> str:
    """Return the sentence of a measure whose rungs do not differ.

    Args:
        measure: the measure.
        test: what it was held against; None where its noise is not known.
        is_same: whether all rungs have the same values to the last digit.
        is_beyond_alone: whether it would be outside the noise if it were the only measure.
    """
    means = [_mean_text(measure, rung) for rung in measure.rungs]
    if is_same:
        values = measure.rungs[0].values
        each = means[0] if len(set(values)) == 1 else "twin by twin"
        return f"{measure.title}: the same to the last digit at all {plural(len(means), 'rung')}, {each}; {_bakes(measure)}"
    lowest, highest = _ends(measure)
    alone = f", {BY_ITSELF}" if is_beyond_alone else ""
    return (
        f"{measure.title}: inside the noise{_lent(measure)}, {lowest} to {highest} over {plural(len(means), 'rung')}{alone};"
        f" {_rests_on(measure, test)}{_left_out(measure)}"
    )


def open_words(measure: MeasureOverRungs, *, single: RungValues | None = None) -> str:
    """Return the sentence of a measure of which nothing can be claimed.

    Args:
        measure: the measure.
        single: the rung on which alone a claim would rest; None where that is not why.
    """
    if single is not None:
        count = len(single.values)
        bakes = "the only bake" if count == 1 else f"the {plural(count, 'bake')}"
        others = [rung for rung in measure.compared if rung is not single]
        values = f"{_mean_text(measure, single)} against {_range(measure, others)} at the others"
        more = "a twin" if count == 1 else "another twin"
        why = f"what stands out rests on {bakes} at {_label(single)} alone, {values}: {more} there would tell"
    elif len(measure.rungs) < 2:
        where = f" ({_label(measure.rungs[0])})" if measure.rungs else ""
        why = f"{plural(len(measure.rungs), 'rung')} with a value{where}"
    elif len(measure.compared) < 2:
        why = f"{plural(len(measure.compared), 'rung')} above 0, which ratios need"
    else:
        lowest, highest = _ends(measure)
        why = f"{lowest} to {highest}, {NOT_KNOWN}"
    return f"{measure.title}: {why}; {_bakes(measure)}"


def noise_words(measure: MeasureOverRungs, test: RungTest, apart: Contrast) -> str:
    """Return how far outside the noise a difference of rungs is: `27 times outside the noise`."""
    whole = max(test.means.groups, key=lambda group: group.degrees)
    floor = Floor(
        spread=math.sqrt(whole.variance),
        bakes=whole.bakes,
        degrees=whole.degrees,
        pictures=measure.pictures,
        borrowed_from=None if measure.lent is None else measure.lent.borrowed_from,
    )
    # A contrast that is just inside by itself belongs to rungs that are outside together.
    times = max(apart.times, 1.0)
    return words(Compared(difference=apart.value, standing=Standing.OUTSIDE, times=times, floor=floor))


def _trend(measure: MeasureOverRungs, test: RungTest, shape: Shape) -> str:
    over = [measure.compared[place] for place in shape.over]
    others = [_label(rung) for rung in measure.compared if rung not in over]
    first, last = over[0], over[-1]
    noisy = f"; the noise at {', '.join(others)} is another, so it is not counted" if others else ""
    return (
        f"{_goes(shape.rises)}{_ratio(measure, first, last)} from {_mean_text(measure, first)} at {_label(first)} to"
        f" {_mean_text(measure, last)} at {_label(last)}, a trend over {plural(len(over), 'rung')},"
        f" {noise_words(measure, test, shape.apart)}{noisy}"
    )


def _cliff(measure: MeasureOverRungs, test: RungTest, shape: Shape) -> str:
    assert shape.between is not None
    before, after = (measure.compared[place] for place in shape.between)
    sides = measure.compared[: shape.between[0] + 1], measure.compared[shape.between[1] :]
    thin = [side[0] for side in sides if len(side) == 1]
    alone = f"; {_label(thin[0])} alone lies on its side, a rung beyond would show whether it lasts" if thin else ""
    return (
        f"a cliff between {_label(before)} and {_label(after)}, {_range(measure, sides[0])} up to {_label(before)} and"
        f" {_range(measure, sides[1])} from {_label(after)} on, {noise_words(measure, test, shape.apart)}{alone}"
    )


def _threshold(measure: MeasureOverRungs, test: RungTest, shape: Shape) -> str:
    assert shape.between is not None
    compared, noise = measure.compared, noise_words(measure, test, shape.apart)
    if shape.flat_first:
        edge, end = compared[shape.between[0]], compared[-1]
        flat = _range(measure, compared[: shape.between[0] + 1])
        return (
            f"a threshold at {_label(edge)}: little of the change lies before ({flat}), then it {_goes(shape.rises)} to"
            f" {_mean_text(measure, end)} at {_label(end)}, {noise}"
        )
    edge, start = compared[shape.between[1]], compared[0]
    flat = _range(measure, compared[shape.between[1] :])
    return (
        f"a threshold at {_label(edge)}: it {_goes(shape.rises)} from {_mean_text(measure, start)} at {_label(start)} up to"
        f" there, and little of the change lies behind ({flat}), {noise}"
    )


def _turn(measure: MeasureOverRungs, test: RungTest, shape: Shape) -> str:
    assert shape.between is not None
    compared = measure.compared
    first, last, top = compared[0], compared[-1], compared[shape.between[0] + 1]
    values = listed([f"{_mean_text(measure, each)} at {_label(each)}" for each in (first, top, last)])
    return (
        f"{_goes(shape.rises)} up to {_label(top)} and {_goes(not shape.rises)} from there on ({values}), an inflection,"
        f" each way {noise_words(measure, test, shape.apart)}"
    )


def _different(measure: MeasureOverRungs, test: RungTest, shape: Shape) -> str:
    compared, noise = measure.compared, noise_words(measure, test, shape.apart)
    if shape.alone is not None:
        rung = compared[shape.alone]
        others = [each for each in compared if each is not rung]
        lesson = "one rung apart shows no trend" if measure.ordered else "the others are inside the noise"
        return (
            f"{_label(rung)} alone is apart, {_mean_text(measure, rung)} against {_range(measure, others)} at the others,"
            f" {noise}; {lesson}"
        )
    assert shape.farthest is not None
    pair = sorted((compared[place] for place in shape.farthest), key=_mean)
    values = " and ".join(f"{_mean_text(measure, each)} at {_label(each)}" for each in pair)
    if len(compared) == 2:
        lesson = "; two rungs show no trend" if measure.ordered else ""
    else:
        lesson = "; they follow no shape" if measure.ordered else "; rungs have no order"
    return f"differs between rungs, farthest between {values}, {noise}{lesson}"


_SENTENCES = {
    AnswerKind.TREND: _trend,
    AnswerKind.CLIFF: _cliff,
    AnswerKind.THRESHOLD: _threshold,
    AnswerKind.TURN: _turn,
    AnswerKind.DIFFERENT: _different,
}


def _goes(rises: bool) -> str:
    return "rises" if rises else "falls"


def _label(rung: RungValues) -> str:
    return printable(rung.label, _MAX_LABEL)


def _mean(rung: RungValues) -> float:
    return rung.sample.mean if rung.sample is not None else -math.inf


def _mean_text(measure: MeasureOverRungs, rung: RungValues) -> str:
    return measure.text(_mean(rung)) if rung.sample is not None else measure.text(-math.inf)


def _range(measure: MeasureOverRungs, rungs: Sequence[RungValues]) -> str:
    """Return the means of some rungs: `10.1 %`, `9.8 % to 10.3 %`."""
    texts = list(dict.fromkeys(measure.text(value) for value in (min(map(_mean, rungs)), max(map(_mean, rungs)))))
    return " to ".join(texts)


def _ends(measure: MeasureOverRungs) -> tuple[str, str]:
    rungs = measure.compared or measure.rungs
    return measure.text(min(map(_mean, rungs))), measure.text(max(map(_mean, rungs)))


def _ratio(measure: MeasureOverRungs, first: RungValues, last: RungValues) -> str:
    """Return how many times as much, or as little: ` 24.3-fold`; "" where values are not compared as ratios."""
    if not measure.record.log_scale:
        return ""
    return f" {math.exp(min(700.0, abs(_mean(last) - _mean(first)))):.3g}-fold"


def _lent(measure: MeasureOverRungs) -> str:
    lent = measure.lent
    if lent is None or lent.borrowed_from is None:
        return ""
    return f" borrowed from {lent.borrowed_from}, same data"


def _rests_on(measure: MeasureOverRungs, test: RungTest | None) -> str:
    """Return what the sentence rests on: `15 bakes, 3 per rung`, with the pictures of each apart."""
    how = []
    if test is not None and test.is_paired:
        how.append("twins paired by their random numbers")
    if test is not None and len(test.means.groups) > 1:
        how.append("noise differs between rungs")
    return "; ".join([_bakes(measure), *how])


def _bakes(measure: MeasureOverRungs) -> str:
    counts = sorted({len(rung.values) for rung in measure.rungs})
    whole = plural(sum(len(rung.values) for rung in measure.rungs), "bake")
    each = (
        f", {' to '.join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))} per rung"
        if len(measure.rungs) > 1
        else ""
    )
    pictures = f", × {plural(measure.pictures, 'picture')}" if measure.pictures else ""
    return f"{whole}{each}{pictures}"


def _left_out(measure: MeasureOverRungs) -> str:
    """Return the rungs that could not be compared: their value is 0, and measures of ratios have no place for it."""
    out = [_label(rung) for rung in measure.rungs if rung.sample is None]
    return f"; 0 at {', '.join(out)}" if out else ""
