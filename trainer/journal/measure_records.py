"""Records of what was measured of a bake's epochs, and of what the user wrote about a bake and sees in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainer.journal.records import Count, EpochSeconds


@dataclass(frozen=True, kw_only=True)
class MeasuredValue:
    """One value measured of a bake after a step, in the units of its record in `trainer.measures.registry`.

    Attributes:
        step: optimizer steps in the LoRA that was measured.
        name: key of the measure's record.
        part: the part it is about (`unet`, `text_encoder`, …), "" for the whole LoRA.
        scope: what of the part or of the data it is about: a block group, a folder, a band of times, a prompt; "" for all.
        value: what was measured; None where it came out as no number.
        low, high: 95 % interval of the value over the pictures and random numbers it was measured on; None where it is exact.
        count: pictures (each with its own random numbers) that it rests on; 0 where it is exact.
    """

    step: Count
    name: str
    part: str = ""
    scope: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    count: Count = 0


@dataclass(frozen=True, kw_only=True)
class BakeNote:
    """What the user wrote about a bake, whenever it was.

    Attributes:
        bake: its number.
        text: markdown.
        tags: tag -> True, in the order they were given.
        best_step: step of the epoch that the user calls the best, None without one.
        seconds: epoch seconds of the last change.
    """

    bake: int
    text: str = ""
    tags: Mapping[str, bool] = field(default_factory=dict)
    best_step: int | None = None
    seconds: EpochSeconds = 0.0


@dataclass(frozen=True, kw_only=True)
class SymptomTick:
    """A symptom that the user sees in a bake.

    Attributes:
        bake: its number.
        symptom: key of the symptom, as `trainer.advice.symptoms` has it.
        seconds: epoch seconds when it was ticked.
    """

    bake: int
    symptom: str
    seconds: EpochSeconds = 0.0
