"""Cosines between the LoRAs of two bakes, never without those between twins: a small one may be all that twins reach."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from trainer.errors import LoraTuiError
from trainer.journal.journal import Journal
from trainer.measures.interference import interference
from trainer.noise_floor.floors import NoiseFloors
from trainer.text import plural

# Each pair reads two LoRA files.
_MOST_PAIRS = 6
NO_TWINS = "neither has a twin, so how far twins lie apart is not known: make a twin"
"""Instead of a cosine without that of twins."""


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


def cosine_of_bakes(journal: Journal, first: int, second: int) -> CosineBesideTwins | None:
    """Return the cosine between the newest LoRAs of two bakes beside that of their twins; None without twins, or without files."""
    floors, root = NoiseFloors(journal), journal.path.parent

    def cosine(one: int, other: int) -> float | None:
        return file_cosine(_lora_of(journal, root, one), _lora_of(journal, root, other))

    return cosine_beside_twins(floors, first, second, cosine)


def file_cosine(first: Path | None, second: Path | None) -> float | None:
    """Return the cosine ⟨ΔW₁, ΔW₂⟩ / (‖ΔW₁‖ ‖ΔW₂‖) over all modules of two LoRA files.

    None where one changes nothing, cannot be read, or is not there.
    """
    if first is None or second is None:
        return None
    try:
        return interference((first, second), overlaps=False)[0, 1]["", ""].cosine
    except (LoraTuiError, OSError):
        return None


def _lora_of(journal: Journal, root: Path, bake: int) -> Path | None:
    """Return a bake's newest LoRA, None where it is not there."""
    saved = journal.results.checkpoints(bake)
    path = root / journal.bakes.read(bake).folder / saved[0].file if saved else None
    return path if path is not None and path.is_file() else None
