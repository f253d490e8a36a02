"""What the difference between trained and held-out pictures says of memorization, in words."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from trainer.plan.probed_pictures import LEAST_PICTURES
from trainer.text import plural

# Stricter than the usual 5 %: a bake is looked at after every epoch, with captions and without. Four pictures of each kind can reach it.
_CHANCE = 0.02
_MILD, _STRONG = 0.6, 0.75


class MemorizationSign(StrEnum):
    """How plainly trained pictures (members) are told from held-out ones by how far their loss fell.

    It says nothing of a single picture: none is ever called copied.
    """

    UNKNOWN = "too few pictures"
    NONE = "no sign"
    MILD = "mild"
    STRONG = "strong"


@dataclass(frozen=True)
class MemorizationFinding:
    """What one comparison of members with held-out pictures shows.

    Attributes:
        sign: in a word.
        auc: share of the pairs in which the member's loss fell further; 0.5 by chance, 1 where all did.
        p: how often chance gives as much.
        pictures: of the smaller of the two kinds.
    """

    sign: MemorizationSign
    auc: float
    p: float
    pictures: int

    @classmethod
    def of(cls, auc: float, p: float, pictures: int) -> Self:
        """Return what the numbers of `of_validation` say: both must agree, and there must be pictures enough."""
        if pictures < LEAST_PICTURES:
            sign = MemorizationSign.UNKNOWN
        elif p > _CHANCE or auc < _MILD:
            sign = MemorizationSign.NONE
        else:
            sign = MemorizationSign.STRONG if auc > _STRONG else MemorizationSign.MILD
        return cls(sign, auc, p, pictures)

    def text(self, tests: int = 1) -> str:
        """Return it for people: `strong (AUC 0.93, p 0.001)`.

        Args:
            tests: that p was corrected for; said of more than one, so that it is not taken for the p of this one.
        """
        if self.sign is MemorizationSign.UNKNOWN:
            return f"not known: {plural(self.pictures, 'picture')} of a kind, at least {LEAST_PICTURES} needed"
        chance = f"p {self.p:.3f}" if self.p >= 0.001 else "p < 0.001"
        corrected = f" for {tests:,} tests" if tests > 1 else ""
        return f"{self.sign} (AUC {self.auc:.2f}, {chance}{corrected})"
