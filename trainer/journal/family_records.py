"""Records of which bakes are twins: equal in all that decides what comes out, but for their random numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainer.journal.records import Count
from trainer.settings.random_numbers import RandomSource


@dataclass(frozen=True, kw_only=True)
class BakeFamily:
    """Where a bake stands among others; made from its other rows, and made again when they change.

    Attributes:
        bake: its number.
        made_by: a mark of the rules it was made by; one of other rules is made again.
        family: equal for bakes that differ in their random numbers alone; "" where it cannot be told.
        kin: equal for bakes that differ in their random numbers and learning rates alone; "" where it cannot be told.
        seeds: source of random numbers -> its seed, of the sources that decide anything in this bake.
        rates: setting -> learning rate, of those that are set.
    """

    bake: int
    made_by: str
    family: str = ""
    kin: str = ""
    seeds: Mapping[RandomSource, int] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KinFamily:
    """A family of two bakes or more that draw different random numbers.

    Attributes:
        family: as in BakeFamily.
        bake: the number of its first bake.
        rates: of all its bakes.
    """

    family: str
    bake: int
    rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FamilySource:
    """The columns of a bake that its family follows from, as in `trainer.journal.records.Bake`."""

    number: int
    settings_toml: str
    parent: int | None
    starts_from: str
    device: str
    total_steps: Count
    steps_per_epoch: Count
