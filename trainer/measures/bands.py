"""Bands of noise: the stretches of the way from picture to noise at which a model decides on different things."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    """One stretch of the way from a picture (0) to noise (1), as `TimeSchedule.progress` counts it.

    Attributes:
        key: its name as the scope of a measured value.
        help: what is decided there.
        low, high: where it starts, and where the next one does.
    """

    key: str
    help: str
    low: float
    high: float

    def holds(self, progress: float) -> bool:
        """Return whether a place on the way lies in it."""
        return self.low <= progress < self.high


BANDS: tuple[Band, ...] = (
    Band("layout", "pose, composition and background", 0.7, 1.01),
    Band("form", "who it is and what they wear", 0.35, 0.7),
    Band("detail", "lines, texture and grain", 0.0, 0.35),
)
"""In the order in which a picture is made, from noise to picture."""

TIMES_PER_BAND = 2
"""Times at which each picture is measured in each band; every picture at the same ones."""
