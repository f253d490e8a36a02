"""What was measured of a bake, by measure, part and scope, as series over its epochs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from trainer.doneness.series import FloorOf, Series, series_of
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_validation import HELD_OUT_CHANGE, MEMBER_CHANGE
from trainer.measures.registry import MEASURES
from trainer.noise_floor.words import NOT_KNOWN, rests_on
from trainer.settings.parts import Part, all_parts
from trainer.text import plural

# Differences from the base, which is nothing from itself.
_ZERO_IN_BASE = (HELD_OUT_CHANGE, MEMBER_CHANGE)


class MeasuredBake:
    """The values of one bake.

    Args:
        values: all of them; those of unknown measures are left out.
        steps: of the axis of epochs.
        floor_of: what is known of the noise between bakes.
    """

    def __init__(self, values: Iterable[MeasuredValue], steps: Sequence[int], floor_of: FloorOf) -> None:
        self.steps = tuple(steps)
        self._floor_of = floor_of
        self._values: dict[tuple[str, Part, str], dict[int, MeasuredValue]] = defaultdict(dict)
        for value in values:
            if value.name in MEASURES:
                self._values[value.name, value.part, value.scope][value.step] = value
        self._series: dict[tuple[str, Part, str], Series | None] = {}

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts that anything was measured of, the predicting one first."""
        named = {part for _, part, _ in self._values}
        return tuple(part for part in all_parts() if part in named)

    @property
    def noise_words(self) -> str:
        """What is known of the noise of the series that were asked for, in one line."""
        points = [point for series in self._series.values() if series is not None for point in series.points if point]
        floors = [point.floor for point in points if point.floor is not None]
        if not points:
            return ""
        if not floors:
            return NOT_KNOWN
        largest = max(floors, key=lambda floor: floor.bakes)
        missing = len(points) - len(floors)
        lacking = f"; not known of {missing:,} of {plural(len(points), 'value')}" if missing else ""
        return f"noise from {rests_on(largest)}{lacking}"

    def values(self, measure: str, part: Part = "", scope: str = "") -> Mapping[int, MeasuredValue]:
        """Return step -> value; empty where it was not measured."""
        return self._values.get((measure, part, scope), {})

    def series(self, measure: str, part: Part = "", scope: str = "") -> Series | None:
        """Return a measure's values over the epochs; None where none was measured there."""
        key = (measure, part, scope)
        if key not in self._series:
            self._series[key] = self._made(measure, part, scope)
        return self._series[key]

    def _made(self, measure: str, part: Part, scope: str) -> Series | None:
        values = self.values(measure, part, scope)
        if not any(step in values for step in self.steps):
            return None
        zero = measure in _ZERO_IN_BASE
        return series_of(MEASURES[measure], values, self.steps, self._floor_of, zero=zero)
