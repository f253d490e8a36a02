"""Records of advice: symptoms, what shows them, what to try, and the advice that follows for one bake."""

from dataclasses import dataclass
from enum import StrEnum

from trainer.doneness.record import LaneKind
from trainer.ladders.record import LadderSpec


class MoveStep(StrEnum):
    """What a move changes, in the order in which moves are tried: the clearest effects first."""

    DATA = "data"
    REPEATS = "repeats"
    STEPS = "steps"
    RATES = "rates"


class Way(StrEnum):
    """Which way a knob is turned."""

    RAISE = "raise"
    LOWER = "lower"
    CHANGE = "change"
    """It is no number, or what is right is not known beforehand."""
    EITHER = "either way"
    """Symptoms ask for both."""


class SourceKind(StrEnum):
    """What a source is."""

    NOTES = "notes"
    MAKERS = "makers"
    """What people report who make LoRAs."""
    PAPER = "paper"
    MEASUREMENT = "measurement"
    """Measured with this program."""


@dataclass(frozen=True)
class AdviceSource:
    """Where a piece of advice comes from.

    Attributes:
        key: unique.
        kind: what it is.
        name: for people.
        where: an address or a page; "" where it has none.
    """

    key: str
    kind: SourceKind
    name: str
    where: str = ""


@dataclass(frozen=True)
class Said:
    """What a source says of a move.

    Attributes:
        source: its key.
        words: what it says, in our words.
        agrees: whether it speaks for the move; sources that disagree are shown beside those that agree.
    """

    source: str
    words: str
    agrees: bool = True


@dataclass(frozen=True)
class Knob:
    """Something that a move changes.

    Attributes:
        key: unique.
        step: when its turn is.
        title: for people; `{parts}` stands for the parts.
        part: kind of the parts that it is of; None for the whole bake.
    """

    key: str
    step: MoveStep
    title: str
    part: LaneKind | None = None


@dataclass(frozen=True)
class Move:
    """Something to try against a symptom.

    Attributes:
        knob: key of what it changes.
        way: which way.
        why: one sentence.
        sources: what they say, at least one of them for it.
        what: what to do, where no number says it; "" for the knob's own words.
        preset: key of the ready ladder that tests it; "" for the knob's own.
    """

    knob: str
    way: Way
    why: str
    sources: tuple[Said, ...]
    what: str = ""
    preset: str = ""


class Lean(StrEnum):
    """Which side of right something is on."""

    UNDER = "under"
    OVER = "over"


@dataclass(frozen=True)
class RuleSeen:
    """A rule of `trainer.doneness.rules` finds its trend at the last epoch.

    Attributes:
        rule: its key.
        lane: kind of the lane that it must speak in; None for any.
    """

    rule: str
    lane: LaneKind | None = None


@dataclass(frozen=True)
class VerdictSeen:
    """At the last epoch that was judged, more pictures were called this than a fair coin would give.

    Attributes:
        lean: what they were called.
        about: kind of the part; None for the picture as a whole.
    """

    lean: Lean
    about: LaneKind | None = None


@dataclass(frozen=True)
class WeightSeen:
    """The favourites' weight of a part is not that of full strength, beyond chance.

    Attributes:
        lean: `under` where favourites have more than full weight.
        about: kind of the part; None for the weight of the whole LoRA.
    """

    lean: Lean
    about: LaneKind | None = None


@dataclass(frozen=True)
class BandSeen:
    """The lanes are done at different epochs, or together at one alone.

    Attributes:
        apart: whether the lanes do not meet; else they meet at a single epoch.
    """

    apart: bool


@dataclass(frozen=True)
class SideSeen:
    """A measure that is 0 where parts do nothing is on one side of 0, beyond the noise between bakes.

    Attributes:
        measure: its key.
        below: whether it is below 0; else above.
        least: how far from 0 it is at least, in the measure's unit: what is smaller nobody sees.
    """

    measure: str
    below: bool
    least: float = 0.0


Sign = RuleSeen | VerdictSeen | WeightSeen | BandSeen | SideSeen
"""Something that shows a symptom."""


