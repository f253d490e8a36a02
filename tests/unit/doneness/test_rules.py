"""The table of rules: each can speak, none speaks of what stands still, and none speaks without noise."""

from collections.abc import Mapping

import pytest
from made_bakes import floors, measured, saved_epochs

from trainer.doneness.place import place
from trainer.doneness.record import Doneness, LaneKind, RuleSign
from trainer.doneness.rules import FACTS, RULES, Rule
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_parts import OUTPUT_SHARE
from trainer.measures.of_pictures import BLEED, STATIC, TOKEN_EFFECT
from trainer.measures.of_validation import AUC, CHANCE, HELD_OUT_CHANGE, UNCAPTIONED
from trainer.measures.of_weights import DELTA_SHARE
from trainer.measures.registry import MEASURES

PARTS = ("unet", "text_encoder")
NOISE = {
    HELD_OUT_CHANGE: 0.003,
    STATIC: 0.02,
    TOKEN_EFFECT: 0.02,
    BLEED: 0.01,
    OUTPUT_SHARE: 0.01,
    DELTA_SHARE.key: 0.01,
}


def made(
    *,
    validation: tuple[float, ...] = (-0.06, -0.1, -0.1, -0.1, -0.1, -0.1),
    layout: tuple[float, ...] = (-0.06, -0.1, -0.1, -0.1, -0.1, -0.1),
    token: tuple[float, ...] = (0.3, 0.5, 0.5, 0.5, 0.5, 0.5),
    share: tuple[float, ...] = (0.1, 0.2, 0.2, 0.2, 0.2, 0.2),
    bleed: tuple[float, ...] = (0.1, 0.2, 0.2, 0.2, 0.2, 0.2),
    static: tuple[float, ...] = (0.0,) * 6,
    size: tuple[float, ...] = (0.004, 0.005, 0.0051, 0.0051, 0.0051, 0.0051),
    auc: tuple[float, ...] = (0.5,) * 6,
    p: float = 0.5,
) -> list[MeasuredValue]:
    """Return a bake that comes to rest at its second epoch, but for what is given."""
    return [
        *measured(HELD_OUT_CHANGE, validation),
        *measured(HELD_OUT_CHANGE, layout, scope="layout"),
        *measured(TOKEN_EFFECT, token, base=0.1),
        *measured(BLEED, bleed, base=0.0),
        *measured(STATIC, static, base=0.0),
        *measured(OUTPUT_SHARE, share, part="text_encoder"),
        *(value for part in PARTS for value in measured(DELTA_SHARE.key, size, part=part)),
        *measured(AUC, auc, half=0.1),
        *measured(CHANCE, (p,) * 6),
        *measured(AUC + UNCAPTIONED, auc, half=0.1),
        *measured(CHANCE + UNCAPTIONED, (p,) * 6),
    ]


def placed(values: list[MeasuredValue], noise: Mapping[str, float] = NOISE) -> Doneness:
    return place(7, saved_epochs(6), values, PARTS, floors(noise))


def spoken(doneness: Doneness, epoch: int) -> set[str]:
    """Return the keys of the rules whose trend is there at an epoch."""
    findings = [finding for lane in doneness.lanes if lane.epochs for finding in lane.epochs[epoch - 1].findings]
    return {finding.rule for finding in findings if finding.is_there}


# Rule -> the bake in which it speaks, and the epoch at which it does.
SPEAKS: Mapping[str, tuple[list[MeasuredValue], int]] = {
    "validation-fell": (made(), 3),
    "validation-falls": (made(validation=(-0.02, -0.05, -0.09, -0.13, -0.17, -0.21)), 3),
    "size-grows": (made(size=(0.001, 0.002, 0.003, 0.004, 0.005, 0.006)), 5),
    "validation-rises": (made(validation=(-0.06, -0.1, -0.1, -0.1, -0.06, -0.02)), 6),
    "layout-rises": (made(layout=(-0.06, -0.1, -0.1, -0.1, -0.06, -0.02)), 6),
    "static-rises": (made(static=(0.0, 0.0, 0.0, 0.0, 0.4, 0.8)), 5),
    "token-works": (made(), 4),
    "encoder-carries": (made(), 1),
    "token-grows": (made(token=(0.2, 0.4, 0.6, 0.8, 1.0, 1.2)), 2),
    "token-fades": (made(token=(0.3, 0.5, 0.5, 0.3, 0.2, 0.1)), 6),
    "bleed-rises": (made(bleed=(0.1, 0.2, 0.2, 0.2, 0.4, 0.6)), 6),
    "members-fall": (made(auc=(0.5, 0.5, 0.7, 0.7, 0.9, 0.9), p=0.001), 6),
    "members-fall-uncaptioned": (made(auc=(0.5, 0.5, 0.7, 0.7, 0.9, 0.9), p=0.001), 4),
}


def test_every_rule_has_a_bake_in_which_it_speaks() -> None:
    assert set(SPEAKS) == {rule.key for rule in RULES}


@pytest.mark.parametrize("key", SPEAKS)
def test_a_rule_speaks(key: str) -> None:
    values, epoch = SPEAKS[key]
    assert key in spoken(placed(values), epoch)


def test_a_bake_at_rest_is_said_to_have_learned_and_nothing_else() -> None:
    assert spoken(placed(made()), 6) == {"validation-fell", "token-works", "encoder-carries"}


@pytest.mark.parametrize("key", [rule.key for rule in RULES if LaneKind.MEMORIZED not in rule.lanes])
def test_no_rule_speaks_without_noise_or_interval(key: str) -> None:
    values, epoch = SPEAKS[key]
    assert not spoken(placed(values, {}), epoch) - {rule.key for rule in RULES if LaneKind.MEMORIZED in rule.lanes}


@pytest.mark.parametrize("key", [rule.key for rule in RULES if LaneKind.MEMORIZED not in rule.lanes])
def test_no_rule_speaks_inside_the_noise(key: str) -> None:
    values, epoch = SPEAKS[key]
    loud = {name: 100 * spread for name, spread in NOISE.items()}
    assert key not in spoken(placed(values, loud), epoch)


def test_every_rule_reads_a_measure_that_there_is_and_says_what_it_is_evidence_of() -> None:
    for rule in RULES:
        record = MEASURES[rule.measure]
        assert record.by_part or not rule.by_part
        assert rule.why.endswith(".") and rule.words and rule.lanes
        assert rule.better in (-1, 1)
    assert len({rule.key for rule in RULES}) == len(RULES)


def test_every_fact_is_a_measure() -> None:
    assert {name for names in FACTS.values() for name in names} <= set(MEASURES)


@pytest.mark.parametrize("kind", [LaneKind.BODY, LaneKind.ENCODER])
def test_each_kind_of_part_has_rules_for_every_question(kind: LaneKind) -> None:
    assert {rule.sign for rule in RULES if kind in rule.lanes} == {RuleSign.LEARNED, RuleSign.MOVING, RuleSign.BURNT}


def test_words_of_rules_never_speak_of_quality() -> None:
    texts = [text for rule in RULES for text in _texts(rule)]
    assert not [text for text in texts if "quality" in text.casefold()]


def _texts(rule: Rule) -> tuple[str, str, str]:
    return rule.words, rule.otherwise, rule.why
