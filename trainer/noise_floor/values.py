"""Values of bakes by step, whatever table they stand in."""

import hashlib
import math
from bisect import bisect_left
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import NamedTuple

from trainer.journal.bake_manifest import readable_manifest
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_curves import OF_CURVES, TRAINING_LOSS, VALIDATION_CHANGE, VALIDATION_LOSS
from trainer.measures.registry import MEASURES

# Hexadecimal digits of a number that a float holds exactly.
_EXACT_DIGITS = 13
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
    """The values of one bake, read once.

    Args:
        journal, bake: whose.
        steps_per_epoch: steps to the next epoch, half of which is near.
        together: measures that are read at once where one of them is asked for.
    """

    def __init__(self, journal: Journal, bake: int, steps_per_epoch: int, together: Collection[str] = ()) -> None:
        self._journal, self._bake = journal, bake
        self._together = tuple(name for name in together if name not in _OF_CURVES)
        self._near = max(0, steps_per_epoch // 2)
        self._read: dict[str, dict[ValueKey, list[Value]]] = {}

    def keys(self, name: str) -> dict[ValueKey, list[Value]]:
        """Return everything that a measure has values of, by step."""
        if name not in self._read:
            names = _OF_CURVES if name in _OF_CURVES else self._together if name in self._together else (name,)
            self._read |= {each: {} for each in names}
            rows = self._of_curves() if name in _OF_CURVES else self._journal.measures.of_bake(self._bake, names)
            for row in rows:
                if row.value is not None and not math.isnan(row.value):
                    key, value = ValueKey(row.name, row.part, row.scope), Value(row.step, row.value, row.count)
                    self._read[row.name].setdefault(key, []).append(value)
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
        if record is not None and record.of_held_out:
            return self._held_out
        found = self.at(ValueKey(record.basis), step) if record is not None and record.basis else None
        return None if found is None else found.value

    @cached_property
    def _held_out(self) -> float | None:
        """What tells the held-out pictures, and their captions, from others; None where they are not known."""
        manifest = readable_manifest(self._journal, self._bake)
        if manifest is None:
            return None
        listed = sorted((picture.sha256, picture.caption) for picture in manifest.validation)
        digest = hashlib.sha256(repr(listed).encode("utf-8", "surrogatepass")).hexdigest()
        return float(int(digest[:_EXACT_DIGITS], 16))

    def _of_curves(self) -> Iterator[MeasuredValue]:
        for saved in sorted(self._journal.results.checkpoints(self._bake), key=lambda each: each.step):
            values = {TRAINING_LOSS: saved.loss, VALIDATION_LOSS: saved.val, VALIDATION_CHANGE: saved.val_change}
            for name, value in values.items():
                yield MeasuredValue(step=saved.step, name=name, value=value)
