"""The rules of doneness: which trend of which measure is a sign of what. Read by the lanes, by the help and by docs/measures.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from trainer.doneness.record import LaneKind, RuleSign
from trainer.measures.of_parts import OUTPUT_SHARE
from trainer.measures.of_pictures import BLEED, DRIFT, STATIC, TOKEN_EFFECT
from trainer.measures.of_validation import AUC, CHANCE, HELD_OUT_CHANGE, UNCAPTIONED
from trainer.measures.of_weights import DELTA_SHARE, MOVEMENT


class Trend(StrEnum):
    """What a rule looks for in a measure's values over the epochs."""

    LEFT_START = "has left its start"
    """It differs from the base's value, by half of what it reaches at its best or more, and stays so until something gets worse."""
    ABOVE_ZERO = "is above 0"
    """It is above 0 and stays so until something gets worse."""
    STILL_CHANGES = "still changes"
    """It gets better later, or the bake ends while it does: in the last third of the steps."""
    OUTGROWS_CHANCE = "outgrows chance"
    """Over half as many steps again it grows more than the square root of the steps: faster than steps in random directions."""
    WORSE_THAN_BEST = "is worse than at its best"
    """It is worse than at its best so far, and stays so to the last epoch."""
    WORSE_SINCE_REST = "got worse since the gain ended"
    """It is worse than at the first epoch from which nothing gets better, and stays so to the last epoch."""
    TOLD_APART = "is distinguished"
    """The area under the curve is high and its p is low: see trainer.measures.memorization. It stays so to the last epoch."""


MORE_STEPS = 1.5
"""How many times the steps of an epoch a bake must go on to show that nothing gets better any more."""

SEEN_SHARE = 1 / 4
"""Share of what was gained so far that a change must be able to show with, for a rule to say that nothing changes any more."""

RANDOM_GROWTH = 0.5
"""Exponent of the steps with which the sum of steps in random directions grows."""


@dataclass(frozen=True)
class Rule:
    """One rule. What it says holds beyond the noise only, and is not said where the noise is not known.

    Attributes:
        key: unique.
        lanes: the kinds of lanes it speaks in.
        measure: key of its measure.
        trend: what it looks for.
        better: +1 where a higher value of the measure is the better one, -1 where a lower one is.
        sign: what it is a sign of.
        words: what it says, as in `validation still falls`; the numbers follow.
        otherwise: what it says where its trend is not there, "" where that is not worth a line.
        why: one sentence: why it is a sign of that.
        scope: of the measure's values.
        by_part: whether it looks at the values of the lane's own part; else at those of the whole LoRA.
        gains: whether it shows what the LoRA gains, so that its end is where harm starts to count.
    """

    key: str
    lanes: frozenset[LaneKind]
    measure: str
    trend: Trend
    better: int
    sign: RuleSign
    words: str
    otherwise: str
    why: str
    scope: str = ""
    by_part: bool = False
    gains: bool = False


_BODY = frozenset({LaneKind.BODY})
_ENCODER = frozenset({LaneKind.ENCODER})
_PARTS = _BODY | _ENCODER
_MEMORIZED = frozenset({LaneKind.MEMORIZED})

