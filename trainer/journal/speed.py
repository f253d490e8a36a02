"""How fast did bakes like this one go here?"""

from collections.abc import Callable
from math import isfinite
from statistics import median

from trainer.journal.bakes import read_bakes
from trainer.journal.curves import read_curve
from trainer.journal.database import Database
from trainer.journal.records import BakeState

METRIC = "seconds_per_step"
"""The metric that bakes report their speed under."""

_COLUMNS = 500
_BAKES = 200


def measured_speed(database: Database, settings_like: Callable[[str], bool]) -> float | None:
    """Return the median seconds per step of the newest bake that came to an end, was measured, and whose settings fit; None without one.

    Args:
        settings_like: whether a bake's settings (TOML text) are near enough for its speed to hold.
    """
    for bake in read_bakes(database, _BAKES):
        if bake.state not in (BakeState.DONE, BakeState.STOPPED) or not settings_like(bake.settings_toml):
            continue
        # Drawing resolution is enough for a median, and bounds what a long bake costs.
        means = [
            value
            for value in read_curve(database, bake.number, METRIC, _COLUMNS, first=None, last=None).mean
            if isfinite(value)
        ]
        if means:
            return median(means)
    return None
