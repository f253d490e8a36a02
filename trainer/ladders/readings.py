"""Measures of a ladder's bakes, read from the journal at steps at which rungs can be compared."""

import math
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainer.journal.family_records import BakeFamily
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.ladders.record import LadderState
from trainer.ladders.rung_noise import RungSample
from trainer.ladders.rung_values import MeasureOverRungs, RungValues
from trainer.measures.of_curves import TRAINING_LOSS
from trainer.measures.record import MeasureRecord
from trainer.measures.registry import MEASURES
from trainer.noise_floor.families import Families
from trainer.noise_floor.floors import NoiseFloors, on_scale
from trainer.noise_floor.record import Floor
from trainer.noise_floor.spread import Drawn, VarianceEstimate, spread_of
from trainer.noise_floor.values import BakeValues, Value, ValueKey
from trainer.settings.random_numbers import RandomSource

COMPARED: Mapping[str, MeasureRecord] = {
    # A loss at the end says which times and noise were drawn, and between rates nothing at all.
    name: record
    for name, record in MEASURES.items()
    if record.compared and name != TRAINING_LOSS
}
"""The measures that rungs are compared by."""

# More hardly make an estimate surer, and each has values to be read.
_MOST_TWINS = 24

LAST = "each bake's last LoRA"
"""Where rungs of different lengths are read."""


@dataclass(frozen=True)
class Alignment:
    """Where the bakes of a ladder are read, so that they can be compared.

    Attributes:
        at: in words.
        step: optimizer steps, None where they differ.
        steps: bake -> its step; bakes that did not get there are left out.
    """

    at: str
    step: int | None
    steps: Mapping[int, int]


@dataclass(frozen=True)
class _Draw:
    """The value of one bake: as it is compared, as it is, and what tells its random numbers."""

    drawn: Drawn
    value: float
    seeds: Hashable