# fmt: off
RULES: tuple[Rule, ...] = (
    Rule(
        "validation-fell", _BODY, HELD_OUT_CHANGE, Trend.LEFT_START, -1, RuleSign.LEARNED,
        "validation is below the base's",
        "validation has come less than half of its way, or is inside the noise",
        "Pictures that were not trained on are predicted better than by the base.",
    ),
    Rule(
        "validation-falls", _BODY, HELD_OUT_CHANGE, Trend.STILL_CHANGES, -1, RuleSign.MOVING,
        "validation still falls",
        "validation no longer falls beyond the noise",
        "Pictures that were not trained on are still predicted better and better.",
        gains=True,
    ),
    Rule(
        "size-grows", _PARTS, DELTA_SHARE.key, Trend.OUTGROWS_CHANCE, +1, RuleSign.MOVING,
        "its size grows faster than chance would make it",
        "its size grows no faster than chance would make it",
        "Steps in random directions make a LoRA grow with the square root of their number; faster growth is a common direction that still pulls.",
        by_part=True,
    ),
    Rule(
        "validation-rises", _BODY, HELD_OUT_CHANGE, Trend.WORSE_THAN_BEST, -1, RuleSign.BURNT,
        "validation is above its lowest",
        "",
        "Pictures that were not trained on are predicted worse than they were.",
    ),
    Rule(
        "layout-rises", _BODY, HELD_OUT_CHANGE, Trend.WORSE_THAN_BEST, -1, RuleSign.BURNT,
        "validation of the layout is above its lowest",
        "",
        "Overfitting to poses and backgrounds sits at the noisiest times, before the mean over all times shows it.",
        scope="layout",
    ),
    Rule(
        "static-rises", _BODY, STATIC, Trend.WORSE_THAN_BEST, -1, RuleSign.BURNT,
        "static is above its lowest",
        "",
        "Static is what a body looks like whose rate is too high.",
    ),
    Rule(
        "token-works", _ENCODER, TOKEN_EFFECT, Trend.LEFT_START, +1, RuleSign.LEARNED,
        "the activation token does more than in the base",
        "the activation token does less than half of what it comes to do, or is inside the noise",
        "An encoder that has learned something makes a picture with the token differ from one without it.",
    ),
    Rule(
        "encoder-carries", _ENCODER, OUTPUT_SHARE, Trend.ABOVE_ZERO, +1, RuleSign.LEARNED,
        "its share of the output is above 0",
        "its share of the output is inside the noise",
        "What an encoder has learned shows in what the body predicts from its output.",
        by_part=True,
    ),
    Rule(
        "token-grows", _ENCODER, TOKEN_EFFECT, Trend.STILL_CHANGES, +1, RuleSign.MOVING,
        "the effect of the activation token still grows",
        "the effect of the activation token no longer grows beyond the noise",
        "The token is still tied to more and more of what is to be learned.",
        gains=True,
    ),
    Rule(
        "token-fades", _ENCODER, TOKEN_EFFECT, Trend.WORSE_THAN_BEST, +1, RuleSign.BURNT,
        "the effect of the activation token is below its highest",
        "",
        "An encoder that is trained too far brings what was trained whatever the prompt asks for, so that the token makes less of a difference.",
    ),
    Rule(
        "bleed-rises", _PARTS, BLEED, Trend.WORSE_SINCE_REST, -1, RuleSign.BURNT,
        "bleed rises although nothing is gained any more",
        "",
        "Pictures whose prompts do not name the subject change more and more; while something is still gained that is its price, afterwards it is harm. No measure tells which part it comes from.",
    ),
    Rule(
        "members-fall", _MEMORIZED, AUC, Trend.TOLD_APART, -1, RuleSign.MILD,
        "trained pictures can be distinguished from held-out ones",
        "trained pictures cannot be distinguished from held-out ones",
        "The loss of trained pictures fell further than that of held-out ones, which only what was learned by heart explains.",
    ),
    Rule(
        "members-fall-uncaptioned", _MEMORIZED, AUC + UNCAPTIONED, Trend.TOLD_APART, -1, RuleSign.MILD,
        "trained pictures can be distinguished from held-out ones without their captions",
        "without captions neither",
        "The same without captions: what is known by heart although nothing asks for it.",
    ),
)
# fmt: on
"""Every rule, in the order in which findings are shown."""

FACTS: Mapping[LaneKind, tuple[str, ...]] = MappingProxyType(
    {
        LaneKind.BODY: (DELTA_SHARE.key, MOVEMENT.key, OUTPUT_SHARE, HELD_OUT_CHANGE, STATIC, DRIFT, BLEED),
        LaneKind.ENCODER: (DELTA_SHARE.key, MOVEMENT.key, OUTPUT_SHARE, TOKEN_EFFECT, BLEED),
        LaneKind.MEMORIZED: (AUC, AUC + UNCAPTIONED),
    }
)
"""Kind of lane -> the measures whose values are shown beside its findings."""


SIGN_WORDS: Mapping[RuleSign, str] = MappingProxyType(
    {
        RuleSign.LEARNED: "has learned something",
        RuleSign.MOVING: "still moves",
        RuleSign.BURNT: "got worse",
        RuleSign.MILD: "is memorized, mildly or strongly by how many",
    }
)
"""Sign -> what its rules are evidence of."""

LANE_WORDS: Mapping[LaneKind, str] = MappingProxyType(
    {
        LaneKind.BODY: "what predicts",
        LaneKind.ENCODER: "text encoders",
        LaneKind.MEMORIZED: "memorization",
    }
)
"""Kind of lane -> what its lanes are of."""


def rules_of(kind: LaneKind) -> tuple[Rule, ...]:
    """Return the rules that speak in lanes of a kind."""
    return tuple(rule for rule in RULES if kind in rule.lanes)


def measures_read() -> frozenset[str]:
    """Return the keys of the measures that rules and facts read."""
    read = {rule.measure for rule in RULES} | {name for names in FACTS.values() for name in names}
    return frozenset(read | {CHANCE, CHANCE + UNCAPTIONED})
