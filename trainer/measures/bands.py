"""Bands of noise: the stretches of the way from picture to noise at which a model decides on different things."""

from dataclasses import dataclass

from trainer.families.record import TimesRecord


@dataclass(frozen=True)
class Band:
    """One stretch of the way from a picture to noise; where it lies is known of each family (TimesRecord.band_starts).

    Attributes:
        key: its name as the scope of a measured value.
        help: what is decided there.
    """

    key: str
    help: str


LAYOUT = Band("layout", "pose, composition and background")
FORM = Band("form", "who it is and what they wear")
DETAIL = Band("detail", "lines, texture and grain")

BANDS: tuple[Band, ...] = (LAYOUT, FORM, DETAIL)
"""In the order in which a picture is made, from noise to picture."""


def band_at(progress: float, times: TimesRecord) -> Band:
    """Return the band of a place on the way from picture (0) to noise (1), as `TimeSchedule.progress` counts it."""
    form, layout = times.band_starts
    if progress >= layout:
        return LAYOUT
    return FORM if progress >= form else DETAIL


TIMES_PER_BAND = 2
"""Times at which each picture is measured in each band; every picture at the same ones."""
