"""Pace of a bake that was planned by the clock, compared with the one its steps were worked out with."""

from math import isfinite
from statistics import fmean

from trainer.journal.curves import SPEED_METRIC, CurveStore
from trainer.journal.records import Bake, BakeState
from trainer.text import duration, minutes_text, step_seconds

_NOTABLE = 0.15
_COLUMNS = 500


def pace_line(curves: CurveStore, bake: Bake) -> str:
    """Return by how much the steps of a bake that is done took longer or shorter than was planned for its minutes; "" where they kept to it."""
    expected, asked = bake.expected_step_seconds, bake.asked_minutes
    if not expected or not asked or bake.state not in (BakeState.DONE, BakeState.BAKING):
        return ""
    # All of them, the slow ones too: it is the time that passed.
    seconds = [value for value in curves.read(bake.number, SPEED_METRIC, _COLUMNS).mean if isfinite(value)]
    if not seconds:
        return ""
    taken = fmean(seconds)
    if abs(taken / expected - 1) <= _NOTABLE:
        return ""
    more = (taken - expected) * bake.total_steps
    return (
        f"a step took {step_seconds(taken)}, and {step_seconds(expected)} was expected: the steps took about {duration(abs(more))} "
        f"{'longer' if more > 0 else 'less'} than was planned for the {minutes_text(asked)}"
    )
