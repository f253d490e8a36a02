"""Ladders as lines of a terminal without a screen, and as JSON."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from lora_tui.wording.state_symbols import state_sign
from trainer.journal.records import BakeState
from trainer.plan.disk import size_text
from trainer.text import duration, numbered, plural, printable

if TYPE_CHECKING:
    from trainer.ladders.record import BakeOfRung, LadderState, Rung
    from trainer.ladders.to_queue import ContinuedLadder, CutBakes, LadderToQueue

_MAX_TITLE = 120
_MAX_LABEL = 40
_MAX_SET = 100
_OPEN = "not queued"


def ladder_title(state: "LadderState") -> str:
    """Return a ladder's number and title: `ladder 3: unet_lr ×0.1 … ×10`."""
    return f"ladder {state.number}: {printable(state.spec.title, _MAX_TITLE)}"


def ladder_line(state: "LadderState") -> str:
    """Return a ladder on a line of a list: `0003 unet_lr ×0.1 … ×10  5 rungs, 7 of 10 bakes done, about 40 min left`."""
    rungs = plural(len(state.spec.rungs), "rung")
    return f"{state.number:04d} {printable(state.spec.title, _MAX_TITLE)}  {', '.join([rungs, *_progress(state)])}"


def ladder_lines(state: "LadderState") -> Iterator[str]:
    """Yield a ladder with its rungs, the bakes of each, and what is left."""
    spec = state.spec
    yield ladder_title(state)
    if spec.question:
        yield f"  {printable(spec.question, 400)}"
    if state.of_bake is not None:
        yield f"  from the settings of bake {state.of_bake}"
    if spec.base_settings:
        yield f"  every rung: {printable(', '.join(spec.base_settings), 200)}"
    yield from _rung_lines(state)
    yield f"  {', '.join(_progress(state))}"


def to_queue_lines(ladder: "LadderToQueue") -> Iterator[str]:
    """Yield what a ladder takes, and what is in each of its rungs: `10 bakes, 2 of them in the journal already: about 3 h 05 min, 1.2 GB`."""
    yield f"{printable(ladder.spec.title, _MAX_TITLE)}: {cost_text(ladder)}"
    width = max(len(_label(rung)) for rung in ladder.spec.rungs)
    for place, rung in enumerate(ladder.spec.rungs):
        here = [each for each in ladder.bakes if each.rung == place]
        new = sum(each.planned is not None for each in here)
        parts = [plural(new, "bake")] if new else []
        parts += [f"bake {each.reused} is there" for each in here if each.reused is not None]
        if here:
            yield f"  {_label(rung):<{width}}  {_set_text(rung)}  {', '.join(parts)}"


def cost_text(ladder: "LadderToQueue") -> str:
    """Return how many bakes a ladder queues, how long they take and how much disk: `8 bakes, about 40 min, 41.2 MB of disk space; 2 more are in the journal already`."""
    return cost_words(ladder.count, ladder.reused, ladder.seconds, ladder.disk_bytes)


def cost_words(count: int, reused: int, seconds: float | None, disk_bytes: int) -> str:
    """Return what `count` bakes of a ladder take beside `reused` that the journal has; the time is None where it is not known."""
    are = "is" if reused == 1 else "are"
    if not count:
        bakes = f"{plural(reused, 'bake')} of it {are} in the journal already"
        return f"{bakes}, nothing is left to bake" if reused else "nothing to bake"
    time = "time not known" if seconds is None else f"about {duration(seconds)}"
    new = f"{plural(count, 'bake')}, {time}, {size_text(disk_bytes)} of disk space"
    return f"{new}; {reused:,} more {are} in the journal already" if reused else new


def cut_lines(number: int, cut: "CutBakes") -> Iterator[str]:
    """Yield what became of the bakes of rungs that were taken out of a ladder."""
    if cut.withdrawn:
        yield f"withdrawn: {numbered('bake', cut.withdrawn)}"
    for bake in cut.running:
        yield f"bake {bake} runs on: `lora-tui order {bake} stop` stops it"
    if cut.kept:
        yield f"kept in the journal: {numbered('bake', cut.kept)}"
    if not (cut.withdrawn or cut.running or cut.kept):
        yield f"nothing of ladder {number} was queued for that"


def continued_lines(number: int, done: "ContinuedLadder", left: Collection[int] = ()) -> Iterator[str]:
    """Yield what a ladder continues with; `left` are bakes that were waiting for a program that is gone."""
    if done.resumed:
        yield f"queued again: {numbered('bake', done.resumed)}"
    if done.queued:
        yield f"queued: {numbered('bake', done.queued)}"
    if done.reused:
        yield f"found in the journal: {numbered('bake', done.reused)}"
    waited = [bake for bake in left if bake not in (*done.resumed, *done.queued, *done.reused)]
    if waited:
        yield f"still waiting: {numbered('bake', waited)}"
    if not (done.resumed or done.queued or done.reused or waited or done.notes):
        yield f"nothing of ladder {number} is left to be continued"


