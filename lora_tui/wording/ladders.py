"""Ladders as text: how far one is, its rungs and their bakes, and its answer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lora_tui.wording.ladder_text import state_words
from lora_tui.wording.queue import clock_text
from lora_tui.wording.state_symbols import DONE, FAILED, LIVE, PAUSED, WAITING, Sign, state_sign
from trainer.journal.records import BakeState
from trainer.ladders.measures import value_of_curve
from trainer.ladders.record import AnswerKind
from trainer.text import duration, plural, printable

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry
    from trainer.ladders.record import BakeOfRung, LadderCurve, LadderPoint, LadderState

NO_BAKE = Sign("·", "$muted")
"""Stands where a bake is not queued."""

_ENDED_EARLY = frozenset({BakeState.FAILED, BakeState.LOST, BakeState.STOPPED})
_CONTINUED = _ENDED_EARLY | {BakeState.PARKED, None}

_NOT_KNOWN = "?"
_MAX_TITLE = 200


class RungStanding(StrEnum):
    """How far a rung is."""

    BAKING = "baking"
    FAILED = "failed"
    WAITING = "waiting"
    DONE = "done"


_SIGNS = {
    RungStanding.BAKING: LIVE,
    RungStanding.FAILED: FAILED,
    RungStanding.WAITING: WAITING,
    RungStanding.DONE: DONE,
}


@dataclass(frozen=True)
class LadderLine:
    """A ladder in the list.

    Attributes:
        state: how it stands.
        answer: its answer in lines, what stands out first; none while it is worked out.
        noise: what that rests on.
    """

    state: "LadderState"
    answer: tuple[str, ...] = ()
    noise: str = ""


def standing_of(bakes: "Sequence[BakeOfRung]") -> RungStanding:
    """Return how far a rung is: what runs counts first, then what ended early, then what waits.

    Args:
        bakes: of the rung, without those that were cut.
    """
    states = {each.state for each in bakes}
    if any(state is not None and state.live for state in states):
        return RungStanding.BAKING
    if states & _ENDED_EARLY:
        return RungStanding.FAILED
    return RungStanding.DONE if states == {BakeState.DONE} else RungStanding.WAITING


def standings(state: "LadderState") -> tuple[RungStanding | None, ...]:
    """Return how far each rung is; None for one that was cut."""
    bakes = (state.of_rung(place) for place in range(len(state.spec.rungs)))
    return tuple(standing_of(each) if each else None for each in bakes)


def counts(state: "LadderState") -> Counter[RungStanding]:
    """Return how many rungs are how far; those that were cut are left out."""
    return Counter(each for each in standings(state) if each is not None)


def to_continue(state: "LadderState") -> "tuple[BakeOfRung, ...]":
    """Return the bakes that a ladder is continued with: those that ended early or are parked, and those that were never queued."""
    return tuple(each for each in state.bakes if not each.cut and each.state in _CONTINUED)


def ladder_sign(state: "LadderState") -> Sign:
    """Return the sign of a ladder: what runs counts first, then what ended early, then what waits."""
    found = counts(state)
    first = next((each for each in RungStanding if found[each]), RungStanding.WAITING)
    return PAUSED if first is RungStanding.WAITING and _all_held(state) else _SIGNS[first]


def bake_of_rung_sign(bake: "BakeOfRung") -> Sign:
    """Return the sign of a bake of a rung."""
    return NO_BAKE if bake.state is None else state_sign(bake.state, held=bake.held)


def title_text(state: "LadderState") -> str:
    """Return the title of a ladder."""
    return printable(state.spec.title, _MAX_TITLE)


def rungs_text(state: "LadderState") -> str:
    """Return how many rungs are baked: `3/5`."""
    found = counts(state)
    return f"{found[RungStanding.DONE]}/{found.total()}"


def end_text(state: "LadderState", now: float) -> str:
    """Return when the last bake is expected to end: `22:30`; `held` where all that is left is held, "" where nothing is."""
    if not _left(state):
        return ""
    if _all_held(state):
        return "held"
    return _NOT_KNOWN if state.seconds_left is None else clock_text(now + state.seconds_left, now)


def standing_line(state: "LadderState", now: float) -> str:
    """Return how a ladder stands: `3 of 5 rungs done, 1 failed, 1 waiting · 2 bakes each · ends 22:30`."""
    found, twins = counts(state), state.spec.twins
    parts = [f"{found[RungStanding.DONE]:,} of {plural(found.total(), 'rung')} done"]
    parts += [
        f"{found[each]:,} {each}"
        for each in (RungStanding.BAKING, RungStanding.FAILED, RungStanding.WAITING)
        if found[each]
    ]
    end = end_text(state, now)
    expected = {"": "", "held": "the rest is held", _NOT_KNOWN: "end not known yet"}.get(end, f"ends {end}")
    start = "" if state.of_bake is None else f"from bake {state.of_bake}"
    each = f"{plural(twins, 'bake')} each" if twins > 1 else "no twins"
    return " · ".join(filter(None, (", ".join(parts), each, start, expected)))


def bake_line(state: "LadderState", bake: "BakeOfRung", entry: "BakeEntry | None") -> str:
    """Return one bake of a rung on a line: `×0.1, twin 1: bake 12, done, was there before`.

    Args:
        state: of the ladder.
        bake: the bake.
        entry: its line of the history, None where it is not read yet.
    """
    rung = printable(state.spec.rungs[bake.rung].label, 60)
    which = rung if bake.twin == 0 else f"{rung}, twin {bake.twin}"
    if bake.bake is None or bake.state is None:
        return f"{which}: not queued yet"
    parts = [
        f"bake {bake.bake}",
        "held" if bake.held and bake.state is BakeState.QUEUED else state_words(bake),
        "was there before the ladder" if bake.reused else "",
        _steps(bake, entry),
        "" if entry is None or entry.seconds is None else duration(entry.seconds),
        printable(bake.error, 300),
    ]
    return f"{which}: {', '.join(filter(None, parts))}"


def progress_text(bake: "BakeOfRung", entry: "BakeEntry | None") -> str:
    """Return how far a running bake is: `45%`; "" for one that does not run."""
    if bake.state is None or not bake.state.live or entry is None or not entry.total_steps:
        return ""
    return f"{min(99, 100 * entry.steps // entry.total_steps)}%"


def curve_key(curve: "LadderCurve") -> tuple[str, str, str, str]:
    """Return what tells a curve of a ladder from its others."""
    return curve.name, curve.part, curve.scope, curve.at


def curve_help(curve: "LadderCurve") -> str:
    """Return what a curve says, in a line of a list: its kind, and its sentence without the measure's name."""
    rest = curve.words.partition(": ")[2] or curve.words
    return str(curve.kind) if curve.kind in (AnswerKind.OPEN, AnswerKind.INSIDE) else printable(rest, 300)


