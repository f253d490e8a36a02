"""The lane of memorization: whether trained pictures can be distinguished from held-out ones, from no sign to strong."""

from collections.abc import Sequence

from trainer.doneness.evidence import fact_words, not_measured
from trainer.doneness.measured import MeasuredBake
from trainer.doneness.record import DonenessLane, EpochState, LaneKind, Placed, RuleFinding, RuleSign, SavedEpoch
from trainer.doneness.rules import FACTS, Rule, rules_of
from trainer.measures.memorization import MemorizationFinding, MemorizationSign
from trainer.measures.of_validation import AUC, CHANCE

TITLE = "memorization"

_STATES = {
    MemorizationSign.UNKNOWN: EpochState.UNKNOWN,
    MemorizationSign.NONE: EpochState.NO_SIGN,
    MemorizationSign.MILD: EpochState.MILD,
    MemorizationSign.STRONG: EpochState.STRONG,
}
_ORDER = (EpochState.NO_SIGN, EpochState.MILD, EpochState.STRONG)


_OF_ANOTHER_FOLDER = "held out is a folder of its own, so what is learned of the other folders counts as memorized too: this lane decides no band"


def memorization_lane(
    measured: MeasuredBake, epochs: Sequence[SavedEpoch], *, of_another_folder: bool = False
) -> DonenessLane:
    """Return the lane of memorization. A sign counts from the epoch on from which it stays to the last one.

    Args:
        measured: of the bake.
        epochs: the axis.
        of_another_folder: whether the held-out pictures are of no folder that is trained on: what tells them from members may
            then be the folder.
    """
    rules = [rule for rule in rules_of(LaneKind.MEMORIZED) if measured.values(rule.measure)]
    if not rules:
        missing = not_measured("whether it is memorized", rules_of(LaneKind.MEMORIZED))
        return DonenessLane(LaneKind.MEMORIZED, "", TITLE, missing=(missing,))
    found = [_found(rules, measured, epoch.step) for epoch in epochs]
    states = _lasting([_state([each for each in here if each is not None]) for here in found])
    placed = tuple(
        Placed(state, _findings(rules, here), fact_words(FACTS[LaneKind.MEMORIZED], "", measured, epoch))
        for state, here, epoch in zip(states, found, epochs, strict=True)
    )
    few = next((each for here in found for each in here if each is not None), None)
    notes = (few.text(),) if few is not None and all(state is EpochState.UNKNOWN for state in states) else ()
    if of_another_folder and not notes:
        notes = (_OF_ANOTHER_FOLDER,)
    return DonenessLane(LaneKind.MEMORIZED, "", TITLE, placed, notes, bands=not of_another_folder)


def _found(rules: Sequence[Rule], measured: MeasuredBake, step: int) -> list[MemorizationFinding | None]:
    """Return what the numbers of each way of asking say, p corrected for their number; None where it was not asked so."""
    values = [
        (
            measured.values(rule.measure).get(step),
            measured.values(CHANCE + rule.measure.removeprefix(AUC)).get(step),
        )
        for rule in rules
    ]
    chances = _corrected([1.0 if p is None or p.value is None else p.value for _, p in values])
    return [
        None
        if auc is None or auc.value is None or p is None or p.value is None
        else MemorizationFinding.of(auc.value, chance, auc.count)
        for (auc, p), chance in zip(values, chances, strict=True)
    ]


def _corrected(chances: Sequence[float]) -> list[float]:
    """Return probabilities so that any of them is below a bound by chance as rarely as a single one (Hochberg 1988).

    Two that are both small need no correction: four pictures against four come to 1 in 70 at best, twice which would never be a sign.
    """
    found, least = list(chances), 1.0
    for tests, place in enumerate(sorted(range(len(chances)), key=lambda place: -chances[place]), start=1):
        least = min(least, tests * chances[place])
        found[place] = least
    return found


def _state(found: Sequence[MemorizationFinding]) -> EpochState:
    known = [_STATES[each.sign] for each in found if each.sign is not MemorizationSign.UNKNOWN]
    return max(known, key=_ORDER.index, default=EpochState.UNKNOWN)


def _lasting(states: Sequence[EpochState]) -> list[EpochState]:
    """Return each state no further than any later one that is known."""
    least: EpochState | None = None
    found = []
    for state in reversed(states):
        if state is not EpochState.UNKNOWN:
            least = state if least is None else min(state, least, key=_ORDER.index)
        found.append(state if state is EpochState.UNKNOWN else least or state)
    return found[::-1]


def _findings(rules: Sequence[Rule], found: Sequence[MemorizationFinding | None]) -> tuple[RuleFinding, ...]:
    findings = []
    for rule, each in zip(rules, found, strict=True):
        if each is None or each.sign is MemorizationSign.UNKNOWN:
            continue
        there = each.sign is not MemorizationSign.NONE
        sign = RuleSign.STRONG if each.sign is MemorizationSign.STRONG else RuleSign.MILD
        findings.append(
            RuleFinding(rule.key, sign, there, f"{rule.words if there else rule.otherwise}: {each.text(len(rules))}")
        )
    return tuple(findings)
