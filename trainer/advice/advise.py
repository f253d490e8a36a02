"""Advice for one bake: its symptoms, and what to try in the order data, repeats, steps, rates, each with its evidence."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from trainer.advice.answered import LaddersHere
from trainer.advice.knobs import ENCODER_STOP, KNOBS, STEPS
from trainer.advice.known import KnownOfBake, known_of, own_settings_of
from trainer.advice.ladder_of_move import has_parts, ladder_of_move, parts_words, steps_of_way
from trainer.advice.record import Advice, AdvisedMove, Answered, Knob, Move, Reason, Symptom, SymptomHere, Way
from trainer.advice.seen import open_questions, symptoms_here
from trainer.advice.symptoms import symptoms_named
from trainer.doneness.words import band_line
from trainer.journal.journal import Journal
from trainer.ladders.build import DEFAULT_TWINS
from trainer.ladders.own_settings import OwnSettings
from trainer.ladders.record import LadderSpec
from trainer.text import printable
from trainer.workspace import Workspace

LARGE = "a step large enough to see"
"""What is said of every step: small ones are lost between twins."""


def advice_for(
    journal: Journal, workspace: Workspace, bake: int, chosen: Collection[str] = (), *, twins: int = DEFAULT_TWINS
) -> Advice:
    """Return what to try with a bake: nothing is advised by a measure that is inside the noise, or whose noise is not known.

    Args:
        journal, workspace: where it is.
        bake: its number.
        chosen: keys of the symptoms that the user sees; those that are measured come by themselves.
        twins: bakes of each rung of the ladders.

    Raises:
        SettingsError: there is no symptom of a key, or the bake's settings cannot be read.
        WorkspaceError: there is no such bake, or the journal cannot be read.
    """
    keys = {symptom.key for symptom in symptoms_named(chosen)}
    row = journal.bakes.read_bake(bake)
    own = own_settings_of(journal, row)
    known = known_of(journal, workspace, row, own)
    here = symptoms_here(known, keys)
    ladders = LaddersHere(journal, workspace, own)
    moves = [_with_evidence(move, known, here, ladders) for move in advised_moves(here, own, bake, twins=twins)]
    epoch = known.doneness.epochs[known.place].title if known.place is not None else ""
    return Advice(
        bake=bake,
        epoch=epoch,
        symptoms=here,
        moves=tuple(move for move in moves if move.answered is not Answered.INSIDE),
        set_aside=tuple(move for move in moves if move.answered is Answered.INSIDE),
        unknown=open_questions(known),
        noise=known.doneness.noise,
    )


def advised_moves(
    here: Iterable[SymptomHere], own: OwnSettings, bake: int, *, twins: int = DEFAULT_TWINS
) -> tuple[AdvisedMove, ...]:
    """Return the moves of the symptoms that ask for any, one for each knob, in the order in which they are tried.

    Args:
        here: the symptoms.
        own: the bake's settings.
        bake: its number.
        twins: bakes of each rung of the ladders.
    """
    wanted: dict[str, list[tuple[Symptom, Move]]] = defaultdict(list)
    for each in here:
        if each.asks:
            for move in each.symptom.moves:
                wanted[move.knob].append((each.symptom, move))
    return tuple(
        _advised(knob, wanted[key], own, bake, twins)
        for key, knob in KNOBS.items()
        if key in wanted and has_parts(own, key)
    )


def way_of(ways: Iterable[Way]) -> Way:
    """Return the way of a move that several symptoms ask for: either, where they disagree."""
    asked = set(ways)
    return next(iter(asked)) if len(asked) == 1 else Way.EITHER


def _advised(
    knob: Knob, wanted: Sequence[tuple[Symptom, Move]], own: OwnSettings, bake: int, twins: int
) -> AdvisedMove:
    way = way_of(move.way for _, move in wanted)
    presets = {move.preset for _, move in wanted}
    question = f"{', '.join(dict.fromkeys(symptom.title for symptom, _ in wanted))}: does it matter: {parts_words(own, knob.key)}?"
    test = ladder_of_move(
        own, knob.key, way, bake=bake, question=question, twins=twins, preset=presets.pop() if len(presets) == 1 else ""
    )
    attempts = [f"try: {move.what}" for _, move in wanted if move.what]
    if knob.key == STEPS and way in (Way.LOWER, Way.EITHER):
        attempts.append("try an epoch that is saved already before the one you use: it costs no bake")
    if test.spec is not None:
        attempts += _attempts(test.spec, way)
    return AdvisedMove(
        knob=knob,
        way=way,
        title=parts_words(own, knob.key),
        attempts=tuple(dict.fromkeys(attempts)) or (f"try to {_VERBS[way]} it",),
        reasons=tuple(Reason(symptom.key, move.way, move.why, move.sources) for symptom, move in wanted),
        ladder=test.spec,
        remarks=test.remarks,
        by_hand=test.by_hand,
    )


_VERBS = {Way.RAISE: "raise", Way.LOWER: "lower", Way.CHANGE: "change", Way.EITHER: "raise or lower"}


def _attempts(spec: LadderSpec, way: Way) -> list[str]:
    """Return what a ladder's next rungs change, as something to try."""
    rungs = steps_of_way(spec, way)
    named = [f"{printable(rung.label, 40)} ({printable(', '.join(rung.overrides), 120)})" for rung in rungs]
    return [f"try {' or '.join(named)}: {LARGE}"] if named else []


def _with_evidence(
    move: AdvisedMove, known: KnownOfBake, here: Sequence[SymptomHere], ladders: LaddersHere
) -> AdvisedMove:
    """Return a move with what this journal knows of it."""
    lines: list[str] = []
    if move.knob.key in (STEPS, ENCODER_STOP) and known.doneness.epochs:
        lines.append(band_line(known.doneness))
    answered = Answered.NO
    if move.ladder is not None:
        asked = {reason.symptom for reason in move.reasons}
        measures = {name for each in here if each.symptom.key in asked for name in each.symptom.measures}
        answered, said = ladders.say(move.ladder, steps_of_way(move.ladder, move.way), measures)
        lines += said
    return replace(move, evidence=tuple(lines), answered=answered)
