"""Many comparisons of the same bakes at once: the more are made, the more are outside by chance, so the claim about all is corrected."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.measures.student import CONFIDENCE
from trainer.noise_floor.record import Compared, Standing
from trainer.text import plural


@dataclass(frozen=True)
class Together:
    """What several comparisons say together.

    Attributes:
        compared: how many there are.
        known: of these, those whose noise is known.
        alone: of these, those that are outside the noise by themselves.
        outside: those that still are where all are taken together.
    """

    compared: int
    known: int
    alone: int
    outside: int

    def words(self) -> str:
        """Return it in words: `of 14 values together, 3 are outside the noise`."""
        if not self.known:
            return f"{plural(self.compared, 'value')}, noise not known: make a twin"
        unknown = f", {self.compared - self.known} with unknown noise" if self.known < self.compared else ""
        verb = "is" if self.outside == 1 else "are"
        alone = (
            f" ({self.alone} by {'itself' if self.alone == 1 else 'themselves'})" if self.alone > self.outside else ""
        )
        return f"of {plural(self.known, 'value')} together, {self.outside or 'none'} {verb} outside the noise{alone}{unknown}"


def together(compared: Sequence[Compared]) -> Together:
    """Return how many of several comparisons are outside the noise, so that all of them are right for 95 of 100 pairs of twins.

    By Holm's step-down (1979): the smallest of m probabilities must be below 5 % / m, the next below 5 % / (m - 1), and so on. It
    assumes nothing about how the values hang together.
    """
    known = sorted(
        (each.probability, each.standing is Standing.OUTSIDE) for each in compared if each.probability is not None
    )
    outside = 0
    for place, (probability, alone) in enumerate(known):
        if not alone or probability > (1 - CONFIDENCE) / (len(known) - place):
            break
        outside += 1
    return Together(len(compared), len(known), sum(alone for _, alone in known), outside)
