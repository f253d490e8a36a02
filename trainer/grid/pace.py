"""Pace of a grid that is being made: how long a picture takes, and the rest."""

from trainer.journal.grid_records import Grid


def seconds_per_picture(grid: Grid) -> float | None:
    """Return the seconds that a picture of `grid` has taken so far, without loading; None before its first one."""
    return grid.sampling_seconds / grid.sampled if grid.sampled else None


def seconds_left(grid: Grid) -> float | None:
    """Return the seconds that the pictures still missing take by the pace of those made; None before the first one.

    Pictures that turn out to be equal are made once, so that the rest may take less.
    """
    pace = seconds_per_picture(grid)
    return None if pace is None else pace * max(0, grid.total - grid.done)
