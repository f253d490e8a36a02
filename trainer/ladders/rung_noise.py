"""Noise of a ladder's rungs in one measure: pooled over the rungs, and apart where their spreads differ strongly."""

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainer.measures.student import CONFIDENCE, above_f, quantile, two_sided
from trainer.noise_floor.record import Floor
from trainer.noise_floor.spread import VarianceEstimate

# Noise is pooled unless chance alone makes spreads differ as much in so small a share of ladders: a rung that burns differs far
# more, and groups that chance has made would each be believed too quiet.
_APART = 0.01
# The standard deviation of what is one of two neighbouring counts, as in `trainer.noise_floor.spread`.
_OF_NEIGHBOURS = 0.5
# What two values differ in by the rounding of their sums.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class RungSample:
    """The bakes of one rung in one measure.

    Attributes:
        rung: place of the rung in the ladder.
        values: one for each bake that is a draw of its own, finite, as they are compared: logarithms where the measure's record says so.
        noise: of one bake's value, from the rung's bakes and their twins; None where that says nothing.
        seeds: the random numbers of each of `values`; empty where they are not known.
    """

    rung: int
    values: tuple[float, ...]
    noise: VarianceEstimate | None = None
    seeds: tuple[Hashable, ...] = ()

    @property
    def mean(self) -> float:
        """The mean of the values."""
        return math.fsum(self.values) / len(self.values)


