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
    found = [[_finding(rule, measured, epoch.step, len(rules)) for rule in rules] for epoch in epochs]
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


def _finding(rule: Rule, measured: MeasuredBake, step: int, tests: int) -> MemorizationFinding | None:
    """Return what the numbers of one way of asking say, p corrected for the number of ways (Bonferroni)."""
    auc = measured.values(rule.measure).get(step)
    chance = measured.values(CHANCE + rule.measure.removeprefix(AUC)).get(step)
    if auc is None or chance is None or auc.value is None or chance.value is None:
        return None
    return MemorizationFinding.of(auc.value, min(1.0, chance.value * tests), auc.count)


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
