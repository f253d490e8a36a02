"""Values of bakes by step, whatever table they stand in."""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_curves import OF_CURVES, TRAINING_LOSS, VALIDATION_CHANGE, VALIDATION_LOSS
from trainer.measures.registry import MEASURES

_OF_CURVES = frozenset(record.key for record in OF_CURVES)


class ValueKey(NamedTuple):
    """What a value is of: a measure, a part and a scope, as in MeasuredValue."""

    name: str
    part: str = ""
    scope: str = ""


class Value(NamedTuple):
    """One value: after which step, what, and how many pictures it rests on (0: exact)."""

    step: int
    value: float
    pictures: int


class BakeValues:
    """The values of one bake, read once for each measure.

    Args:
        journal, bake: whose.
        steps_per_epoch: steps to the next epoch, half of which is near.
    """

    def __init__(self, journal: Journal, bake: int, steps_per_epoch: int) -> None:
        self._journal, self._bake = journal, bake
        self._near = max(0, steps_per_epoch // 2)
        self._read: dict[str, dict[ValueKey, list[Value]]] = {}

    def keys(self, name: str) -> dict[ValueKey, list[Value]]:
        """Return everything that a measure has values of, by step."""
        if name not in self._read:
            self._read[name] = self._values(name)
        return self._read[name]

    def at(self, key: ValueKey, step: int) -> Value | None:
        """Return the value after `step`, else that of the step nearest to it within half an epoch; None without one."""
        values = self.keys(key.name).get(key, [])
        place = bisect_left(values, step, key=lambda value: value.step)
        around = values[max(0, place - 1) : place + 1]
        nearest = min(around, key=lambda value: abs(value.step - step), default=None)
        return nearest if nearest is not None and abs(nearest.step - step) <= self._near else None

    def basis(self, name: str, step: int) -> float | None:
        """Return what a measure was made on after `step`; None where that is always the same."""
        record = MEASURES.get(name)
        found = self.at(ValueKey(record.basis), step) if record is not None and record.basis else None
        return None if found is None else found.value

    def _values(self, name: str) -> dict[ValueKey, list[Value]]:
        rows = self._of_curves(name) if name in _OF_CURVES else self._journal.measures.of_bake(self._bake, [name])
        found: dict[ValueKey, list[Value]] = defaultdict(list)
        for row in rows:
            if row.value is not None and not math.isnan(row.value):
                found[ValueKey(row.name, row.part, row.scope)].append(Value(row.step, row.value, row.count))
        return found

    def _of_curves(self, name: str) -> Iterator[MeasuredValue]:
        for saved in sorted(self._journal.results.checkpoints(self._bake), key=lambda each: each.step):
            value = {TRAINING_LOSS: saved.loss, VALIDATION_LOSS: saved.val, VALIDATION_CHANGE: saved.val_change}[name]
            yield MeasuredValue(step=saved.step, name=name, value=value)