@dataclass(frozen=True)
class NoiseGroup:
    """Rungs whose noise is held for the same.

    Attributes:
        places: which samples, by their order.
        variance: of one bake's value.
        degrees: degrees of freedom of that estimate.
        bakes: that it was estimated from.
    """

    places: tuple[int, ...]
    variance: float
    degrees: float
    bakes: int


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of rungs' means, such as the difference of two, with its error.

    Attributes:
        value: of the sum.
        error: its standard error.
        degrees: degrees of freedom of the error.
    """

    value: float
    error: float
    degrees: float

    @property
    def t(self) -> float:
        """The value in units of its error."""
        if not self.value:
            return 0.0
        return self.value / self.error if self.error else math.copysign(math.inf, self.value)

    @property
    def chance(self) -> float:
        """How often noise alone gives as large a value, to either side."""
        return two_sided(self.t, self.degrees)

    @property
    def times(self) -> float:
        """The value in units of the largest that 95 of 100 of noise alone stay below."""
        return abs(self.t) / quantile(CONFIDENCE, self.degrees)


@dataclass(frozen=True)
class RungMeans:
    """The means of rungs with their noise; places count the samples.

    Attributes:
        means: of the samples.
        groups: of noise; each place is in one of them.
        counts: how many bakes each mean is of.
    """

    means: tuple[float, ...]
    groups: tuple[NoiseGroup, ...]
    counts: tuple[int, ...]

    def __len__(self) -> int:
        """Return how many rungs there are."""
        return len(self.means)

    def group_of(self, place: int) -> NoiseGroup:
        """Return the noise of a place."""
        return next(group for group in self.groups if place in group.places)

    def variance(self, place: int) -> float:
        """Return the squared standard error of a mean."""
        return self.group_of(place).variance / self.counts[place]

    def contrast(self, weights: Iterable[tuple[int, float]]) -> Contrast:
        """Return a weighted sum of means.

        Its error is that of the groups in it, with the degrees of freedom of a sum of variances (Satterthwaite 1946).

        Args:
            weights: place and weight; places that are left out count nothing.
        """
        given = list(weights)
        value = math.fsum(weight * self.means[place] for place, weight in given)
        rounding = _ROUNDING * max((abs(weight * self.means[place]) for place, weight in given), default=0.0)
        squares = [0.0] * len(self.groups)
        for at, group in enumerate(self.groups):
            squares[at] = math.fsum(
                weight * weight * group.variance / self.counts[place]
                for place, weight in given
                if place in group.places
            )
        whole = math.fsum(squares)
        below = math.fsum(each * each / group.degrees for each, group in zip(squares, self.groups, strict=True))
        degrees = whole * whole / below if below else min(group.degrees for group in self.groups)
        return Contrast(value if abs(value) > rounding else 0.0, math.sqrt(whole), degrees)

    def difference(self, first: int, second: int) -> Contrast:
        """Return the second mean less the first."""
        return self.contrast(((first, -1.0), (second, 1.0)))

    def between(self, first: Sequence[int], second: Sequence[int]) -> Contrast:
        """Return the mean of the means at the second places less that at the first."""
        weights = [(place, -1 / len(first)) for place in first] + [(place, 1 / len(second)) for place in second]
        return self.contrast(weights)

    def slope(self, places: Sequence[int]) -> Contrast:
        """Return the linear contrast over some places by their order: above 0 where values rise."""
        bakes = sum(self.counts[place] for place in places)
        middle = math.fsum(at * self.counts[place] for at, place in enumerate(places)) / bakes
        return self.contrast((place, self.counts[place] * (at - middle)) for at, place in enumerate(places))


def noise_groups(
    samples: Sequence[RungSample], *, ordered: bool, grain: float = 0.0, lent: Floor | None = None
) -> tuple[NoiseGroup, ...]:
    """Return the noise of the rungs, those of like noise together; none where it is not known.

    A rung that burns has noise of its own: held against the others' noise its difference is nothing, and pooled with theirs it hides
    every other one. So rungs are divided where the ratio of two spreads (Fisher's F, each way of dividing counted) could hardly come
    of chance: between two neighbours, where they have an order, or one rung against all others.

    Args:
        samples: of the rungs.
        ordered: whether their order means anything.
        grain: the steps in which a value moves that counts something; 0 where it moves by any amount.
        lent: what is known of the noise where the rungs themselves say nothing.
    """
    everywhere = tuple(range(len(samples)))
    whole = _pooled(samples, everywhere, grain)
    if whole is not None:
        return tuple(_divided(samples, whole, ordered, grain))
    if lent is None:
        return ()
    return (NoiseGroup(everywhere, _at_least(lent.spread**2, grain), lent.degrees, lent.bakes),)


def paired_noise(samples: Sequence[RungSample], grain: float = 0.0) -> NoiseGroup | None:
    """Return the noise that is left once what the random numbers do at every rung alike is taken out; None where that is no gain.

    The rungs share their random numbers, so that a twin is a block (Fisher's randomized blocks). It is chosen where the blocks differ
    from each other as hardly ever by chance, which is rare enough not to make claims of noise alone more frequent.

    Args:
        samples: of the rungs.
        grain: as noise_groups has it.
    """
    seeds = [sample.seeds for sample in samples]
    count, twins = len(samples), len(seeds[0]) if seeds else 0
    degrees = (count - 1) * (twins - 1)
    shared = twins > 1 and len(set(seeds[0])) == twins and all(set(each) == set(seeds[0]) for each in seeds)
    # With fewer degrees of freedom nothing is gained by it.
    if not shared or degrees < 3 or any(len(sample.values) != twins for sample in samples):
        return None
    rows = [dict(zip(sample.seeds, sample.values, strict=True)) for sample in samples]
    means = [sample.mean for sample in samples]
    mean = math.fsum(means) / count
    blocks = {seed: math.fsum(row[seed] for row in rows) / count - mean for seed in seeds[0]}
    left = math.fsum(
        (row[seed] - at - blocks[seed]) ** 2 for row, at in zip(rows, means, strict=True) for seed in seeds[0]
    )
    of_blocks = count * math.fsum(each**2 for each in blocks.values()) / (twins - 1)
    scale = max(abs(value) for row in rows for value in row.values())
    residual = _at_least(left / degrees if left > (_ROUNDING * scale) ** 2 else 0.0, grain)
    ratio = of_blocks / residual if residual else math.inf if of_blocks else 0.0
    if above_f(ratio, twins - 1, degrees) > _APART:
        return None
    return NoiseGroup(tuple(range(count)), residual, degrees, count * twins)


def _divided(samples: Sequence[RungSample], group: NoiseGroup, ordered: bool, grain: float) -> Iterator[NoiseGroup]:
    """Yield the group, or the groups it falls apart into."""
    found = []
    for inner, outer in _divisions(group.places, ordered):
        one, other = _pooled(samples, inner, grain), _pooled(samples, outer, grain)
        if one is not None and other is not None:
            found.append((_chance(one, other), inner, one, other))
    if not found or min(each[0] for each in found) * len(found) > _APART:
        yield group
        return
    _, _, one, other = min(found, key=lambda each: each[:2])
    yield from _divided(samples, one, ordered, grain)
    yield from _divided(samples, other, ordered, grain)


def _divisions(places: Sequence[int], ordered: bool) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    if ordered:
        yield from ((tuple(places[:at]), tuple(places[at:])) for at in range(1, len(places)))
    # One at an end is among those already.
    alone = places[1:-1] if ordered else places
    yield from (((place,), tuple(each for each in places if each != place)) for place in alone)


def _pooled(samples: Sequence[RungSample], places: Sequence[int], grain: float) -> NoiseGroup | None:
    known = [noise for place in places if (noise := samples[place].noise) is not None and math.isfinite(noise.variance)]
    degrees = math.fsum(each.degrees for each in known)
    if not degrees:
        return None
    variance = math.fsum(each.degrees * each.variance for each in known) / degrees
    return NoiseGroup(tuple(places), _at_least(variance, grain), degrees, sum(each.bakes for each in known))


def _chance(one: NoiseGroup, other: NoiseGroup) -> float:
    """Return how often two estimates of one variance differ as much."""
    small, large = sorted((one, other), key=lambda group: group.variance)
    if not large.variance:
        return 1.0
    ratio = large.variance / small.variance if small.variance else math.inf
    return min(1.0, 2 * above_f(ratio, large.degrees, small.degrees))


def _at_least(variance: float, grain: float) -> float:
    return max(variance, (_OF_NEIGHBOURS * grain) ** 2)
