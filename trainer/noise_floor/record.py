"""What is known of a measure's noise, and a difference seen against it."""

from dataclasses import dataclass
from enum import StrEnum

from trainer.settings.random_numbers import RandomSource


class Standing(StrEnum):
    """How a difference stands against the noise."""

    INSIDE = "inside the noise"
    OUTSIDE = "outside the noise"
    UNKNOWN = "noise not known"


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The spread of one value between bakes that differ in their random numbers alone.

    Attributes:
        spread: standard deviation between such bakes, in the measure's unit; of its logarithm where the record says `log_scale`.
        bakes: how many bakes it was estimated from, in all families of twins.
        degrees: degrees of freedom of the estimate: bakes less families; not whole where parts of it were added up.
        pictures: pictures or seeds that each bake's value rests on; 0 where it is exact.
        borrowed_from: number of a bake whose twins it was taken from because the bake itself has none; None for its own.
        unknown: sources of random numbers that no twin varied, so that the noise of all is larger than `spread`.
    """

    spread: float
    bakes: int
    degrees: float
    pictures: int = 0
    borrowed_from: int | None = None
    unknown: tuple[RandomSource, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A difference of two bakes (or two averages of bakes) in one value, against its noise.

    Attributes:
        difference: second less first; of the logarithms where the record says `log_scale`.
        standing: inside, outside, or not known.
        times: the difference in units of the largest that 95 of 100 pairs of twins stay below; infinite where twins do not differ
            at all; None where the noise is not known.
        floor: what is known of the noise.
        first_bakes, second_bakes: how many bakes stand on each side.
        pictures: pictures or seeds of each bake.
        probability: of a difference as large as this between twins; None where the noise is not known.
    """

    difference: float
    standing: Standing
    times: float | None
    floor: Floor | None
    first_bakes: int = 1
    second_bakes: int = 1
    pictures: int = 0
    probability: float | None = None
