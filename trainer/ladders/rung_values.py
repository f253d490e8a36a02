"""Values of one measure at the rungs of a ladder, as they are compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.ladders.rung_noise import RungSample
from trainer.measures.record import MeasureRecord
from trainer.measures.value_text import value_name, value_text
from trainer.noise_floor.record import Floor


@dataclass(frozen=True, kw_only=True)
class RungValues:
    """The values of one rung.

    Attributes:
        rung: its place in the ladder.
        label: its name.
        values: in the measure's unit, one for each bake, by twin.
        sample: the same as they are compared, with their noise; None where a value has no place on that scale, as 0 has no logarithm.
    """

    rung: int
    label: str
    values: tuple[float, ...]
    sample: RungSample | None


@dataclass(frozen=True, kw_only=True)
class MeasureOverRungs:
    """One measure over the rungs of a ladder.

    Attributes:
        record: of the measure.
        part, scope: what of a bake it is about.
        rungs: those that have values, in the order of the axis.
        ordered: whether that order means anything.
        step: optimizer steps in the LoRAs; None where they differ.
        at: where each rung was read, in words.
        lent: noise of other bakes, for rungs that say nothing of theirs.
        pictures: that each value rests on; 0 where it is exact.
        grain: the steps in which a value moves that counts something; 0 where it moves by any amount.
    """

    record: MeasureRecord
    part: str = ""
    scope: str = ""
    rungs: tuple[RungValues, ...]
    ordered: bool
    step: int | None = None
    at: str = ""
    lent: Floor | None = None
    pictures: int = 0
    grain: float = 0.0

    @property
    def title(self) -> str:
        """`change / weights of the U-Net`; with where it was read, if rungs were read at other steps."""
        name = value_name(self.record.title, self.part, self.scope)
        return f"{name} ({self.at})" if self.step is None and self.at else name

    @property
    def compared(self) -> tuple[RungValues, ...]:
        """The rungs that can be compared."""
        return tuple(each for each in self.rungs if each.sample is not None)

    @property
    def samples(self) -> tuple[RungSample, ...]:
        """Their samples."""
        return tuple(each.sample for each in self.rungs if each.sample is not None)

    def text(self, value: float) -> str:
        """Return a value on the scale of comparison as people read it."""
        return value_text(self.record, self.off_scale(value))

    def off_scale(self, value: float) -> float:
        """Return a value on the scale of comparison in the measure's unit."""
        if not self.record.log_scale:
            return value
        # Intervals of one degree of freedom reach that far.
        return math.exp(min(value, 700.0))


def mean_of(record: MeasureRecord, values: Sequence[float]) -> float:
    """Return the mean of some values of a measure: geometric where they are compared as ratios, then 0 if one is 0."""
    if not record.log_scale:
        return math.fsum(values) / len(values)
    if any(value <= 0 for value in values):
        return 0.0
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))
