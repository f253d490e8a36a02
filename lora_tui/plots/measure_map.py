"""What was measured of a bake as a screen shows it: curves of a measure by part, and a map of its block groups over the epochs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite, nan

from lora_tui.plots.braille import PlotLine, Window, nice_range
from lora_tui.plots.curves import Plot, role_of
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.blocks import ordered_scopes, part_label
from trainer.measures.record import MeasureRecord
from trainer.measures.registry import MEASURES
from trainer.measures.value_text import value_text
from trainer.settings.parts import all_parts

WHOLE_ROLE, ROW_ROLE = "raw", "smooth"
"""Roles of the curve of the whole LoRA, and of the row under the cursor."""


@dataclass(frozen=True)
class MeasuredEpochs:
    """What was measured of a bake.

    Attributes:
        values: all of them.
        epochs: step -> its epoch, of steps that end one.
        total_steps: of the bake.
        missing: how many of its LoRAs were not measured by their weights.
        running: whether more may come.
    """

    values: tuple[MeasuredValue, ...]
    epochs: Mapping[int, int] = field(default_factory=dict)
    total_steps: int = 0
    missing: int = 0
    running: bool = False

    @property
    def measures(self) -> tuple[MeasureRecord, ...]:
        """The measures that there are values of, in their order."""
        names = {value.name for value in self.values}
        return tuple(record for key, record in MEASURES.items() if key in names)

    def of(self, record: MeasureRecord) -> "MeasureMap":
        """Return the values of one measure, row by row."""
        values = [value for value in self.values if value.name == record.key]
        steps = tuple(sorted({value.step for value in values}))
        found: dict[tuple[str, str], dict[int, float | None]] = {}
        for value in values:
            found.setdefault((value.part, value.scope), {})[value.step] = value.value
        rows = tuple(
            MapRow(part, scope, tuple(found[part, scope].get(step) for step in steps))
            for part, scope in ordered_scopes(found)
        )
        return MeasureMap(record, steps, tuple(self._head(step) for step in steps), rows, self.total_steps)

    def _head(self, step: int) -> str:
        return f"e{self.epochs[step]}" if step in self.epochs else f"{step:,}"


@dataclass(frozen=True)
class MapRow:
    """The values of a part or of something within it, one for each step.

    Attributes:
        part, scope: as MeasuredValue has them.
        values: None where nothing was measured, or no number came out.
    """

    part: str
    scope: str
    values: tuple[float | None, ...]

    @property
    def label(self) -> str:
        """Its name in a list: what is within a part stands to the right of it."""
        if not self.scope:
            return part_label(self.part)
        return f"  {self.scope}"

    @property
    def full_label(self) -> str:
        """Its name where it stands alone: `U-Net, down cross k/v`."""
        return ", ".join(
            word for word in (part_label(self.part) if self.part or not self.scope else "", self.scope) if word
        )


@dataclass(frozen=True)
class MeasureMap:
    """One measure over the steps of a bake.

    Attributes:
        record: its record.
        steps: rising.
        heads: what each step is called over its column.
        rows: in the order in which they are shown.
        total_steps: of the bake.
    """

    record: MeasureRecord
    steps: tuple[int, ...]
    heads: tuple[str, ...]
    rows: tuple[MapRow, ...]
    total_steps: int = 0

    def levels(self, row: int, count: int) -> list[int | None]:
        """Return for each step of a row which of `count` equal stretches its value lies in, from the least to the greatest of the rows like it.

        Groups are compared with groups and wholes with wholes, whose sizes are of another kind; where the measure spans orders of
        magnitude, by their logarithms. None where there is no value.
        """
        alike = [each for each in self.rows if bool(each.scope) == bool(self.rows[row].scope)]
        known = [place for each in alike for value in each.values if isfinite(place := self._place(value))]
        low, high = min(known, default=0.0), max(known, default=0.0)
        reach = high - low
        found: list[int | None] = []
        for value in self.rows[row].values:
            place = self._place(value)
            if value is None or not isfinite(value):
                found.append(None)
            elif not isfinite(place):
                # A zero on a scale of ratios is the least of all.
                found.append(0)
            else:
                share = (place - low) / reach if reach > 0 else 1.0
                found.append(min(count - 1, int(share * count)))
        return found

    def plot(self, row: int) -> Plot:
        """Return the curves of the whole and of each part, and in front of them that of a row within a part."""
        lines = [
            self._line(role_of(each.part) if each.part in all_parts() else WHOLE_ROLE, each)
            for each in self.rows
            if not each.scope
        ]
        # The whole lies behind, the predicting part counts most.
        lines = [
            *(line for line in lines if line.role == WHOLE_ROLE),
            *reversed([x for x in lines if x.role != WHOLE_ROLE]),
        ]
        if self.rows and self.rows[row].scope:
            lines.append(self._line(ROW_ROLE, self.rows[row]))
        known = [value for line in lines for value in line.low if isfinite(value)]
        if not known:
            return Plot()
        bottom, top = nice_range(min(known), max(known))
        if min(known) >= 0:
            bottom = max(0.0, bottom)
        last = max(self.total_steps, self.steps[-1], 1)
        marks = tuple(zip(self.steps, self.heads, strict=True))
        return Plot(tuple(lines), Window(0, last, bottom, top), marks, say=self._axis_text)

    def before(self, column: int) -> int | None:
        """Return the step before that of a column, None for the first."""
        return self.steps[column - 1] if column else None

    def value_text(self, row: int, column: int) -> str:
        """Return a value with its unit; what is not there is said."""
        value = self.rows[row].values[column]
        return "not measured" if value is None else value_text(self.record, value)

    def _axis_text(self, value: float) -> str:
        return value_text(self.record, value).replace(" %", "%")

    def _line(self, role: str, row: MapRow) -> PlotLine:
        values = [nan if value is None else value for value in row.values]
        # One value is no line: it is a mark.
        return PlotLine(role, self.steps, values, values, joined=len(self.steps) > 1)

    def _place(self, value: float | None) -> float:
        if value is None or not isfinite(value):
            return nan
        if not self.record.log_scale:
            return value
        return math.log(value) if value > 0 else nan
