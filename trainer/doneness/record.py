"""Where each epoch of a bake stands between raw and burnt: lanes, their evidence, the band to aim for, the user's verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class LaneKind(StrEnum):
    """What a lane is about."""

    BODY = "body"
    """The part that predicts."""
    ENCODER = "encoder"
    """A text encoder."""
    MEMORIZED = "memorization"
    """How far the training pictures are learned by heart."""


class EpochState(StrEnum):
    """Where a lane puts an epoch."""

    UNKNOWN = "not known"
    """Nothing that decides was measured there, or its noise is not known."""
    RAW = "raw"
    """What it has learned is less than half of its way, or inside the noise."""
    FORMING = "forming"
    """It has learned something, and something still moves."""
    DONE = "done"
    """It has learned something, and nothing moves beyond the noise."""
    OVER = "over"
    """Something got worse beyond the noise."""
    NO_SIGN = "no sign"
    """Members and held-out pictures cannot be told apart."""
    MILD = "mild"
    """Members can be told apart from held-out pictures."""
    STRONG = "strong"
    """Most members can be told apart from held-out pictures."""


LETTERS: Mapping[EpochState, str] = {
    EpochState.UNKNOWN: "?",
    EpochState.RAW: "r",
    EpochState.FORMING: "f",
    EpochState.DONE: "D",
    EpochState.OVER: "o",
    EpochState.NO_SIGN: "n",
    EpochState.MILD: "m",
    EpochState.STRONG: "S",
}
"""EpochState -> the letter that stands for it, so that none is told by its colour alone."""

AIMED_AT = frozenset({EpochState.DONE, EpochState.NO_SIGN})
"""The states whose overlap is the band to aim for."""


class RuleSign(StrEnum):
    """What a rule's finding is a sign of; a lane's state at an epoch follows from the signs that are there."""

    LEARNED = "learned"
    MOVING = "still moving"
    BURNT = "got worse"
    MILD = "mildly memorized"
    STRONG = "strongly memorized"


@dataclass(frozen=True)
class SavedEpoch:
    """A place on the axis of epochs: one saved LoRA.

    Attributes:
        step: optimizer steps in it.
        epoch: last complete epoch in it.
        ends_epoch: whether it was saved at that epoch's end; else between it and the next.
        exposures: how often the least and the most repeated training pictures were shown by then; None where that is not known.
    """

    step: int
    epoch: int
    ends_epoch: bool = True
    exposures: tuple[int, int] | None = None

    @property
    def label(self) -> str:
        """`5`, or `s420` for one saved between two epochs."""
        return str(self.epoch) if self.ends_epoch else f"s{self.step}"

    @property
    def title(self) -> str:
        """`epoch 5`, or `step 420` for one saved between two epochs."""
        return f"epoch {self.epoch}" if self.ends_epoch else f"step {self.step:,}"


@dataclass(frozen=True)
class RuleFinding:
    """What one rule found at one epoch.

    Attributes:
        rule: its key.
        sign: what its trend is a sign of.
        is_there: whether the trend is there; else `words` say that it is not.
        words: one line with its numbers and what is known of the noise.
        between_bakes: whether it is held against what twins differ in, or needs no such noise; else against the value's own interval.
    """

    rule: str
    sign: RuleSign
    is_there: bool
    words: str
    between_bakes: bool = True


@dataclass(frozen=True)
class Placed:
    """One epoch in one lane.

    Attributes:
        state: where it stands.
        findings: what puts it there.
        facts: other numbers of the epoch that belong to the lane, in words.
    """

    state: EpochState
    findings: tuple[RuleFinding, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class DonenessLane:
    """One lane over all epochs.

    Attributes:
        kind: what it is about.
        part: key of the part, "" for memorization.
        title: for people.
        epochs: one for each on the axis; empty where the lane is not measured.
        missing: why it is not measured or not placed, and what would change that; one line each.
        bands: whether its states may decide the band: more than validation alone spoke for them.
    """

    kind: LaneKind
    part: str
    title: str
    epochs: tuple[Placed, ...] = ()
    missing: tuple[str, ...] = ()
    bands: bool = False

    @property
    def is_measured(self) -> bool:
        """Whether it places any epoch."""
        return any(placed.state is not EpochState.UNKNOWN for placed in self.epochs)

    @property
    def runs(self) -> tuple[tuple[EpochState, int, int], ...]:
        """(EpochState, first, last place on the axis) of each run of epochs in one state."""
        found: list[tuple[EpochState, int, int]] = []
        for place, placed in enumerate(self.epochs):
            if found and found[-1][0] is placed.state:
                found[-1] = (placed.state, found[-1][1], place)
            else:
                found.append((placed.state, place, place))
        return tuple(found)


@dataclass(frozen=True)
class AimedBand:
    """Epochs to aim for: those where every lane that was placed is done.

    Attributes:
        first, last: places on the axis.
        lanes: titles of the lanes that decided it.
        steps: from its first epoch to its last.
    """

    first: int
    last: int
    lanes: tuple[str, ...]
    steps: int

    @property
    def epochs(self) -> int:
        """How many saved epochs are in it."""
        return self.last - self.first + 1


class Agreement(StrEnum):
    """How a verdict of the user stands to the lanes."""

    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    OPEN = "not decided"


@dataclass(frozen=True)
class UserMark:
    """What the user said of an epoch.

    Attributes:
        place: of the epoch on the axis.
        said: `under`, `right`, `over`, `best`, or `favourite`.
        about: `whole`, or the kind of lanes that it is about.
        pictures: how many pictures say so, and how many of that epoch have a verdict of this kind; (1, 1) for `best`.
        agreement: how it stands to the lanes.
        words: one line: `you called epoch 5 right: agrees`.
    """

    place: int
    said: str
    about: str
    pictures: tuple[int, int]
    agreement: Agreement
    words: str


@dataclass(frozen=True)
class Doneness:
    """Every epoch of a bake between raw and burnt. Never one score.

    Attributes:
        bake: its number.
        epochs: the axis: the saved LoRAs by step.
        lanes: one for each part that trains and one for memorization.
        band: the epochs to aim for; None where there is none.
        no_band: why there is none, or what the band leaves out; "" for nothing.
        marks: the user's verdicts on the same axis.
        noise: what is known of the noise, one line.
        running: whether more epochs may come.
    """

    bake: int
    epochs: tuple[SavedEpoch, ...] = ()
    lanes: tuple[DonenessLane, ...] = ()
    band: AimedBand | None = None
    no_band: str = ""
    marks: tuple[UserMark, ...] = field(default_factory=tuple)
    noise: str = ""
    running: bool = False
