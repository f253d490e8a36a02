"""Rates of a grid's ticks by bake, held against what twins in the same grid differ by."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.gallery.sidecar import MadeCell, MadeGrid
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.noise_floor.families import Families
from trainer.noise_floor.record import Floor
from trainer.noise_floor.saved_loras import SavedLora, loras_in
from trainer.noise_floor.spread import Drawn, compare_values, floor, spread_of
from trainer.noise_floor.words import counts, words
from trainer.settings.random_numbers import RandomSource
from trainer.text import plural


@dataclass(frozen=True)
class _BakeRate:
    """How often an item was ticked in the pictures of one LoRA."""

    lora: SavedLora
    yes: int
    seen: int

    @property
    def rate(self) -> float:
        return self.yes / self.seen


@dataclass(frozen=True)
class _OfBake:
    """A bake's family of twins, and its random numbers."""

    family: str
    seeds: Mapping[RandomSource, int]


@dataclass(frozen=True)
class _Side:
    """Twins at one epoch, or one bake alone: what one side of a comparison stands on."""

    family: str
    epoch: int
    rates: tuple[_BakeRate, ...]

    @property
    def yes(self) -> int:
        return sum(each.yes for each in self.rates)

    @property
    def seen(self) -> int:
        return sum(each.seen for each in self.rates)

    @property
    def named(self) -> str:
        """`bake 12 at epoch 6`, `bakes 12, 13 at epoch 6`."""
        noun = "bake" if len(self.rates) == 1 else "bakes"
        return f"{noun} {', '.join(str(each.lora.bake) for each in self.rates)} at epoch {self.epoch}"


class GridRates:
    """What ticks in one grid say of its bakes.

    Args:
        journal: the workspace's; used in the thread that opened it.
        made: the grid.
    """

    def __init__(self, journal: Journal, made: MadeGrid) -> None:
        self._journal, self._made = journal, made
        self._families = Families(journal)
        self._loras = _loras(journal, made)

    def lines(self, notes: Mapping[str, CellNote], item: str) -> tuple[str, ...]:
        """Return what the item's rates say of the bakes in the grid, a line for each comparison: bakes and pictures counted apart.

        The first bake in the grid is held against each other one, epoch by epoch, its twins beside it. Epochs of one bake are no
        comparison of bakes. None where the pictures checked for the item are of a single bake, or of files from elsewhere.

        Args:
            notes: cell -> its verdicts.
            item: of the checklist.
        """
        rates = self._rates(notes, item)
        bakes = {each.lora.bake: self._family(each.lora.bake) for each in rates}
        if len(bakes) < 2:
            return ()
        sides = _sides(rates, bakes)
        twins = [_alone(side) for side in sides if len(side.rates) > 1]
        pairs = [_compared(first, other, _noise(first, other, sides, bakes)) for first, other in _pairs(sides)]
        return (*twins, *pairs)

    def _rates(self, notes: Mapping[str, CellNote], item: str) -> list[_BakeRate]:
        found: dict[SavedLora, list[bool]] = {}
        for cell in self._made.cells:
            note, lora = notes.get(cell.place.name), self._loras.get(_lora_of(cell))
            if note is not None and lora is not None and item in note.ticks:
                found.setdefault(lora, []).append(note.ticks[item])
        return [_BakeRate(lora, sum(ticks), len(ticks)) for lora, ticks in found.items()]

    def _family(self, bake: int) -> _OfBake:
        """Return a bake's family, itself where its data are not known, and its random numbers."""
        row = self._families.of(bake)
        if row is None:
            return _OfBake(f"bake {bake}", {})
        return _OfBake(row.family, row.seeds)


def _sides(rates: Iterable[_BakeRate], bakes: Mapping[int, _OfBake]) -> list[_Side]:
    """Return what is compared, in the order of the grid: each family of twins at each epoch."""
    found: dict[tuple[str, int], dict[int, _BakeRate]] = {}
    for each in rates:
        # Two files of one bake in one epoch are not two bakes.
        place = bakes[each.lora.bake].family, each.lora.epoch
        found.setdefault(place, {}).setdefault(each.lora.bake, each)
    return [_Side(family, epoch, tuple(of_bakes.values())) for (family, epoch), of_bakes in found.items()]


def _pairs(sides: Sequence[_Side]) -> Iterator[tuple[_Side, _Side]]:
    """Yield the first family with each other one at their common epochs; without any, at the last one of each."""
    by_family: dict[str, dict[int, _Side]] = {}
    for side in sides:
        by_family.setdefault(side.family, {})[side.epoch] = side
    first, *others = by_family.values()
    for other in others:
        common = [epoch for epoch in first if epoch in other]
        for epoch in common:
            yield first[epoch], other[epoch]
        if not common:
            yield first[max(first)], other[max(other)]


def _noise(first: _Side, other: _Side, sides: Iterable[_Side], bakes: Mapping[int, _OfBake]) -> Floor | None:
    """Return how much twins of either side differ in this grid, never less than so few pictures differ by chance; None without twins."""
    drawn = [
        [Drawn(bakes[each.lora.bake].seeds, each.rate) for each in side.rates]
        for side in sides
        if side.family in (first.family, other.family)
    ]
    found = floor(spread_of(drawn))
    return None if found is None else replace(found, spread=max(found.spread, _of_pictures(first), _of_pictures(other)))


def _compared(first: _Side, other: _Side, noise: Floor | None) -> str:
    compared = compare_values(
        [each.rate for each in first.rates],
        [each.rate for each in other.rates],
        noise,
        pictures=min(each.seen for each in (*first.rates, *other.rates)),
    )
    return (
        f"{first.named} against {other.named}: {first.yes}/{first.seen} → {other.yes}/{other.seen},"
        f" {words(compared)} ({counts(compared, of='picture')})"
    )


def _alone(side: _Side) -> str:
    """Return how far twins are apart: the noise that every other difference is held against."""
    rates = [each.rate for each in side.rates]
    of_each = [f"{each.yes}/{each.seen}" for each in side.rates]
    return (
        f"{side.named} are twins: {', '.join(of_each)} of the pictures of each, {min(rates):.0%} to {max(rates):.0%}"
        f" ({plural(len(rates), 'bake')} × {plural(min(each.seen for each in side.rates), 'picture')})"
    )


def _of_pictures(side: _Side) -> float:
    """Return the standard deviation of a bake's rate that comes of its pictures being few (binomial, by Laplace's estimate)."""
    share = (side.yes + 1) / (side.seen + 2)
    return math.sqrt(share * (1 - share) / (side.seen / len(side.rates)))


def _lora_of(cell: MadeCell) -> Path | None:
    """Return the file of the one LoRA in a picture; None where there is none, or more than one, or parts of two."""
    files = cell.recipe.lora_files()
    return files[0] if len(files) == 1 else None


def _loras(journal: Journal, made: MadeGrid) -> dict[Path | None, SavedLora]:
    """Return which LoRA of which bake each file in a grid is; files from elsewhere are left out."""
    root = journal.path.parent
    bakes: dict[Path, dict[str, SavedLora]] = {}
    found: dict[Path | None, SavedLora] = {}
    for path in {file for cell in made.cells if (file := _lora_of(cell)) is not None}:
        if not path.is_relative_to(root):
            continue
        folder = path.parent.relative_to(root)
        if folder not in bakes:
            bakes[folder] = loras_in(journal, folder)
        if path.name in bakes[folder]:
            found[path] = bakes[folder][path.name]
    return found