def point_text(curve: "LadderCurve", point: "LadderPoint") -> str:
    """Return the value of a rung with its interval: `4.93 % (4.1 % to 5.8 %)`; of one bake alone the value."""
    mean = value_of_curve(curve, point.mean)
    if point.low is None or point.high is None:
        return mean
    return f"{mean} ({value_of_curve(curve, point.low)} to {value_of_curve(curve, point.high)})"


def _left(state: "LadderState") -> "list[BakeOfRung]":
    """Return the bakes that wait or run."""
    return [each for each in state.bakes if not each.cut and _is_left(each)]


def _is_left(bake: "BakeOfRung") -> bool:
    return bake.state is None or bake.state.live or bake.state is BakeState.QUEUED


def _all_held(state: "LadderState") -> bool:
    left = _left(state)
    return bool(left) and all(each.held for each in left)


def _steps(bake: "BakeOfRung", entry: "BakeEntry | None") -> str:
    if entry is None or not entry.steps:
        return ""
    if bake.state is BakeState.DONE or not entry.total_steps:
        return plural(entry.steps, "step")
    return f"{entry.steps:,} of {plural(entry.total_steps, 'step')}"


def first_words(lines: Iterable[str]) -> str:
    """Return the first line of an answer; "" while there is none."""
    return printable(next(iter(lines), ""), 400)
