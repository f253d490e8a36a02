"""Tests of whether a measure differs between rungs at all, so that noise alone is called a difference in 5 of 100 ladders at most."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from trainer.ladders.rung_noise import Contrast, NoiseGroup, RungMeans, RungSample, noise_groups, paired_noise
from trainer.measures.student import above_f
from trainer.noise_floor.record import Floor
from trainer.noise_floor.spread import pooled

# As a share of the largest value: what sums differ by that should be the same.
_ROUNDING = 1e-12
# Of the few tests of the other rungs, each by itself.
_REST = 0.02
# With the noise of one rung's bakes alone: a few of those that burn agree by chance, and only these are asked about.
_BY_ITSELF = 0.03


@dataclass(frozen=True)
class RungTest:
    """What the noise says of the rungs as a whole.

    Attributes:
        probability: of rungs that differ as much, where all of it is noise.
        means: with the noise that they were held against.
        is_paired: whether twins were paired by their random numbers.
        unpaired: noise of each rung's bakes, whether or not twins were paired.
    """

    probability: float
    means: RungMeans
    is_paired: bool
    unpaired: tuple[NoiseGroup, ...]


def tested(
    samples: Sequence[RungSample], *, ordered: bool, grain: float = 0.0, lent: Floor | None = None
) -> RungTest | None:
    """Return whether rungs differ; None where their noise is not known, or there are fewer than two.

    Within rungs of like noise all means are compared at once by an analysis of variance (Fisher's F) and, where rungs have an order,
    by the linear contrast over it, which finds a trend of small steps; rungs of other noise are compared with them by Welch's t (1947).
    Of these tests the smallest probability counts, times their number (Bonferroni). Neither F nor the contrast over all rungs is taken
    in by one bake that is far off, since it raises the noise with the difference: so the rate of false claims also holds for noise
    with heavy tails.

    Args:
        samples: of the rungs, in their order.
        ordered: whether that order means anything.
        grain, lent: as noise_groups has them.
    """
    if len(samples) < 2:
        return None
    groups = unpaired = noise_groups(samples, ordered=ordered, grain=grain, lent=lent)
    if not groups:
        return None
    paired = paired_noise(samples, grain) if len(groups) == 1 else None
    if paired is not None:
        groups = (paired,)
    means = RungMeans(tuple(sample.mean for sample in samples), groups, tuple(len(sample.values) for sample in samples))
    chances = list(_chances(means, ordered))
    probability = min(1.0, len(chances) * min(chances))
    return RungTest(probability, means, paired is not None, unpaired)


def is_inside(means: RungMeans, left_out: int, *, ordered: bool) -> bool:
    """Return whether all rungs but one are inside the noise, each test by itself.

    Args:
        means: of all rungs, with their noise.
        left_out: place of the one.
        ordered: whether the order of rungs means anything.
    """
    return min(_chances(_without(means, left_out), ordered), default=1.0) > _REST


def probability_without(means: RungMeans, left_out: int, *, ordered: bool) -> float:
    """Return the probability of rungs that differ as much as all but one do, held against the noise of all."""
    chances = list(_chances(_without(means, left_out), ordered))
    return min(1.0, len(chances) * min(chances)) if chances else 1.0


def _without(means: RungMeans, left_out: int) -> RungMeans:
    rest = [place for place in range(len(means)) if place != left_out]
    groups = tuple(
        replace(group, places=tuple(rest.index(place) for place in group.places if place != left_out))
        for group in means.groups
        if group.places != (left_out,)
    )
    return RungMeans(tuple(means.means[place] for place in rest), groups, tuple(means.counts[place] for place in rest))


def stands_by_itself(samples: Sequence[RungSample], test: RungTest, place: int, grain: float = 0.0) -> bool:
    """Return whether one rung is apart from the mean of the others by the noise of its own bakes, which may be another than theirs.

    A rung that burns is noisier than the others, and two of its bakes may agree by chance: pooled noise would then call it apart.

    Args:
        samples: of the rungs.
        test: what was found of them.
        place: the one.
        grain: as noise_groups has it.
    """
    apart = _pairs_apart(samples, place) if test.is_paired else _apart(samples, test.means, place, grain)
    return apart is not None and apart.chance <= _BY_ITSELF


def _apart(samples: Sequence[RungSample], means: RungMeans, place: int, grain: float) -> Contrast | None:
    """Return how far a rung is from the mean of the others, its own noise against theirs (Welch)."""
    own = samples[place].noise
    if own is None:
        return None
    alone = NoiseGroup((place,), max(own.variance, (grain / 2) ** 2), own.degrees, own.bakes)
    others = [
        replace(group, places=tuple(each for each in group.places if each != place))
        for group in means.groups
        if group.places != (place,)
    ]
    rest = [each for each in range(len(means)) if each != place]
    return replace(means, groups=(alone, *others)).between(rest, [place])


def _pairs_apart(samples: Sequence[RungSample], place: int) -> Contrast | None:
    """Return how far a rung is from the mean of the others, twin by twin of the same random numbers."""
    rows = [dict(zip(sample.seeds, sample.values, strict=True)) for sample in samples]
    others = [row for at, row in enumerate(rows) if at != place]
    apart = [value - math.fsum(row[seed] for row in others) / len(others) for seed, value in rows[place].items()]
    noise = pooled([apart])
    if noise is None:
        return None
    return Contrast(math.fsum(apart) / len(apart), math.sqrt(noise.variance / len(apart)), noise.degrees)


def _chances(means: RungMeans, ordered: bool) -> Iterator[float]:
    for group in means.groups:
        if len(group.places) > 1:
            yield _omnibus(means, group)
        if ordered and len(group.places) > 2:
            yield means.slope(group.places).chance
    for one, other in pairwise(sorted(means.groups, key=lambda group: group.variance)):
        yield means.between(one.places, other.places).chance


def _omnibus(means: RungMeans, group: NoiseGroup) -> float:
    """Return the probability of F, the variance between rungs by that within them."""
    counts = [means.counts[place] for place in group.places]
    values = [means.means[place] for place in group.places]
    bakes = sum(counts)
    mean = math.fsum(count * value for count, value in zip(counts, values, strict=True)) / bakes
    squares = math.fsum(count * (value - mean) ** 2 for count, value in zip(counts, values, strict=True))
    if squares <= bakes * (_ROUNDING * max(map(abs, values))) ** 2:
        return 1.0
    between = squares / (len(values) - 1)
    return above_f(between / group.variance if group.variance else math.inf, len(values) - 1, group.degrees)
