"""Where a bake draws random numbers: each source has a seed of its own, so that two bakes can differ in one of them alone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum


class RandomSource(StrEnum):
    """What of a bake random numbers decide."""

    INIT = "init"
    ORDER = "order"
    NOISE = "noise"


@dataclass(frozen=True)
class RandomSourceRecord:
    """One source of random numbers.

    Attributes:
        setting: its seed; blank for the setting `seed`.
        words: what it decides, as the user reads it.
    """

    setting: str
    words: str


RANDOM_SOURCES: Mapping[RandomSource, RandomSourceRecord] = {
    RandomSource.INIT: RandomSourceRecord("init_seed", "start values"),
    RandomSource.ORDER: RandomSourceRecord("order_seed", "order"),
    RandomSource.NOISE: RandomSourceRecord("noise_seed", "noise"),
}
"""Every source, in the order in which a bake draws from them."""

SEEDS = ("seed", *(record.setting for record in RANDOM_SOURCES.values()))
"""The settings that decide which random numbers a bake draws, and nothing else."""


def listed_sources(sources: Collection[RandomSource]) -> str:
    """Return sources in words: `start values, order and noise`."""
    names = [record.words for source, record in RANDOM_SOURCES.items() if source in sources]
    return " and ".join(([", ".join(names[:-1])] if len(names) > 1 else []) + names[-1:])
