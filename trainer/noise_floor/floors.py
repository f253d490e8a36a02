"""Noise floors of a journal's bakes, and differences between them held against these."""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from trainer.journal.family_records import BakeFamily, KinFamily
from trainer.journal.journal import Journal
from trainer.measures.registry import MEASURES
from trainer.noise_floor.families import Families
from trainer.noise_floor.record import Compared, Floor
from trainer.noise_floor.spread import (
    Drawn,
    Spread,
    as_of_twins,
    compare_change,
    compare_values,
    floor,
    pooled_floor,
    spread_of,
)
from trainer.noise_floor.values import BakeValues, ValueKey

# Learning rates this many times apart, at most, have noise alike enough to be pooled.
_NEAR_RATES = 2.0
# More twins hardly make an estimate surer, and each has values to be read.
_MOST_TWINS, _MOST_FAMILIES = 24, 8


class NoiseFloors:
    """The noise of a journal's bakes; keep one for as many comparisons as are made at a time.

    It notices nothing that is written later: make a new one then. Used in the thread that opened the journal.

    Args:
        journal: whose.
        together: measures that are read at once: all where many are compared, none where one is.
    """

    def __init__(self, journal: Journal, together: Collection[str] = ()) -> None:
        self._journal, self._together = journal, together
        self._families = Families(journal)
        self._rows: dict[int, BakeFamily | None] = {}
        self._members: dict[str, list[BakeFamily]] = {}
        self._kin: dict[str, list[KinFamily]] = {}
        self._values: dict[int, BakeValues] = {}

    def family(self, bake: int) -> list[int]:
        """Return a bake with its twins, exact repeats among them, by number; the bake alone where its data are not known yet."""
        row = self._row(bake)
        return [each.bake for each in self._of_family(row.family)] if row is not None else [bake]

    def distinct_twins(self, bake: int) -> list[int]:
        """Return a bake with its twins, one for each set of random numbers, by number."""
        row = self._row(bake)
        first: dict[object, int] = {}
        for each in self._of_family(row.family) if row is not None else ():
            first.setdefault(tuple(sorted(each.seeds.items())), each.bake)
        return list(first.values()) or [bake]

    def spread(self, bake: int, key: ValueKey, step: int) -> Spread:
        """Return what a bake's own twins say of a value's noise, source by source."""
        row = self._row(bake)
        basis = self._of_bake(bake).basis(key.name, step)
        return spread_of([self._drawn(row.family, key, step, basis)] if row is not None else [])

    def floor_of(self, bakes: Sequence[int], key: ValueKey, step: int) -> Floor | None:
        """Return the noise of one value of these bakes.

        From their own twins, and with these from those of bakes with nearly the same learning rates that are alike in all else; as
        large as their own say in any case. Without own twins it is borrowed from the bake alike whose rates are nearest.

        Args:
            bakes: that are compared.
            key: the value.
            step: optimizer steps in the LoRA; the nearest epoch counts.
        """
        basis = self._basis(bakes, key, step)
        pictures = max((self._pictures(bake, key, step) for bake in bakes), default=0)
        return self._floor(bakes, key.name, lambda family: self._drawn(family, key, step, basis), pictures)

    def _floor(
        self, bakes: Sequence[int], name: str, draw: Callable[[str], list[Drawn]], pictures: int
    ) -> Floor | None:
        """Return the noise of what `draw` gives of a family's bakes in a measure; see floor_of."""
        rows = {row.family: row for bake in bakes if (row := self._row(bake)) is not None}
        drawn = {family: draw(family) for family in rows}
        own = floor(spread_of(drawn.values()), pictures=pictures)
        if own is not None:
            near = [_as_at(draw(family), name, slower) for family, slower in self._near(rows).items()]
            return pooled_floor(own, floor(spread_of([*drawn.values(), *near]), pictures=pictures))
        for _, kin, slower in sorted(self._lenders(rows.values()), key=lambda found: found[0]):
            lent = floor(spread_of([_as_at(draw(kin.family), name, slower)]), pictures=pictures, borrowed_from=kin.bake)
            if lent is not None:
                return lent
        return None

    def _near(self, rows: Mapping[str, BakeFamily]) -> dict[str, float]:
        """Return the families of kin at nearly the same learning rates, the nearest first, and how many times as slow each is."""
        apart = [
            (_apart(each.rates, row.rates), each.bake, each.family, _slower(each.rates, row.rates))
            for row in rows.values()
            for each in self._of_kin(row.kin)
            if each.family not in rows
        ]
        near: dict[str, float] = {}
        for rates, _, family, slower in sorted(apart):
            if rates <= math.log(_NEAR_RATES) and (family in near or len(near) < _MOST_FAMILIES):
                near[family] = max(slower, near.get(family, 1.0))
        return near

    def compare(
        self, first: Sequence[int], second: Sequence[int], key: ValueKey, step: int, second_step: int | None = None
    ) -> Compared | None:
        """Return how two bakes, or the means of two sets of bakes, differ in one value; None where a side has no such value.

        Twins are inside the noise whatever they differ by: their differences are what it is made of.
        Bakes whose value was measured on something else than the first one's, such as pictures of other prompts, have none.

        Args:
            first, second: numbers of bakes. Exact repeats count as one bake.
            key: the value.
            step: optimizer steps in the LoRA of the first; the nearest epoch counts.
            second_step: of the second, None for the same.
        """
        then = step if second_step is None else second_step
        basis = self._basis(first, key, step)
        ones, others = self._values_of(first, key, step, basis), self._values_of(second, key, then, basis)
        if not ones or not others:
            return None
        noise = self.floor_of([*first, *second], key, step) or self._of_repeats([*first, *second], key, step)
        found = [self._of_bake(bake).at(key, at) for bakes, at in ((first, step), (second, then)) for bake in bakes]
        pictures = min(value.pictures for value in found if value is not None)
        compared = compare_values(ones, others, noise, pictures=pictures, grain=_grain(key.name, pictures))
        return as_of_twins(compared) if self._are_twins([*first, *second]) else compared

    def compare_epochs(self, bake: int, key: ValueKey, step: int, second_step: int) -> Compared | None:
        """Return how two epochs of one bake differ in a value, against how much twins differ in that same change.

        Args:
            bake, key: the value of which bake.
            step, second_step: optimizer steps in the two LoRAs.
        """
        at = self._of_bake(bake)
        one, other = at.at(key, step), at.at(key, second_step)
        if one is None or other is None or one.step == other.step:
            return None
        before, after = at.basis(key.name, one.step), at.basis(key.name, other.step)

        def change(family: str) -> list[Drawn]:
            return _changes(self._drawn(family, key, one.step, before), self._drawn(family, key, other.step, after))

        pictures = min(one.pictures, other.pictures)
        difference = _less(on_scale(key.name, other.value), on_scale(key.name, one.value))
        noise = self._floor([bake], key.name, change, pictures)
        return compare_change(difference, noise, pictures=pictures, grain=_grain(key.name, pictures))

    def compare_with_base(self, bake: int, key: ValueKey, step: int) -> Compared | None:
        """Return how far a value that is a change against the base is from 0, against its noise; None without such a value."""
        found = self._of_bake(bake).at(key, step)
        if found is None:
            return None
        grain = _grain(key.name, found.pictures)
        return compare_change(found.value, self.floor_of([bake], key, step), pictures=found.pictures, grain=grain)

    def keys(self, bake: int, name: str) -> tuple[ValueKey, ...]:
        """Return everything that a bake has values of in one measure."""
        return tuple(self._of_bake(bake).keys(name))

    def value(self, bake: int, key: ValueKey, step: int) -> float | None:
        """Return a bake's value at the epoch nearest to a step, None without one."""
        found = self._of_bake(bake).at(key, step)
        return None if found is None else found.value

    def last_step(self, bake: int, names: Iterable[str]) -> int | None:
        """Return the last step at which a bake has a value of these measures, None without any."""
        of_bake = self._of_bake(bake)
        return max((values[-1].step for name in names for values in of_bake.keys(name).values()), default=None)

    def _of_repeats(self, bakes: Sequence[int], key: ValueKey, step: int) -> Floor | None:
        """Return the noise of bakes with the same random numbers, if these are such: 0 where the machine repeats every bit."""
        rows = [self._row(bake) for bake in bakes]
        one = rows[0]
        if one is None or any(row is None or (row.family, row.seeds) != (one.family, one.seeds) for row in rows):
            return None
        basis = self._basis(bakes, key, step)
        found = spread_of([self._drawn(one.family, key, step, basis)]).repeats
        return Floor(spread=found.spread, bakes=found.bakes, degrees=found.degrees) if found is not None else None

    def _are_twins(self, bakes: Sequence[int]) -> bool:
        """Return whether bakes are known to differ in their random numbers alone, and do differ in them."""
        rows = [self._row(bake) for bake in bakes]
        known = [row for row in rows if row is not None]
        if len(known) < len(rows) or len({row.family for row in known}) > 1:
            return False
        return len({tuple(sorted(row.seeds.items())) for row in known}) > 1

    def _lenders(self, rows: Iterable[BakeFamily]) -> Iterator[tuple[tuple[float, int], KinFamily, float]]:
        for row in rows:
            for each in self._of_kin(row.kin):
                if each.family != row.family and math.isfinite(apart := _apart(each.rates, row.rates)):
                    yield (apart, each.bake), each, _slower(each.rates, row.rates)

    def _row(self, bake: int) -> BakeFamily | None:
        if bake not in self._rows:
            self._rows[bake] = self._families.of(bake)
        return self._rows[bake]

    def _of_family(self, family: str) -> list[BakeFamily]:
        if family not in self._members:
            self._members[family] = self._families.members(family)
        return self._members[family]

    def _of_kin(self, kin: str) -> list[KinFamily]:
        if kin not in self._kin:
            self._kin[kin] = self._families.kin(kin)
        return self._kin[kin]

    def _basis(self, bakes: Sequence[int], key: ValueKey, step: int) -> float | None:
        """Return what the value of the first of these bakes that has one was measured on."""
        known = (bake for bake in bakes if self._of_bake(bake).at(key, step) is not None)
        first = next(known, None)
        return None if first is None else self._of_bake(first).basis(key.name, step)

    def _drawn(self, family: str, key: ValueKey, step: int, basis: float | None) -> list[Drawn]:
        found = []
        for row in self._of_family(family)[:_MOST_TWINS]:
            value = self._of_bake(row.bake).at(key, step)
            if value is not None and self._of_bake(row.bake).basis(key.name, step) == basis:
                found.append(Drawn(row.seeds, on_scale(key.name, value.value), row.bake))
        return found

    def _values_of(self, bakes: Sequence[int], key: ValueKey, step: int, basis: float | None) -> list[float]:
        """Return a value of each bake that has it, measured on this; of bakes with the same random numbers that of the first."""
        found: dict[object, float] = {}
        for bake in bakes:
            value, row = self._of_bake(bake).at(key, step), self._row(bake)
            numbers: object = bake if row is None else (row.family, *sorted(row.seeds.items()))
            if value is not None and self._of_bake(bake).basis(key.name, step) == basis:
                found.setdefault(numbers, on_scale(key.name, value.value))
        return list(found.values())

    def _pictures(self, bake: int, key: ValueKey, step: int) -> int:
        value = self._of_bake(bake).at(key, step)
        return value.pictures if value is not None else 0

    def _of_bake(self, bake: int) -> BakeValues:
        if bake not in self._values:
            steps_per_epoch = self._journal.bakes.read(bake).steps_per_epoch
            self._values[bake] = BakeValues(self._journal, bake, steps_per_epoch, self._together)
        return self._values[bake]


