"""What the ladders of a journal say of moves: a knob that they moved as far without effect needs no other ladder."""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from trainer.advice.record import Answered
from trainer.errors import LoraTuiError
from trainer.journal.journal import Journal
from trainer.ladders.build import settings_of_rungs
from trainer.ladders.measures import record_of
from trainer.ladders.own_settings import OwnSettings
from trainer.ladders.read import answer_of
from trainer.ladders.record import AnswerKind, LadderAnswer, LadderCurve, LadderSpec, LadderState, Rung
from trainer.ladders.state import ladder_states
from trainer.settings.kept import kept_settings
from trainer.settings.model import Settings
from trainer.text import plural, printable
from trainer.workspace import Workspace

_CURVES = 3
# Steps of a ladder are threes and tens: what is this near is the same place.
_NEAR = 0.02
_VERDICTS = ("under", "right", "over", "favourite")


class LaddersHere:
    """The ladders of a journal that start from the subject and base of one bake; each is read once, where it is asked for.

    Args:
        journal, workspace: where they are.
        own: the bake's settings.
    """

    def __init__(self, journal: Journal, workspace: Workspace, own: OwnSettings) -> None:
        self._journal, self._workspace, self._own = journal, workspace, own
        self._answers: dict[int, LadderAnswer | None] = {}

    def say(
        self, spec: LadderSpec, tried: Sequence[Rung], measures: Collection[str]
    ) -> tuple[Answered, tuple[str, ...]]:
        """Return what these ladders say of a move, and in which words.

        Args:
            spec: the ladder that would test it.
            tried: the rungs of it that the move tries first.
            measures: keys of the measures in which the symptoms show; any where none of them was measured.
        """
        said, lines = Answered.NO, list[str]()
        for state, settings in self._alike:
            if set(state.spec.knobs) != set(spec.knobs) or (answer := self._answer(state)) is None:
                continue
            found, words = _said_by(state, answer, measures)
            if found is Answered.INSIDE and not self._covers(state.spec, settings, spec, tried):
                # A smaller step than the one that is advised.
                found = Answered.OPEN
            lines += words
            said = max(said, found, key=_ORDER.index)
        return said, tuple(lines)

    @cached_property
    def _alike(self) -> list[tuple[LadderState, Settings]]:
        return list(alike(self._journal, self._own))

    def _answer(self, state: LadderState) -> LadderAnswer | None:
        if state.number not in self._answers:
            try:
                self._answers[state.number] = answer_of(self._journal, self._workspace, state)
            except LoraTuiError:
                self._answers[state.number] = None
        return self._answers[state.number]

    def _covers(self, asked: LadderSpec, start: Settings, spec: LadderSpec, tried: Sequence[Rung]) -> bool:
        """Return whether a ladder went from the bake's own settings to where the move goes, or further."""
        try:
            reached = settings_of_rungs(start, asked)
            own = [self._own.settings, *_of_rungs(self._own.settings, spec, tried)]
        except LoraTuiError:
            return False
        return all(
            _within([getattr(each, knob) for each in own], [getattr(each, knob) for each in reached])
            for knob in spec.knobs
        )


def alike(journal: Journal, own: OwnSettings) -> Iterator[tuple[LadderState, Settings]]:
    """Yield the ladders of the same subject on the same base as a bake's, the newest first, with the settings that they start from."""
    for state in ladder_states(journal):
        row = journal.ladders.find(state.number)
        try:
            settings = (
                kept_settings(row.settings_toml, f"ladder {state.number}", journal.paths) if row is not None else None
            )
        except LoraTuiError:
            # Opening the ladder says what is wrong with it.
            continue
        if settings is not None and _same(settings, own.settings):
            yield state, settings


_ORDER = (Answered.NO, Answered.OPEN, Answered.INSIDE, Answered.DIFFERS)


def _same(one: Settings, other: Settings) -> bool:
    names = ("subject", "pretrained_model_name_or_path")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _of_rungs(settings: Settings, spec: LadderSpec, rungs: Sequence[Rung]) -> list[Settings]:
    of_all = dict(zip((rung.label for rung in spec.rungs), settings_of_rungs(settings, spec), strict=True))
    return [of_all[rung.label] for rung in rungs]


def _within(wanted: Sequence[object], reached: Sequence[object]) -> bool:
    """Return whether values lie among others: numbers between their ends, anything else as one of them."""
    numbers = [value for value in reached if _is_number(value)]
    if len(numbers) == len(reached) and all(map(_is_number, wanted)):
        low, high = min(map(_float, numbers)), max(map(_float, numbers))
        return all(low * (1 - _NEAR) <= _float(value) <= high * (1 + _NEAR) for value in wanted)
    return all(value in reached for value in wanted)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _said_by(state: LadderState, answer: LadderAnswer, measures: Collection[str]) -> tuple[Answered, tuple[str, ...]]:
    """Return what one ladder says in the measures asked for, and in the user's verdicts."""
    head = f"ladder {state.number}, {printable(state.spec.title, 60)}"
    lines = list(_verdicts(head, state.spec, answer))
    asked = [curve for curve in answer.curves if curve.name in measures] or list(answer.curves)
    known = [curve for curve in asked if curve.kind is not AnswerKind.OPEN]
    if not known:
        lines.append(f"{head}: not answered yet{''.join(f'; {printable(line)}' for line in answer.missing[:1])}")
        return Answered.OPEN, tuple(lines)
    differing = [curve for curve in known if curve.kind is not AnswerKind.INSIDE]
    if differing:
        lines += [f"{head}: {printable(curve.words)}" for curve in differing[:_CURVES]]
        return Answered.DIFFERS, tuple(lines)
    lines.append(
        f"{head}: {AnswerKind.INSIDE} in {', '.join(_titles(known))}{f' ({printable(answer.noise)})' if answer.noise else ''}"
    )
    # What eyes saw differ is no matter of measures alone.
    return (Answered.OPEN if answer.tallies else Answered.INSIDE), tuple(lines)


def _titles(curves: Sequence[LadderCurve]) -> list[str]:
    names = dict.fromkeys(curve.name for curve in curves)
    records = ((name, record_of(name)) for name in names)
    return [name if record is None else record.title for name, record in records]


def _verdicts(head: str, spec: LadderSpec, answer: LadderAnswer) -> Iterator[str]:
    told = []
    for place, counts in sorted(answer.tallies.items()):
        said = [f"{verdict} {plural(counts[verdict], 'picture')}" for verdict in _VERDICTS if counts.get(verdict)]
        if said and 0 <= place < len(spec.rungs):
            told.append(f"{printable(spec.rungs[place].label, 40)} {', '.join(said)}")
    if told:
        yield f"{head}: you called {'; '.join(told)}"