class LadderReadings:
    """The bakes of a ladder with what was measured of them; used in the thread that opened the journal.

    Args:
        journal: where they are.
        state: the ladder.
    """

    def __init__(self, journal: Journal, state: LadderState) -> None:
        self.state = state
        self._journal = journal
        self._families = Families(journal)
        self._floors = NoiseFloors(journal, tuple(COMPARED))
        self._values: dict[int, BakeValues] = {}
        self._rows: dict[int, BakeFamily | None] = {}
        self._members: dict[str, list[BakeFamily]] = {}
        self.bakes: dict[int, Bake] = {}
        """Those that ever ran, by number; grids' jobs and cut bakes are left out."""
        self.rungs: dict[int, tuple[int, ...]] = {}
        """Place of a rung -> the numbers of its bakes that ever ran, by twin, in the order of the axis."""
        for place in order_of(state):
            self.rungs[place] = tuple(self._ran(place))

    @property
    def ordered(self) -> bool:
        """Whether the rungs have an order: each that was not cut has a number for its place."""
        rungs = [rung for place, rung in enumerate(self.state.spec.rungs) if self.state.of_rung(place)]
        return all(rung.position is not None for rung in rungs)

    def alignments(self) -> tuple[Alignment, ...]:
        """Return where to read: at one step where bakes are equally long; else each at its end, and at the last common epoch."""
        lasts = {bake: step for bake in self.bakes if (step := self._last(bake)) is not None}
        lengths = {self.bakes[bake].total_steps or lasts[bake] for bake in lasts}
        ended = {bake: step for bake, step in lasts.items() if self._is_whole(bake)}
        if not lasts:
            return ()
        if len(lengths) == 1 or len(set(lasts.values())) == 1:
            step = max(ended.values()) if ended else self._of_two_rungs(lasts)
            return (Alignment(f"step {step:,}", step, dict.fromkeys(lasts, step)),)
        return Alignment(LAST, None, ended or lasts), *self._at_epoch(ended or lasts)

    def measures(self, alignment: Alignment) -> Iterator[MeasureOverRungs]:
        """Yield every measure of whole parts that a bake has a value of there, in the order of the records."""
        for name in COMPARED:
            keys = [key for bake in alignment.steps for key in self._of_bake(bake).keys(name) if not key.scope]
            for key in dict.fromkeys(keys):
                found = self._measure(key, alignment)
                if found.rungs:
                    yield found

    def with_values(
        self, record: MeasureRecord, values: Mapping[int, float], *, at: str = "", grain: float = 0.0
    ) -> MeasureOverRungs:
        """Return a measure that the journal does not have, of values that were worked out from it.

        Args:
            record: of the measure.
            values: bake -> value, as it is.
            at: where it was read, in words; "" for nowhere in particular.
            grain: the steps in which it moves.
        """
        rungs = []
        for place, bakes in self.rungs.items():
            draws = [self._draw(bake, values[bake], values[bake]) for bake in bakes if bake in values]
            if draws:
                rungs.append(self._rung(place, draws, ()))
        return MeasureOverRungs(record=record, rungs=tuple(rungs), ordered=self.ordered, at=at, grain=grain)

    def has(self, bake: int, names: Iterable[str]) -> bool:
        """Return whether any of these measures has a value of a bake."""
        return any(self._of_bake(bake).keys(name) for name in names)

    def _ran(self, place: int) -> Iterator[int]:
        for each in self.state.of_rung(place):
            bake = self._journal.bakes.find(each.bake) if each.bake is not None else None
            if bake is not None and bake.grid is None and bake.ran:
                self.bakes[bake.number] = bake
                yield bake.number

    def _is_whole(self, bake: int) -> bool:
        """Return whether a bake is as long as it will ever be."""
        row = self.bakes[bake]
        return row.state is BakeState.DONE or row.imported

    def _last(self, bake: int) -> int | None:
        of_bake = self._of_bake(bake)
        return max((values[-1].step for name in COMPARED for values in of_bake.keys(name).values()), default=None)

    def _of_two_rungs(self, lasts: Mapping[int, int]) -> int:
        """Return the last step that two rungs have got to, or the one that has."""
        reached = sorted(
            (
                max(found)
                for bakes in self.rungs.values()
                if (found := [lasts[bake] for bake in bakes if bake in lasts])
            ),
            reverse=True,
        )
        return reached[min(1, len(reached) - 1)]

    def _at_epoch(self, ended: Mapping[int, int]) -> tuple[Alignment, ...]:
        """Return the last epoch that every rung has got to; nothing where that is the end of all, or not known."""
        per_epoch = {bake: self.bakes[bake].steps_per_epoch for bake in ended}
        reached = {bake: step // per_epoch[bake] for bake, step in ended.items() if per_epoch[bake]}
        of_rungs = [
            max((reached[bake] for bake in bakes if bake in reached), default=0)
            for bakes in self.rungs.values()
            if any(bake in ended for bake in bakes)
        ]
        epoch = min(of_rungs, default=0)
        steps = {bake: epoch * per_epoch[bake] for bake, last in reached.items() if last >= epoch}
        if not epoch or steps == dict(ended):
            return ()
        common = set(steps.values())
        return (Alignment(f"epoch {epoch:,}", common.pop() if len(common) == 1 else None, steps),)

    def _measure(self, key: ValueKey, alignment: Alignment) -> MeasureOverRungs:
        found: dict[int, Value] = {}
        for bake, step in alignment.steps.items():
            value = self._of_bake(bake).at(key, step)
            if value is not None:
                found[bake] = value
        same = self._of_one_basis(key, found)
        rungs = []
        for place, bakes in self.rungs.items():
            here = [bake for bake in bakes if bake in same]
            draws = [self._draw(bake, same[bake].value, on_scale(key.name, same[bake].value)) for bake in here]
            if draws:
                rungs.append(self._rung(place, draws, self._other_twins(here, key, alignment, same)))
        pictures = min((value.pictures for value in same.values()), default=0)
        record = COMPARED[key.name]
        is_known = any(rung.sample is not None and rung.sample.noise is not None for rung in rungs)
        return MeasureOverRungs(
            record=record,
            part=key.part,
            scope=key.scope,
            rungs=tuple(rungs),
            ordered=self.ordered,
            step=alignment.step,
            at=alignment.at,
            lent=None if is_known or not same else self._lent(key, same),
            pictures=pictures,
            grain=1 / pictures if record.by_picture and pictures else 0.0,
        )

    def _of_one_basis(self, key: ValueKey, found: Mapping[int, Value]) -> dict[int, Value]:
        """Return the values that were measured on the same as most others, such as pictures of the same prompts."""
        by_basis: dict[float | None, dict[int, Value]] = defaultdict(dict)
        for bake, value in found.items():
            by_basis[self._of_bake(bake).basis(key.name, value.step)][bake] = value
        return max(by_basis.values(), key=len, default={})

    def _rung(self, place: int, draws: Sequence[_Draw], others: Sequence[Drawn]) -> RungValues:
        """Return a rung's values; of bakes with the same random numbers the first counts."""
        distinct = list({each.seeds: each for each in reversed(draws)}.values())[::-1]
        compared = tuple(each.drawn.value for each in distinct)
        sample = None
        if all(map(math.isfinite, compared)):
            noise = _noise([*(each.drawn for each in draws), *others])
            sample = RungSample(place, compared, noise, tuple(each.seeds for each in distinct))
        return RungValues(
            rung=place,
            label=self.state.spec.rungs[place].label,
            values=tuple(each.value for each in distinct),
            sample=sample,
        )

    def _draw(self, bake: int, value: float, compared: float) -> _Draw:
        row = self._row(bake)
        # Where its data are not known a bake is one of its own.
        seeds = dict.fromkeys(RandomSource, -bake) if row is None else dict(row.seeds)
        return _Draw(Drawn(seeds, compared, bake), value, tuple(sorted(seeds.items())))

    def _other_twins(
        self, bakes: Sequence[int], key: ValueKey, alignment: Alignment, same: Mapping[int, Value]
    ) -> list[Drawn]:
        """Return the values of twins of a rung's bakes that are not in the ladder, for its noise alone."""
        ours = {each.bake for each in self.state.bakes}
        step = alignment.steps[bakes[0]]
        basis = self._of_bake(bakes[0]).basis(key.name, same[bakes[0]].step)
        families = {row.family for bake in bakes if (row := self._row(bake)) is not None}
        found = []
        for row in (member for family in families for member in self._of_family(family) if member.bake not in ours):
            value = self._of_bake(row.bake).at(key, step)
            if value is not None and self._of_bake(row.bake).basis(key.name, value.step) == basis:
                compared = on_scale(key.name, value.value)
                found += [Drawn(row.seeds, compared, row.bake)] if math.isfinite(compared) else []
        return found

    def _lent(self, key: ValueKey, same: Mapping[int, Value]) -> Floor | None:
        """Return the noise that other bakes lend; None where part of it is not known."""
        lent = self._floors.floor_of(list(same), key, max(value.step for value in same.values()))
        return lent if lent is not None and not lent.unknown and math.isfinite(lent.spread) else None

    def _row(self, bake: int) -> BakeFamily | None:
        if bake not in self._rows:
            self._rows[bake] = self._families.of(bake)
        return self._rows[bake]

    def _of_family(self, family: str) -> list[BakeFamily]:
        if family not in self._members:
            self._members[family] = self._families.members(family)[:_MOST_TWINS]
        return self._members[family]

    def _of_bake(self, bake: int) -> BakeValues:
        if bake not in self._values:
            row = self.bakes.get(bake) or self._journal.bakes.read(bake)
            self._values[bake] = BakeValues(self._journal, bake, row.steps_per_epoch, tuple(COMPARED))
        return self._values[bake]


def order_of(state: LadderState) -> tuple[int, ...]:
    """Return the places of the rungs in the order of the axis: by position where each has one."""
    places = range(len(state.spec.rungs))
    positions = [rung.position for rung in state.spec.rungs]
    if any(position is None for position in positions):
        return tuple(places)
    return tuple(sorted(places, key=lambda place: positions[place] or 0.0))


def _noise(draws: Collection[Drawn]) -> VarianceEstimate | None:
    """Return what bakes of one rung say of its noise; None where they share random numbers that were never varied."""
    found = spread_of([list(draws)])
    return None if found.unknown else found.total