def ladder_json(state: "LadderState") -> dict[str, object]:
    """Return a ladder as plain values; times are epoch seconds."""
    spec = state.spec
    return {
        "number": state.number,
        "title": spec.title,
        "question": spec.question,
        "preset": spec.preset,
        "knobs": list(spec.knobs),
        "twins": spec.twins,
        "log_axis": spec.log_axis,
        "settings": list(spec.base_settings),
        "of_bake": state.of_bake,
        "created": state.created,
        "seconds_left": state.seconds_left,
        "rungs": [
            {
                "label": rung.label,
                "set": list(rung.overrides),
                "position": rung.position,
                "centre": rung.is_centre,
                "bakes": [_bake_json(each) for each in state.bakes if each.rung == place],
            }
            for place, rung in enumerate(spec.rungs)
        ],
    }


def to_queue_json(ladder: "LadderToQueue") -> dict[str, object]:
    """Return what a ladder would queue as plain values."""
    return {
        "title": ladder.spec.title,
        "twins": ladder.spec.twins,
        "count": ladder.count,
        "reused": ladder.reused,
        "seconds": ladder.seconds,
        "disk_bytes": ladder.disk_bytes,
        "notes": list(ladder.notes),
        "bakes": [
            {
                "rung": ladder.spec.rungs[each.rung].label,
                "set": list(ladder.spec.rungs[each.rung].overrides),
                "twin": each.twin,
                "reused": each.reused,
                "seconds": each.seconds,
            }
            for each in ladder.bakes
        ],
    }


def _bake_json(bake: "BakeOfRung") -> dict[str, object]:
    return {
        "twin": bake.twin,
        "bake": bake.bake,
        "state": None if bake.state is None else str(bake.state),
        "held": bake.held,
        "reused": bake.reused,
        "cut": bake.cut,
        "error": bake.error,
    }


def _rung_lines(state: "LadderState") -> Iterator[str]:
    if not state.spec.rungs:
        yield "  its rungs cannot be read"
        return
    width = max(len(_label(rung)) for rung in state.spec.rungs)
    for place, rung in enumerate(state.spec.rungs):
        bakes = state.of_rung(place)
        shown = ", ".join(map(_bake_text, bakes)) if bakes else "cut"
        yield f"  {_label(rung):<{width}}  {_set_text(rung)}  {shown}"
        for each in bakes:
            if each.error:
                yield f"    bake {each.bake}: {printable(each.error, 300)}"


def _label(rung: "Rung") -> str:
    return printable(rung.label, _MAX_LABEL)


def _set_text(rung: "Rung") -> str:
    return printable(", ".join(rung.overrides), _MAX_SET) or "as it is"


def _bake_text(bake: "BakeOfRung") -> str:
    """Return a bake of a rung: `✓ 12 done`, `◦ 13 queued`, `not queued`."""
    if bake.bake is None:
        return _OPEN
    if bake.state is None:
        return f"{bake.bake} damaged"
    word = "held" if bake.held else state_words(bake)
    there = ", was there" if bake.reused and bake.state is BakeState.DONE else ""
    return f"{state_sign(bake.state, held=bake.held).mark} {bake.bake} {word}{there}"


def state_words(bake: "BakeOfRung") -> str:
    """Return the state of a bake of a rung: `done`, `was baking, its process is gone`."""
    return str(bake.state) if bake.was is None else f"was {bake.was}, its process is gone"


def _progress(state: "LadderState") -> Iterator[str]:
    """Yield how far a ladder is, in words."""
    bakes = [each for each in state.bakes if not each.cut]
    states = Counter(each.state for each in bakes)
    yield f"{states[BakeState.DONE]:,} of {plural(len(bakes), 'bake')} done"
    gone = sum(each.was is not None for each in bakes)
    failed = states[BakeState.FAILED] + states[BakeState.LOST] - gone
    if failed:
        yield f"{failed:,} failed"
    if gone:
        yield f"{gone:,} left by a process that is gone"
    ended = states[BakeState.STOPPED] + states[BakeState.PARKED]
    if ended:
        yield f"{ended:,} ended early"
    if missing := states[None]:
        yield f"{plural(missing, 'open place')}"
    if state.seconds_left:
        yield f"about {duration(state.seconds_left)} left"