def on_scale(name: str, value: float) -> float:
    """Return a value as it is compared: its logarithm where the measure's record says so, that of 0 being -inf."""
    record = MEASURES.get(name)
    if record is None or not record.log_scale:
        return value
    return math.log(value) if value > 0 else -math.inf


def _grain(name: str, pictures: int) -> float:
    """Return the steps in which a value moves that counts pictures; 0 of others."""
    record = MEASURES.get(name)
    return 1 / pictures if record is not None and record.by_picture and pictures else 0.0


def _changes(before: Sequence[Drawn], after: Sequence[Drawn]) -> list[Drawn]:
    """Return what changed between two epochs of each bake that has both."""
    first = {drawn.bake: drawn.value for drawn in before}
    return [replace(drawn, value=_less(drawn.value, first[drawn.bake])) for drawn in after if drawn.bake in first]


def _less(value: float, other: float) -> float:
    """Return a difference; of two infinite values that are the same none."""
    return 0.0 if value == other else value - other


def _as_at(drawn: Sequence[Drawn], name: str, slower: float) -> Sequence[Drawn]:
    """Return the values of twins with as much noise as they would have at rates so many times as high.

    Noise grows with the rates, on the demo twentyfold with ten times the rate: what is lent unchanged to a bake at a higher rate
    would be too small. Noise of logarithms hardly does.
    """
    record = MEASURES.get(name)
    if slower == 1 or (record is not None and record.log_scale):
        return drawn
    return [replace(each, value=slower * each.value) for each in drawn]


def _slower(one: Mapping[str, float], than: Mapping[str, float]) -> float:
    """Return how many times as high the rates of `than` are at most; 1 where none is higher."""
    return max([1.0, *(rate / its for name, rate in than.items() if (its := one.get(name)) and rate)])


def _apart(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return how far two sets of rates are apart: the largest ratio's logarithm, infinite where one trains what the other does not."""
    ratios = [0.0]
    for name in one.keys() | other.keys():
        mine, its = one.get(name), other.get(name)
        if mine == its:
            continue
        ratios.append(abs(math.log(mine / its)) if mine and its else math.inf)
    return max(ratios)
