"""Lanes: the state of each epoch from what the rules see, with the words of the evidence."""

from collections.abc import Mapping, Sequence

from trainer.doneness.evidence import (
    calm_words,
    fact_words,
    finding_words,
    knows_twins,
    noise_not_known,
    not_measured,
    too_noisy,
)
from trainer.doneness.measured import MeasuredBake
from trainer.doneness.record import DonenessLane, EpochState, LaneKind, Placed, RuleFinding, RuleSign, SavedEpoch
from trainer.doneness.rules import FACTS, Rule, Trend, rules_of
from trainer.doneness.series import Series
from trainer.doneness.trends import Sight, TrendWindow, is_there, look, onset
from trainer.measures.of_validation import HELD_OUT_CHANGE
from trainer.settings.parts import Part, is_encoder, label_of

QUESTIONS: Mapping[RuleSign, str] = {
    RuleSign.LEARNED: "whether it has learned anything",
    RuleSign.MOVING: "whether it still moves",
    RuleSign.BURNT: "whether it got worse",
}
"""What must be known of a part before its epochs are placed, each by one rule at least."""


def lane_of_part(part: Part, measured: MeasuredBake, epochs: Sequence[SavedEpoch], rest: int | None) -> DonenessLane:
    """Return the lane of a part.

    Args:
        part: its key.
        measured: of the bake.
        epochs: the axis.
        rest: as `rest_of` gives it.
    """
    kind = _kind(part)
    rules, title = rules_of(kind), label_of(part)
    sights = _sights(rules, part, measured, rest)
    worse = onset(_of(sights, RuleSign.BURNT), len(epochs))
    missing = _missing(rules, sights, part, measured)
    if missing and worse == len(epochs):
        return DonenessLane(kind, part, title, missing=missing)
    # What got worse is over, whatever else is known of it.
    places = range(len(epochs))
    placed = [_placed(place, place >= worse, rules, sights, part, measured, epochs) for place in places]
    spoke = {
        rule.measure for rule in sights if _judges(sights[rule]) and rule.sign in (RuleSign.MOVING, RuleSign.BURNT)
    }
    # Validation alone never picks an epoch: its lowest point comes after generalisation has begun to turn (facts of 2025).
    alone = spoke == {HELD_OUT_CHANGE}
    notes = (*missing, *((_ALONE,) if alone else ()))
    return DonenessLane(kind, part, title, _filled(placed), notes, bands=not notes)


def rest_of(parts: Sequence[Part], measured: MeasuredBake) -> int | None:
    """Return the place of the first epoch from which a bake gains nothing any more; None where that is not known, or never comes.

    Harm that rises with what is gained is its price; so harm is counted from there, whichever lane gains.
    """
    count = len(measured.steps)
    gains: list[Sight] = []
    for kind in dict.fromkeys(map(_kind, parts)):
        rules = [rule for rule in rules_of(kind) if not rule.by_part]
        harm = [_sight(rule, "", measured, TrendWindow(count)) for rule in rules if rule.trend is Trend.WORSE_THAN_BEST]
        end = TrendWindow(onset(harm, count))
        gains += [_sight(rule, "", measured, end) for rule in rules if rule.gains]
    for place in range(count):
        here = [sight[place] for sight in gains if sight[place] is not None]
        if here and not any(map(is_there, here)):
            return place
    return None


_ALONE = "validation alone never picks an epoch: with measure_weights and a twin, or with measure_pictures, this lane decides the band"


def _kind(part: Part) -> LaneKind:
    return LaneKind.ENCODER if is_encoder(part) else LaneKind.BODY


def _sights(rules: Sequence[Rule], part: Part, measured: MeasuredBake, rest: int | None) -> dict[Rule, Sight]:
    """Return what each rule sees; harm first, because nothing after its onset counts as gain or movement."""
    count = len(measured.steps)
    harm = {
        rule: _sight(rule, part, measured, TrendWindow(count, rest)) for rule in rules if rule.sign is RuleSign.BURNT
    }
    window = TrendWindow(onset([*harm.values()], count))
    return {rule: harm[rule] if rule in harm else _sight(rule, part, measured, window) for rule in rules}


def _sight(rule: Rule, part: Part, measured: MeasuredBake, window: TrendWindow) -> Sight:
    series = _series(rule, part, measured)
    return (None,) * len(measured.steps) if series is None else look(rule, series, window)


def _series(rule: Rule, part: Part, measured: MeasuredBake) -> Series | None:
    return measured.series(rule.measure, part if rule.by_part else "", rule.scope)


def _of(sights: Mapping[Rule, Sight], sign: RuleSign) -> list[Sight]:
    return [sight for rule, sight in sights.items() if rule.sign is sign]


def _judges(sight: Sight) -> bool:
    return any(seen is not None for seen in sight)


def _missing(
    rules: Sequence[Rule], sights: Mapping[Rule, Sight], part: Part, measured: MeasuredBake
) -> tuple[str, ...]:
    """Return what keeps a part from being placed, one line for each question that no rule can answer."""
    lines = []
    for sign, question in QUESTIONS.items():
        asked = [rule for rule in rules if rule.sign is sign]
        if any(_judges(sights[rule]) for rule in asked):
            continue
        known = [rule for rule in asked if _series(rule, part, measured) is not None]
        # Whose noise is known and still sees nothing is too noisy.
        noisy = [rule for rule in known if (series := _series(rule, part, measured)) is not None and series.is_judged]
        if noisy:
            lines.append(too_noisy(question, noisy))
        else:
            lines.append(noise_not_known(question, known) if known else not_measured(question, asked))
    return tuple(lines)


def _placed(
    place: int,
    worse: bool,
    rules: Sequence[Rule],
    sights: Mapping[Rule, Sight],
    part: Part,
    measured: MeasuredBake,
    epochs: Sequence[SavedEpoch],
) -> Placed:
    findings, there, judged = [], set(), set()
    for rule in rules:
        seen = sights[rule][place]
        if seen is None:
            continue
        judged.add(rule.sign)
        if seen.is_there:
            there.add(rule.sign)
            words = finding_words(rule, seen, epochs)
            findings.append(RuleFinding(rule.key, rule.sign, True, words, between_bakes=knows_twins(seen)))
        elif rule.otherwise:
            findings.append(RuleFinding(rule.key, rule.sign, False, calm_words(rule, seen)))
    facts = fact_words(FACTS[_kind(part)], part, measured, epochs[place])
    return Placed(_state(there, judged, worse), tuple(findings), facts)


def _state(there: set[RuleSign], judged: set[RuleSign], worse: bool) -> EpochState:
    if worse:
        return EpochState.OVER
    if RuleSign.LEARNED not in judged:
        return EpochState.UNKNOWN
    if RuleSign.LEARNED not in there:
        return EpochState.RAW
    if RuleSign.MOVING in there:
        return EpochState.FORMING
    return EpochState.DONE if {RuleSign.MOVING, RuleSign.BURNT} <= judged else EpochState.UNKNOWN


def _filled(placed: Sequence[Placed]) -> tuple[Placed, ...]:
    """Return the same with an epoch that could not be placed between two of one state in that state."""
    filled = list(placed)
    for place, here in enumerate(placed):
        if here.state is not EpochState.UNKNOWN:
            continue
        before = next((one.state for one in reversed(filled[:place]) if one.state is not EpochState.UNKNOWN), None)
        after = next((one.state for one in placed[place + 1 :] if one.state is not EpochState.UNKNOWN), None)
        if before is not None and before is after:
            filled[place] = Placed(before, here.findings, here.facts)
    return tuple(filled)
