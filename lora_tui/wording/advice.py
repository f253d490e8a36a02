"""Advice as lines of text and as plain values."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from trainer.text import listed, plural, printable

if TYPE_CHECKING:
    from trainer.advice.record import Advice, AdvisedMove, Reason, Said, Symptom, SymptomHere
    from trainer.ladders.record import LadderSpec

NOTHING = "nothing is seen that is not right, and nothing is ticked"
"""Where no symptom asks for anything."""

NO_MOVES = "nothing to try"
TICK_FIRST = "nothing to try: tick what you see"
"""In place of moves: where symptoms ask for none, and where there are no such symptoms."""

_AGREES, _DISAGREES = "+", "−"


def advice_lines(advice: "Advice") -> Iterator[str]:
    """Yield the symptoms that ask for something, what to try in its order, and what would tell more."""
    where = f", {advice.epoch}" if advice.epoch else ""
    yield f"advice on bake {advice.bake}{where}: things to try, none of them known to be right"
    asking = [here for here in advice.symptoms if here.asks]
    if not asking:
        yield NOTHING
        yield f"`lora-tui advise {advice.bake} --list` lists the symptoms; name those you see with --symptom KEY"
    for here in asking:
        yield f"  {_mark(here)} {here.symptom.title} ({here.symptom.key})"
        yield from (f"      {line}" for line in symptom_lines(here))
    step = None
    for move in advice.moves:
        if move.knob.step is not step:
            step = move.knob.step
            yield from ("", step_title(move))
        yield f"  {move_title(move)}"
        yield from (f"      {line}" for line in move_lines(move, advice.bake))
    if advice.set_aside:
        yield from ("", "Set aside: a ladder of this journal answers it")
        for move in advice.set_aside:
            yield f"  {move_title(move)}"
            yield from (f"      {printable(line)}" for line in move.evidence)
    yield from unknown_lines(advice)


def unknown_lines(advice: "Advice") -> Iterator[str]:
    """Yield what is not known and would tell more."""
    if advice.unknown:
        yield from ("", "Not known")
        yield from (f"  {printable(line)}" for line in advice.unknown)
    if advice.noise:
        yield f"  {advice.noise}"


def symptom_list_lines(symptoms: "Sequence[SymptomHere]") -> Iterator[str]:
    """Yield every symptom with its key, its title and whether it is seen."""
    width = max((len(here.symptom.key) for here in symptoms), default=0)
    for here in symptoms:
        state = here.missing or ("ticked" if here.chosen else "seen" if here.seen else "")
        yield f"{here.symptom.key:<{width}}  {here.symptom.title}{f'  [{state}]' if state else ''}"


def symptom_lines(here: "SymptomHere") -> Iterator[str]:
    """Yield what is known of a symptom in a bake."""
    if here.symptom.quote:
        yield f"the notes: “{here.symptom.quote}”"
    if here.missing:
        yield here.missing
        return
    yield from (f"seen: {printable(line)}" for line in here.seen)
    yield from (f"looked at: {printable(line)}" for line in here.calm)
    yield from (f"measured: {printable(line)}" for line in here.facts)
    if here.symptom.grid:
        yield f"look first: the grid `{here.symptom.grid}`"


def move_lines(move: "AdvisedMove", bake: int) -> Iterator[str]:
    """Yield what to try with a bake, why, who says so and who does not, what this journal knows of it, and the ladder that would test it."""
    yield from (printable(line) for line in move.attempts)
    shown: set[object] = set()
    for reason in move.reasons:
        yield f"why ({reason.symptom}{_asked(reason, move)}): {reason.why}"
        for said in reason.sources:
            if said not in shown:
                shown.add(said)
                yield f"  {said_words(said)}"
    yield from (f"here: {printable(line)}" for line in move.evidence)
    yield from ladder_lines(move, bake)


def ladder_lines(move: "AdvisedMove", bake: int) -> Iterator[str]:
    """Yield the ladder that would test a move, or how it is tested by hand."""
    if move.ladder is None:
        yield f"to test it: {printable(move.by_hand)}"
        return
    yield f"ladder: {spec_words(move.ladder)} (`lora-tui advise {bake} --ladder {move.key}` queues it, held)"
    yield from (f"  {printable(line)}" for line in move.remarks)


def spec_words(spec: "LadderSpec") -> str:
    """Return a ladder in one line: its rungs and how many bakes each has."""
    labels = listed([printable(rung.label, 40) for rung in spec.rungs])
    return f"{printable(spec.title, 60)}: {labels}; {plural(spec.twins, 'bake')} of each"


def said_words(said: "Said") -> str:
    """Return what a source says, marked by whether it speaks for the move: `+ source notes: …`."""
    from trainer.advice.sources import SOURCES

    source = SOURCES[said.source]
    kind = "" if str(source.kind) in source.name else f"{source.kind}: "
    return f"{_AGREES if said.agrees else _DISAGREES} {said.words} ({kind}{source.name})"


def move_title(move: "AdvisedMove") -> str:
    """Return a move's title with its way: `learning rate of the text encoder: lower`."""
    return f"{move.title}: {move.way}"


def step_title(move: "AdvisedMove") -> str:
    """Return the heading of the step that a move belongs to."""
    from trainer.advice.knobs import ORDER, STEP_WORDS

    return f"{ORDER.index(move.knob.step) + 1}. {STEP_WORDS[move.knob.step]}"


def advice_json(advice: "Advice") -> dict[str, object]:
    """Return an advice as plain values."""
    return {
        "bake": advice.bake,
        "epoch": advice.epoch,
        "symptoms": [_symptom_json(here) for here in advice.symptoms],
        "moves": [_move_json(move) for move in advice.moves],
        "set_aside": [_move_json(move) for move in advice.set_aside],
        "unknown": list(advice.unknown),
        "noise": advice.noise,
    }


def _mark(here: "SymptomHere") -> str:
    return "[x]" if here.chosen else "[ ]"


def _asked(reason: "Reason", move: "AdvisedMove") -> str:
    return f", {reason.way}" if reason.way is not move.way else ""


def _symptom_json(here: "SymptomHere") -> dict[str, object]:
    symptom: Symptom = here.symptom
    return {
        "key": symptom.key,
        "title": symptom.title,
        "quote": symptom.quote,
        "chosen": here.chosen,
        "seen": list(here.seen),
        "calm": list(here.calm),
        "facts": list(here.facts),
        "missing": here.missing,
    }


def _move_json(move: "AdvisedMove") -> dict[str, object]:
    return {
        "key": move.key,
        "step": str(move.knob.step),
        "title": move.title,
        "way": str(move.way),
        "try": list(move.attempts),
        "reasons": [asdict(reason) for reason in move.reasons],
        "evidence": list(move.evidence),
        "ladders_say": str(move.answered),
        "ladder": None if move.ladder is None else asdict(move.ladder),
        "by_hand": move.by_hand,
    }