@dataclass(frozen=True)
class Symptom:
    """Something that users see of a LoRA that is not right.

    Attributes:
        key: as `lora-tui advise --symptom KEY` takes it.
        title: in the user's words.
        quote: how the source notes put it; "" where they do not mention it.
        moves: what to try, in the order of their steps.
        part: kind of the part that it is about; it does not apply where no such part trains. None for any bake.
        signs: what shows it without being asked, any of them.
        measures: keys of the measures whose values are shown beside it.
        grid: key of the ready grid that tells more before anything is baked, "" for none.
    """

    key: str
    title: str
    quote: str
    moves: tuple[Move, ...]
    part: LaneKind | None = None
    signs: tuple[Sign, ...] = ()
    measures: tuple[str, ...] = ()
    grid: str = ""


@dataclass(frozen=True, kw_only=True)
class SymptomHere:
    """A symptom, and what is known of it in a bake.

    Attributes:
        symptom: the record.
        chosen: whether the user ticked it.
        seen: what shows it, one line each with its numbers and its noise; none where nothing does.
        calm: what was looked at and does not show it, one line each.
        facts: values of its measures, each with what is known of its noise.
        missing: why it does not apply to this bake, "" where it does.
    """

    symptom: Symptom
    chosen: bool = False
    seen: tuple[str, ...] = ()
    calm: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    missing: str = ""

    @property
    def asks(self) -> bool:
        """Whether its moves are advised: somebody sees it, or something shows it."""
        return not self.missing and (self.chosen or bool(self.seen))


@dataclass(frozen=True)
class Reason:
    """Why a move is advised.

    Attributes:
        symptom: key of the symptom that asks for it.
        way: which way it asks for.
        why: one sentence.
        sources: what they say.
    """

    symptom: str
    way: Way
    why: str
    sources: tuple[Said, ...]


class Answered(StrEnum):
    """What the ladders of this journal say of a move."""

    NO = "not asked"
    OPEN = "asked, and open"
    INSIDE = "inside the noise"
    DIFFERS = "makes a difference"


@dataclass(frozen=True, kw_only=True)
class AdvisedMove:
    """A move for one bake, of all symptoms that ask for it.

    Attributes:
        knob: what it changes.
        way: which way.
        title: what it changes, for people.
        attempts: what to try, one line each: never a number as the right one.
        reasons: of each symptom.
        evidence: what this journal knows of it, one line each: ladders, epochs.
        answered: what its ladders say.
        ladder: the ladder that would test it; None where it can only be built by hand.
        remarks: what to know of the ladder before it is baked, one line each.
        by_hand: how to build it by hand, or why there is none; "" where `ladder` is there.
    """

    knob: Knob
    way: Way
    title: str
    attempts: tuple[str, ...]
    reasons: tuple[Reason, ...]
    evidence: tuple[str, ...] = ()
    answered: Answered = Answered.NO
    ladder: LadderSpec | None = None
    remarks: tuple[str, ...] = ()
    by_hand: str = ""

    @property
    def key(self) -> str:
        """The knob's key, unique in an advice."""
        return self.knob.key


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to try with a bake.

    Attributes:
        bake: its number.
        epoch: the one that was looked at: the user's best, else the last; "" without any.
        symptoms: every symptom, those that ask for something first.
        moves: what to try, in the order data, repeats, steps, rates.
        set_aside: moves that a ladder of this journal answers: turning that knob so far changes nothing beyond the noise.
        unknown: what is not known and would tell more, one line each.
        noise: what the evidence's noise rests on, one line; "" where nothing was measured.
    """

    bake: int
    epoch: str = ""
    symptoms: tuple[SymptomHere, ...] = ()
    moves: tuple[AdvisedMove, ...] = ()
    set_aside: tuple[AdvisedMove, ...] = ()
    unknown: tuple[str, ...] = ()
    noise: str = ""

    def move(self, key: str) -> AdvisedMove | None:
        """Return the move of that key, whether it is set aside or not; None where there is none."""
        return next((each for each in (*self.moves, *self.set_aside) if each.key == key), None)
