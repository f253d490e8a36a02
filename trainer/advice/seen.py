"""Symptoms looked for in what is known of a bake: a sign counts beyond the noise alone."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from trainer.advice.known import KnownOfBake
from trainer.advice.record import (
    BandSeen,
    Lean,
    RuleSeen,
    SideSeen,
    Sign,
    Symptom,
    SymptomHere,
    VerdictSeen,
    WeightSeen,
)
from trainer.advice.symptoms import SYMPTOMS, why_not
from trainer.doneness.record import AIMED_AT, DonenessLane, EpochState, LaneKind, UserMark
from trainer.doneness.verdicts import WHOLE
from trainer.judging.direction import sign_chance
from trainer.noise_floor.record import Standing
from trainer.noise_floor.words import NOT_KNOWN
from trainer.text import plural

CHANCE = 0.05
"""What chance alone must be rarer than, for verdicts and favourites to show something."""


@dataclass(frozen=True)
class Look:
    """What was found where a sign was looked for.

    Attributes:
        words: one line, with its numbers and its noise.
        is_there: whether the sign is there, beyond the noise.
        is_known: whether it could be judged; else `words` say what is not known.
    """

    words: str
    is_there: bool
    is_known: bool = True


def symptoms_here(known: KnownOfBake, chosen: Collection[str] = ()) -> tuple[SymptomHere, ...]:
    """Return every symptom with what is known of it, those that ask for something first.

    Args:
        known: of the bake.
        chosen: keys of the symptoms that the user sees.
    """
    found = [symptom_here(symptom, known, symptom.key in chosen) for symptom in SYMPTOMS.values()]
    return tuple(sorted(found, key=lambda here: (bool(here.missing), not here.asks, not here.chosen)))


def symptom_here(symptom: Symptom, known: KnownOfBake, chosen: bool = False) -> SymptomHere:
    """Return what is known of one symptom."""
    missing = why_not(symptom, known.parts)
    looks = [] if missing else [look for sign in symptom.signs for look in _LOOKS[type(sign)](sign, known)]
    facts = [fact.words for name in symptom.measures for fact in known.facts if fact.key.name == name]
    return SymptomHere(
        symptom=symptom,
        chosen=chosen,
        seen=_lines(look.words for look in looks if look.is_there),
        calm=_lines(look.words for look in looks if not look.is_there),
        facts=() if missing else tuple(facts),
        missing=missing,
    )


def open_questions(known: KnownOfBake) -> tuple[str, ...]:
    """Return what could show symptoms and cannot be judged: what is not measured, and trends whose noise is not known."""
    lines = [line for lane in known.doneness.lanes for line in (f"{lane.title}: {note}" for note in lane.missing)]
    return _lines(lines)


def _lines(found: Iterable[str]) -> tuple[str, ...]:
    """Return lines, each once."""
    return tuple(dict.fromkeys(found))


def _rule(sign: Sign, known: KnownOfBake) -> list[Look]:
    assert isinstance(sign, RuleSeen)
    found: list[Look] = []
    for lane in known.doneness.lanes:
        if known.place is None or not lane.epochs or (sign.lane is not None and lane.kind is not sign.lane):
            continue
        # Pictures of another folder are told from members by the folder alone.
        if lane.kind is LaneKind.MEMORIZED and not lane.bands:
            continue
        for finding in lane.epochs[known.place].findings:
            if finding.rule == sign.rule:
                is_known = finding.between_bakes
                found.append(Look(f"{lane.title}: {finding.words}", finding.is_there and is_known, is_known))
    return found


def _verdict(sign: Sign, known: KnownOfBake) -> list[Look]:
    assert isinstance(sign, VerdictSeen)
    about = WHOLE if sign.about is None else sign.about.value
    marks = [mark for mark in known.doneness.marks if mark.about == about and mark.said in (*Lean, "right")]
    if not marks:
        return []
    wanted = known.place if any(mark.place == known.place for mark in marks) else max(mark.place for mark in marks)
    return [look for mark in marks if mark.place == wanted for look in _of_mark(sign.lean, mark, known)]


def _of_mark(lean: Lean, mark: UserMark, known: KnownOfBake) -> list[Look]:
    votes, total = mark.pictures
    if mark.said != lean:
        return []
    chance = sign_chance(votes, total - votes)
    words = (
        f"you called {known.doneness.epochs[mark.place].title} {lean}{_of(mark.about, known)} on {votes:,} of "
        f"{plural(total, 'picture')} of 1 bake (chance {chance:.0%})"
    )
    return [Look(words if chance < CHANCE else f"{words}: may be chance", chance < CHANCE)]


def _of(about: str, known: KnownOfBake) -> str:
    label = next((lane.title for lane in known.doneness.lanes if lane.kind.value == about), "")
    return f" in its {label}" if label else ""


def _weight(sign: Sign, known: KnownOfBake) -> list[Look]:
    assert isinstance(sign, WeightSeen)
    newest = next((each for each in known.weights if each.about is sign.about), None)
    if newest is None or newest.direction.lean != sign.lean or newest.direction.weight is None:
        return []
    points = newest.direction
    words = (
        f"{plural(points.favourites, 'favourite')} of grid {newest.grid} have {points.label} weight {points.weight:.2f} "
        f"on average, of 1 bake (chance {max(points.chance, points.beside_full):.0%})"
    )
    # Neither how the sheet's weights lie nor a few favourites beside full weight may make it.
    there = max(points.chance, points.beside_full) < CHANCE
    return [Look(words if there else f"{words}: may be chance", there)]


def _band(sign: Sign, known: KnownOfBake) -> list[Look]:
    assert isinstance(sign, BandSeen)
    doneness = known.doneness
    parts = [lane for lane in doneness.lanes if lane.kind is not LaneKind.MEMORIZED and lane.bands and lane.is_measured]
    if sign.apart:
        done = [_done_places(lane) for lane in parts]
        if len(parts) < 2 or not all(done) or set.intersection(*done):
            return []
        return [Look(doneness.no_band, True)]
    band = doneness.band
    if band is None or band.epochs > 1 or not 0 < band.first < len(doneness.epochs) - 1:
        return []
    before, after = band.first - 1, band.first + 1
    forming = any(lane.epochs[before].state in (EpochState.FORMING, EpochState.RAW) for lane in parts)
    over = any(lane.epochs[after].state is EpochState.OVER for lane in parts)
    if not (forming and over):
        return []
    titles = [doneness.epochs[place].title for place in (before, band.first, after)]
    return [Look(f"{titles[0]} still forms, {titles[1]} is done, {titles[2]} is over", True)]


def _done_places(lane: DonenessLane) -> set[int]:
    return {place for place, placed in enumerate(lane.epochs) if placed.state in AIMED_AT}


def _side(sign: Sign, known: KnownOfBake) -> list[Look]:
    assert isinstance(sign, SideSeen)
    looks = []
    for fact in known.facts:
        if fact.key.name != sign.measure:
            continue
        away = fact.from_zero
        if away is None or away.standing is Standing.UNKNOWN:
            looks.append(Look(f"{fact.text}: {NOT_KNOWN}", False, is_known=False))
            continue
        there = away.standing is Standing.OUTSIDE and (away.difference < 0) is sign.below
        there = there and abs(away.difference) >= sign.least
        looks.append(Look(fact.words, there))
    return looks


_LOOKS: Mapping[type[Sign], Callable[[Sign, KnownOfBake], list[Look]]] = {
    RuleSeen: _rule,
    VerdictSeen: _verdict,
    WeightSeen: _weight,
    BandSeen: _band,
    SideSeen: _side,
}
