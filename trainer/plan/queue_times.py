"""Expected start and end of each bake in the queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from trainer.journal.records import Bake, Stage

NO_PACES: Mapping[int, float] = MappingProxyType({})


@dataclass(frozen=True)
class ExpectedTimes:
    """When a bake is expected to start and to end, in epoch seconds; None where no speed is known."""

    start: float | None
    end: float | None


def expected_ends(
    queue: Sequence[Bake], live: Sequence[Bake], now: float, paces: Mapping[int, float] = NO_PACES
) -> Mapping[int, ExpectedTimes]:
    """Return the expected times of the running and the queued bakes, by number.

    One card is counted with: the bakes follow one another by place, past those whose time has not come. A bake that is paused counts
    as if it resumed now; one that is held has no time, and holds nobody up.

    Args:
        queue: the bakes waiting, by place.
        live: the running bakes.
        now: epoch seconds.
        paces: seconds per step of the running bakes, of grids' jobs per picture, by number, where they are known.
    """
    expected: dict[int, ExpectedTimes] = {}
    free: float | None = now
    for bake in live:
        left = seconds_left(bake, paces.get(bake.number))
        end = None if left is None else now + left
        expected[bake.number] = ExpectedTimes(bake.started, end)
        free = None if free is None or end is None else max(free, end)
    waiting = [bake for bake in queue if not bake.held]
    while waiting:
        bake = _next(waiting, free)
        waiting.remove(bake)
        start = None if free is None else max(free, bake.not_before or now)
        free = None if start is None or bake.planned_seconds is None else start + bake.planned_seconds
        expected[bake.number] = ExpectedTimes(start, free)
    return expected | {bake.number: ExpectedTimes(None, None) for bake in queue if bake.held}


def seconds_left(bake: Bake, pace: float | None) -> float | None:
    """Return the seconds a running bake will still take, by its pace (seconds per step, of a grid per picture), else by its plan; None where neither is known."""
    total = bake.total_steps
    # A grid counts the pictures that it takes from earlier ones among those it has, but not among those it was planned to make.
    stage, whole = (Stage.STEP, total) if bake.grid is None else (Stage.GRID, bake.stage_total)
    started = bake.stage is stage
    left = max(0, whole - bake.stage_done) if started else total
    if pace is not None and started and bake.stage_done:
        return pace * left
    if bake.planned_seconds is not None and bake.grid is None and total == 0:
        # Steps that follow from minutes, and are not measured yet.
        return bake.planned_seconds
    if bake.planned_seconds is not None and total > 0:
        return bake.planned_seconds * min(1.0, left / total)
    return None


def _next(waiting: Sequence[Bake], free: float | None) -> Bake:
    """Return the bake that starts when the card is free: the first whose time has come, else the one whose time comes first."""
    if free is None:
        return waiting[0]
    due = (bake for bake in waiting if (bake.not_before or free) <= free)
    return next(due, None) or min(waiting, key=lambda bake: bake.not_before or free)
