"""Records of a ladder: the question, its rungs, where each bake of it stands, and what its measures answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trainer.journal.records import BakeState


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One point of a ladder: a bake with its twins.

    Attributes:
        label: as people read it: `×0.1`, `1.5e-05`, `cosine`; unique in its ladder.
        overrides: `name=value`, on top of the ladder's settings; none for the settings as they are.
        position: the knob's value on the axis; None where it is no number.
        is_centre: whether it is the settings as they are, which every other rung is compared with.
    """

    label: str
    overrides: tuple[str, ...] = ()
    position: float | None = None
    is_centre: bool = False


@dataclass(frozen=True, kw_only=True)
class LadderSpec:
    """A question to be answered by bakes.

    Attributes:
        title: in words: `unet_lr ×0.1 … ×10`.
        knobs: the settings that differ between rungs, in the order of the settings; all of them where rungs differ in several.
        rungs: in the order of the axis; at most one is the centre.
        twins: how many bakes each rung has that differ in their random numbers alone; 1 for no twin.
        log_axis: whether positions are drawn on a logarithmic axis.
        preset: key of the ready ladder that it was made from, "" for none.
        question: what it tests, in words: the sentence of the notes that a ready ladder quotes; "" for nothing.
        base_settings: `name=value` that hold for every rung, on top of the settings that the ladder starts from.
    """

    title: str
    knobs: tuple[str, ...]
    rungs: tuple[Rung, ...]
    twins: int = 2
    log_axis: bool = False
    preset: str = ""
    question: str = ""
    base_settings: tuple[str, ...] = ()

    @property
    def centre(self) -> int | None:
        """Place of the centre among the rungs, None where there is none."""
        return next((place for place, rung in enumerate(self.rungs) if rung.is_centre), None)


@dataclass(frozen=True, kw_only=True)
class BakeOfRung:
    """One bake of a rung.

    Attributes:
        rung: place of the rung among the ladder's rungs.
        twin: 0 for the first bake of the rung, 1 for its first twin, ….
        bake: its number; None where it is not queued yet.
        state: its state; None where there is no bake.
        held: whether it waits to be released.
        reused: whether it was in the journal before the ladder.
        cut: whether it was taken out of the ladder.
        error: why it failed, "" for no failure.
        was: what the journal still says of a bake whose process is gone, and whose state is lost here; None for any other.
    """

    rung: int
    twin: int
    bake: int | None = None
    state: BakeState | None = None
    held: bool = False
    reused: bool = False
    cut: bool = False
    error: str = ""
    was: BakeState | None = None


@dataclass(frozen=True, kw_only=True)
class LadderState:
    """A ladder as it stands.

    Attributes:
        number: in the journal.
        spec: the question.
        bakes: by rung and twin.
        created: epoch seconds.
        of_bake: the bake whose settings it starts from; None where it starts from a settings file.
        seconds_left: expected time of what is still to be baked; None where no speed is known.
    """

    number: int
    spec: LadderSpec
    bakes: tuple[BakeOfRung, ...] = ()
    created: float = 0.0
    of_bake: int | None = None
    seconds_left: float | None = None

    def of_rung(self, rung: int) -> tuple[BakeOfRung, ...]:
        """Return the bakes of a rung that were not cut, by twin."""
        return tuple(each for each in self.bakes if each.rung == rung and not each.cut)


class AnswerKind(StrEnum):
    """What the values of a measure over the rungs look like, once their noise is known."""

    OPEN = "not known"
    """Too few rungs are baked, or the noise is not known."""
    INSIDE = "inside the noise"
    """No rung differs from another beyond the noise."""
    TREND = "trend"
    """Values rise, or fall, from rung to rung over three rungs or more."""
    CLIFF = "cliff"
    """One step between two neighbours holds most of the whole change, and what is before and behind it differs by little."""
    THRESHOLD = "threshold"
    """Nothing changes up to a rung, and from there on everything does, or the other way round."""
    TURN = "inflection"
    """Values rise and then fall, or fall and then rise, each beyond the noise."""
    DIFFERENT = "different"
    """Rungs differ beyond the noise but have no order: their knob is no number, or the values follow no shape."""


@dataclass(frozen=True, kw_only=True)
class LadderPoint:
    """A measure at one rung.

    Attributes:
        rung: place of the rung.
        values: one for each bake that has it, by twin.
        mean: of the values, on the measure's scale (geometric where its record says `log_scale`).
        low, high: 95 % interval of the mean from what twins differ in; None where the noise is not known.
    """

    rung: int
    values: tuple[float, ...]
    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class LadderCurve:
    """A measure over the rungs of a ladder.

    Attributes:
        name, part, scope: which measure; see `trainer.journal.measure_records.MeasuredValue`.
        step: optimizer steps in the LoRAs that were compared; None where they differ from rung to rung.
        at: where each rung was read, in words: `step 240`, `epoch 3`, `each bake's last LoRA`.
        points: by rung; rungs without a value are left out.
        kind: what it looks like.
        words: one sentence with its numbers and its noise: never a conclusion from one rung apart.
        between: places of the two rungs between which a cliff, a threshold or a turn lies; None for other kinds.
        times: how many times outside the noise that is; infinite where twins do not differ at all; None for what is inside, and
            where the noise is not known.
        rests_on: place of the rung on whose bakes alone a claim would rest, which is why it is open; None elsewhere.
    """

    name: str
    part: str = ""
    scope: str = ""
    step: int | None = None
    at: str = ""
    points: tuple[LadderPoint, ...] = ()
    kind: AnswerKind = AnswerKind.OPEN
    words: str = ""
    between: tuple[int, int] | None = None
    times: float | None = None
    rests_on: int | None = None


@dataclass(frozen=True, kw_only=True)
class LadderAnswer:
    """What a ladder answers.

    Attributes:
        ladder: its number.
        curves: every measure that was compared, those with an answer first.
        lines: the answer in words, what stands out first; each with its noise.
        noise: what the noise rests on, one line: bakes and pictures counted apart.
        missing: what would make it surer, one line each: `make a twin of …`.
        tallies: rung place -> verdict (`favourite`, `under`, `right`, `over`) -> how many pictures.
    """

    ladder: int
    curves: tuple[LadderCurve, ...] = ()
    lines: tuple[str, ...] = ()
    noise: str = ""
    missing: tuple[str, ...] = ()
    tallies: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
