"""Symbols of states, so that none is shown by its colour alone."""

from typing import NamedTuple

from trainer.journal.grid_records import GridState
from trainer.journal.records import Bake, BakeState


class Sign(NamedTuple):
    """A character and the theme variable of its colour."""

    mark: str
    colour: str


LIVE = Sign("●", "$live")
PAUSED = Sign("◌", "$warning")
PARKED = Sign("◇", "$warning")
DONE = Sign("✓", "$success")
FAILED = Sign("✗", "$error")
WARNING = Sign("!", "$warning")
WAITING = Sign("◦", "$muted")
ENDED = Sign("■", "$muted")
DIFFERS = Sign("≠", "$warning")
TRANSLATED = Sign("≈", "$secondary")
LEFT_OUT = Sign("−", "$muted")
HELD_OUT = Sign("○", "$secondary")

_STATES = {
    BakeState.QUEUED: WAITING,
    BakeState.STARTING: LIVE,
    BakeState.BAKING: LIVE,
    BakeState.PAUSED: PAUSED,
    BakeState.PARKED: PARKED,
    BakeState.DONE: DONE,
    BakeState.STOPPED: ENDED,
    BakeState.FAILED: FAILED,
    BakeState.LOST: WARNING,
}

_GRID_STATES = {
    GridState.WAITING: WAITING,
    GridState.MAKING: LIVE,
    GridState.DONE: DONE,
    GridState.CUT: ENDED,
    GridState.FAILED: FAILED,
}


def bake_sign(bake: Bake) -> Sign:
    """Return the sign of a bake's state, or a grid's job's; one that is held in the queue has that of a pause."""
    return state_sign(bake.state, held=bake.held)


def state_sign(state: BakeState, *, held: bool = False) -> Sign:
    """Return the sign of a bake's state; one that is held in the queue has that of a pause."""
    return PAUSED if state is BakeState.QUEUED and held else _STATES[state]


def grid_sign(state: GridState) -> Sign:
    """Return the sign of a grid's state."""
    return _GRID_STATES[state]
