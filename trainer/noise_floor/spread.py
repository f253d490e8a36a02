"""How much one value differs between twins, over all and for each source of random numbers, and a difference held against it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from trainer.measures.student import CONFIDENCE, quantile, two_sided
from trainer.noise_floor.record import Compared, Floor, Standing
from trainer.settings.random_numbers import RandomSource

# The largest standard deviation of what is one of two neighbouring counts: twins with the same one may be so by chance.
_OF_NEIGHBOURS = 0.5


@dataclass(frozen=True)
class Drawn:
    """The value of one bake.

    Attributes:
        seeds: source of random numbers -> its seed. A source that decides nothing in this bake (a start that is a file's) is left out.
        value: what was measured; the logarithm where the measure is compared as a ratio.
        bake: its number, where that is asked for.
    """

    seeds: Mapping[RandomSource, int]
    value: float
    bake: int = 0


@dataclass(frozen=True)
class VarianceEstimate:
    """A variance estimated from bakes.

    Attributes:
        variance: squared unit of the measure.
        degrees: degrees of freedom, above 0.
        bakes: that it was estimated from.
    """

    variance: float
    degrees: float
    bakes: int

    @property
    def spread(self) -> float:
        """The standard deviation."""
        return math.sqrt(self.variance)


@dataclass(frozen=True)
class Spread:
    """What twins say of one value's noise.

    Attributes:
        total: with every source drawn anew; None without twins.
        by_source: of bakes that differ in one source alone.
        repeats: of bakes with the same random numbers: what is left is the machine's rounding. None without such bakes.
        sources: that decide anything in these bakes.
        unknown: those of them that no twin varied; `total` lacks them.
    """

    total: VarianceEstimate | None
    by_source: Mapping[RandomSource, VarianceEstimate]
    repeats: VarianceEstimate | None
    sources: tuple[RandomSource, ...] = ()
    unknown: tuple[RandomSource, ...] = ()

    def share(self, source: RandomSource) -> float | None:
        """Return a source's share of the variances of all sources, from 0 to 1; None unless each was varied alone."""
        if not self.sources or set(self.sources) != set(self.by_source) or source not in self.by_source:
            return None
        whole = sum(each.variance for each in self.by_source.values())
        return self.by_source[source].variance / whole if 0 < whole < math.inf else None


def spread_of(families: Iterable[Sequence[Drawn]]) -> Spread:
    """Return the spread of one value within families of twins, pooled over them.

    Bakes that share a seed are not two draws of it. So the spread over all sources comes from bakes of which no two share any, and
    that of one source from bakes that share all others. Where no two differ in all, the sources' variances are added up: what they do
    together is counted more than once then, which makes the noise larger and never smaller.

    Args:
        families: bakes that differ in nothing but their random numbers, together.
    """
    apart: list[list[float]] = []
    alone: dict[RandomSource, list[list[float]]] = defaultdict(list)
    repeated: list[list[float]] = []
    sources: set[RandomSource] = set()
    for family in families:
        draws = _by_seeds(family)
        repeated += draws.values()
        means = {seeds: math.fsum(values) / len(values) for seeds, values in draws.items()}
        sources |= {source for seeds in means for source, _ in seeds}
        apart.append(_of_no_common_seed(means))
        for source, groups in _in_one_source(means).items():
            alone[source] += groups
    by_source = {source: found for source in RandomSource if (found := pooled(alone[source])) is not None}
    in_force = tuple(source for source in RandomSource if source in sources)
    total, unknown = pooled(apart), tuple[RandomSource, ...]()
    if total is None and by_source:
        total, unknown = _added_up(by_source.values()), tuple(each for each in in_force if each not in by_source)
    return Spread(total, by_source, pooled(repeated), in_force, unknown)


def pooled(groups: Iterable[Sequence[float]]) -> VarianceEstimate | None:
    """Return the variance within groups, pooled; None where no group has two values."""
    counted = [group for group in groups if len(group) > 1]
    if not counted:
        return None
    squares = math.fsum(_squares(group) for group in counted)
    bakes = sum(map(len, counted))
    return VarianceEstimate(squares / (bakes - len(counted)), bakes - len(counted), bakes)


def floor(spread: Spread, *, pictures: int = 0, borrowed_from: int | None = None) -> Floor | None:
    """Return the floor that a spread is, None without twins."""
    total = spread.total
    if total is None:
        return None
    return Floor(
        spread=total.spread,
        bakes=total.bakes,
        degrees=total.degrees,
        pictures=pictures,
        borrowed_from=borrowed_from,
        unknown=spread.unknown,
    )


def pooled_floor(own: Floor, wider: Floor | None) -> Floor:
    """Return a bake's own floor, with the certainty that more families give it, and never below what its own twins say.

    Args:
        own: from its own twins.
        wider: from these and others whose noise is likely the same.
    """
    if wider is None or own.unknown or wider.unknown or wider.degrees <= own.degrees:
        return own
    return replace(wider, spread=max(own.spread, wider.spread))


def compare_values(
    first: Sequence[float], second: Sequence[float], noise: Floor | None, *, pictures: int = 0, grain: float = 0.0
) -> Compared:
    """Return how the means of two sets of bakes differ, against the noise.

    The claim "outside" is right for 95 of 100 pairs of sets of twins, however few twins the noise was estimated from (Student's t).

    Args:
        first, second: a value of each bake, none of them nan; logarithms where the measure is compared as a ratio.
        noise: of one bake's value; None where it is not known.
        pictures: pictures or seeds that each value rests on; 0 where it is exact.
        grain: the steps in which a value moves that counts something; 0 where it moves by any amount.
    """
    difference = _mean(second) - _mean(first) if _mean(second) != _mean(first) else 0.0
    sides = {"first_bakes": len(first), "second_bakes": len(second), "pictures": pictures}
    return _compared(difference, 1 / len(first) + 1 / len(second), noise, sides, grain)


def as_of_twins(compared: Compared) -> Compared:
    """Return a comparison of bakes that are known to be twins: one of many pairs may be rare, and is still nothing but noise."""
    if compared.times is None:
        return replace(compared, standing=Standing.INSIDE)
    return replace(compared, standing=Standing.INSIDE, times=min(compared.times, 1.0))


def compare_change(change: float, noise: Floor | None, *, pictures: int = 0, grain: float = 0.0) -> Compared:
    """Return how far from none a change within one bake is, against the noise of that change.

    Args:
        change: from one epoch to another, or from the base.
        noise: of the change, between twins; None where it is not known.
        pictures, grain: as in compare_values.
    """
    sides = {"first_bakes": 1, "second_bakes": 1, "pictures": pictures}
    return _compared(change, 1.0, noise, sides, grain)


def _compared(
    difference: float, variances: float, noise: Floor | None, sides: Mapping[str, int], grain: float
) -> Compared:
    """Return a difference against the noise of as many variances of one bake's value."""
    if noise is None:
        return Compared(difference=difference, standing=Standing.UNKNOWN, times=None, floor=None, **sides)
    spread = max(noise.spread, _OF_NEIGHBOURS * grain) if difference else noise.spread
    error = spread * math.sqrt(variances)
    t = 0.0 if not difference or math.isinf(error) else abs(difference) / error if error else math.inf
    times = t / quantile(CONFIDENCE, noise.degrees)
    inside = times <= 1
    if not inside and noise.unknown:
        # It is larger than twins in some sources alone, and what the others do is not known.
        return Compared(difference=difference, standing=Standing.UNKNOWN, times=None, floor=noise, **sides)
    return Compared(
        difference=difference,
        standing=Standing.INSIDE if inside else Standing.OUTSIDE,
        times=times,
        floor=noise,
        probability=two_sided(t, noise.degrees),
        **sides,
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _squares(values: Sequence[float]) -> float:
    """Return the sum of squared distances from the mean; of infinite values 0 where all are the same."""
    if all(value == values[0] for value in values):
        return 0.0
    if not all(map(math.isfinite, values)):
        return math.inf
    mean = _mean(values)
    return math.fsum((value - mean) ** 2 for value in values)


_Seeds = tuple[tuple[RandomSource, int], ...]


def _by_seeds(family: Sequence[Drawn]) -> dict[_Seeds, list[float]]:
    """Return the values of bakes by their random numbers, in the family's order."""
    found: dict[_Seeds, list[float]] = defaultdict(list)
    for drawn in family:
        found[tuple(sorted(drawn.seeds.items()))].append(drawn.value)
    return found


def _of_no_common_seed(means: Mapping[_Seeds, float]) -> list[float]:
    """Return the values of bakes of which no two share a seed in any source, as many as are met first."""
    taken: list[_Seeds] = []
    for seeds in means:
        if all(set(seeds).isdisjoint(each) for each in taken):
            taken.append(seeds)
    return [means[seeds] for seeds in taken]


def _in_one_source(means: Mapping[_Seeds, float]) -> dict[RandomSource, list[list[float]]]:
    """Return, by source, groups of values of bakes that share the seeds of all other sources."""
    groups: dict[RandomSource, dict[_Seeds, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seeds, value in means.items():
        for source, _ in seeds:
            groups[source][tuple(pair for pair in seeds if pair[0] != source)].append(value)
    return {source: list(by_others.values()) for source, by_others in groups.items()}


def _added_up(estimates: Iterable[VarianceEstimate]) -> VarianceEstimate:
    """Return the sum of variances, with the degrees of freedom of a sum (Satterthwaite 1946)."""
    each = list(estimates)
    variance = math.fsum(one.variance for one in each)
    below = math.fsum(one.variance**2 / one.degrees for one in each) if variance < math.inf else 0.0
    degrees = variance**2 / below if below else min(one.degrees for one in each)
    # The bake that all were varied from is in each estimate.
    return VarianceEstimate(variance, degrees, sum(one.bakes for one in each) - len(each) + 1)
