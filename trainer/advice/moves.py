"""Moves as the table of symptoms writes them down."""

from trainer.advice.knobs import (
    ALL_RATES,
    BODY_RATE,
    BODY_STOP,
    CAPTIONS,
    ENCODER_RATE,
    ENCODER_STOP,
    PICTURES,
    REPEATS,
    STEPS,
    TOKEN,
)
from trainer.advice.record import Move, Said, Way
from trainer.doneness.record import LaneKind


def captions(what: str, why: str, *sources: Said) -> Move:
    """Return a change of the captions."""
    return Move(CAPTIONS, Way.CHANGE, why, sources, what)


def pictures(what: str, why: str, *sources: Said) -> Move:
    """Return a change of the pictures."""
    return Move(PICTURES, Way.CHANGE, why, sources, what)


def token(what: str, why: str, *sources: Said) -> Move:
    """Return a change of the activation token."""
    return Move(TOKEN, Way.CHANGE, why, sources, what)


def repeats(way: Way, why: str, *sources: Said, what: str = "") -> Move:
    """Return other repeats."""
    return Move(REPEATS, way, why, sources, what)


def steps(way: Way, why: str, *sources: Said) -> Move:
    """Return a longer or shorter bake."""
    return Move(STEPS, way, why, sources)


def stop(part: LaneKind, why: str, *sources: Said) -> Move:
    """Return an earlier stop of a part, with the other trained on."""
    return Move(BODY_STOP if part is LaneKind.BODY else ENCODER_STOP, Way.LOWER, why, sources)


def rate(part: LaneKind, way: Way, why: str, *sources: Said) -> Move:
    """Return another rate of a part."""
    return Move(BODY_RATE if part is LaneKind.BODY else ENCODER_RATE, way, why, sources)


def all_rates(way: Way, why: str, *sources: Said) -> Move:
    """Return other rates of all parts, by the same factor."""
    return Move(ALL_RATES, way, why, sources)
