"""Result of a search for settings that fit: the proposal, each lever's effect, and the rejected choices. Plain data, free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.memory.peak import MemoryPrediction


@dataclass(frozen=True)
class Proposal:
    """Settings whose memory was predicted.

    Attributes:
        changes: the settings that differ from those in question, with their new values.
        words: the levers' positions.
        prediction: of them.
        relative_seconds: of a step; 1.0 is that of the settings in question.
        changes_result: whether the LoRA comes out a little different, beyond the order of sums.
    """

    changes: Mapping[str, object]
    words: str
    prediction: MemoryPrediction
    relative_seconds: float
    changes_result: bool

    @property
    def bytes(self) -> int:
        """Peak bytes taken of the card."""
        return self.prediction.reserved


@dataclass(frozen=True)
class LeverEffect:
    """Effect of one lever alone.

    Attributes:
        name, words: of the lever.
        frees: bytes of the highest peak.
        costs: share of a step's time that comes on top; below 0 it is faster.
        changes_result: whether the LoRA comes out a little different, beyond the order of sums.
        estimated: whether this was judged; else predicted.
        missing: why it cannot be used here, with the way out; "" where it can.
    """

    name: str
    words: str
    frees: int
    costs: float
    changes_result: bool
    estimated: bool
    missing: str = ""


@dataclass(frozen=True)
class Rejected:
    """A choice that was not taken.

    Attributes:
        changes: the settings that differ from those in question.
        words: the levers' positions.
        bytes: what it takes of the card at its most.
        relative_seconds: of a step; 1.0 is that of the settings in question.
        why: in words.
        estimated: whether bytes and seconds were judged; else predicted.
    """

    changes: Mapping[str, object]
    words: str
    bytes: int
    relative_seconds: float
    why: str
    estimated: bool


@dataclass(frozen=True)
class FitResult:
    """Result of a fit.

    Attributes:
        current: the settings in question.
        best: the fastest that fit; None where nothing does.
        limit: bytes.
        levers: what each does by itself.
        rejected: the fastest of the others, the fastest first.
        nearest: where nothing fits, what takes the least; else None.
        hints: where nothing fits, what else would help.
        notes: what is lean already, and what would not help.
        predictions: how many were made.
    """

    current: Proposal
    best: Proposal | None
    limit: int
    levers: tuple[LeverEffect, ...]
    rejected: tuple[Rejected, ...]
    nearest: Proposal | None
    hints: tuple[str, ...]
    notes: tuple[str, ...]
    predictions: int

    @property
    def fits_now(self) -> bool:
        """Whether the settings in question fit."""
        return self.current.bytes <= self.limit

    @property
    def missing(self) -> int:
        """Bytes by which the smallest choice is too large, where nothing fits; else 0."""
        return 0 if self.nearest is None else self.nearest.bytes - self.limit
