"""Cosines between the LoRAs of two bakes, never without those between twins: a small one may be all that twins reach."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

from trainer.noise_floor.floors import NoiseFloors
from trainer.text import plural

# Each pair reads two LoRA files.
_MOST_PAIRS = 10


@dataclass(frozen=True)
class CosineBesideTwins:
    """The cosine between the changes of two bakes.

    Attributes:
        between: the two bakes.
        twins: of pairs of twins of either bake.
        bakes: how many bakes these pairs are of.
    """

    between: float
    twins: tuple[float, ...]
    bakes: int

    def words(self) -> str:
        """Return it in words, with the range that twins have."""
        low, high = min(self.twins), max(self.twins)
        span = f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"
        pairs = f"{plural(len(self.twins), 'pair')} of {plural(self.bakes, 'bake')}"
        return f"cosine {self.between:.2f}, between twins {span} ({pairs})"


def cosine_beside_twins(
    floors: NoiseFloors, first: int, second: int, cosine: Callable[[int, int], float | None]
) -> CosineBesideTwins | None:
    """Return the cosine between two bakes beside that of their twins; None where neither has a twin, or a file is gone.

    Two bakes that differ in their random numbers alone may lie far apart: on one base 0.41 was measured between two runs of the same
    command, and 0.32 to 0.40 between different ones. So it tells little by itself, and is not shown then.

    Args:
        floors: know the twins.
        first, second: numbers of bakes.
        cosine: gives that between two bakes, None where it cannot be taken.
    """
    families = {tuple(floors.distinct_twins(bake)) for bake in (first, second)}
    pairs = [pair for family in families for pair in combinations(family, 2)][:_MOST_PAIRS]
    twins = {pair: value for pair in pairs if (value := cosine(*pair)) is not None}
    between = cosine(first, second) if twins else None
    if between is None:
        return None
    return CosineBesideTwins(between, tuple(twins.values()), len({bake for pair in twins for bake in pair}))
