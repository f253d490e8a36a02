"""Ladders that would test moves: large steps in the direction asked for, around a bake's own settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from trainer.advice.knobs import (
    ALL_RATES,
    ALPHA_AT_PAIR,
    BASE,
    BODY_RATE,
    BODY_STOP,
    CAPTIONS,
    ENCODER_RATE,
    ENCODER_STOP,
    KNOBS,
    LAYER_LIMIT,
    NOISY_TIMES,
    PICTURES,
    PRECISION,
    REPEATS,
    SCHEDULER,
    STEPS,
    TOKEN,
    TWIN,
)
from trainer.advice.record import Way
from trainer.errors import LoraTuiError, SettingsError
from trainer.ladders.build import DEFAULT_TWINS
from trainer.ladders.own_settings import OwnSettings
from trainer.ladders.preset_draft import DraftRung, FinishedLadder, LadderDraft, finished, rate_rungs
from trainer.ladders.presets import PRESETS
from trainer.ladders.record import LadderSpec, Rung
from trainer.settings.describe import number_text
from trainer.settings.parts import Part, is_encoder, label_of

RATE_FACTORS: Mapping[Way, tuple[float, ...]] = {
    Way.RAISE: (1, 3, 10),
    Way.LOWER: (0.1, 0.33, 1),
    Way.EITHER: (0.33, 1, 3),
    Way.CHANGE: (0.33, 1, 3),
}
"""Way -> factors on a rate: half an order of magnitude apart, because smaller steps are lost between twins; three rungs show a trend."""

_TIMES = (900, 800, 700)
_LIMITS = (1.0, 0.3, 0.1)
_STOPS = ("25%", "50%", "75%")
_REPEATS = (1, 2, 4)


@dataclass(frozen=True)
class LadderForMove:
    """The ladder that would test a move.

    Attributes:
        spec: the ladder; None where it can only be built by hand.
        remarks: what to know before it is baked, one line each.
        by_hand: how to build it, or why there is none; "" where `spec` is there.
    """

    spec: LadderSpec | None
    remarks: tuple[str, ...] = ()
    by_hand: str = ""


def ladder_of_move(
    own: OwnSettings,
    knob: str,
    way: Way,
    *,
    bake: int,
    question: str,
    preset: str = "",
    twins: int = DEFAULT_TWINS,
) -> LadderForMove:
    """Return the ladder that would test a move on a bake.

    Args:
        own: the bake's settings.
        knob: key of what is changed.
        way: which way.
        bake: its number.
        question: what the ladder asks, in words.
        preset: key of the ready ladder to take; "" for the knob's own.
        twins: bakes of each rung.
    """
    if not preset and knob in _BY_HAND:
        return LadderForMove(None, by_hand=_BY_HAND[knob].format(bake=bake, setting=_data_setting(own)))
    try:
        found = _of_preset(own, preset, twins) if preset else _LADDERS[knob](own, way, question, twins)
    except LoraTuiError as error:
        # A length that cannot be halved, pictures in one folder alone: the bake itself is not wrong.
        return LadderForMove(None, by_hand=f"not as a ladder of this bake: {error.found}")
    # A ready ladder asks what a sentence of the notes says.
    return LadderForMove(replace(found.spec, question=found.spec.question or question), found.remarks)


def parts_words(own: OwnSettings, knob: str) -> str:
    """Return the title of what a knob changes in a bake: `learning rate of the text encoder`."""
    record = KNOBS[knob]
    if record.part is None:
        return record.title
    parts = _parts(own, knob)
    labels = [label_of(part) for part in parts]
    return record.title.format(
        parts="the text encoders" if len(labels) > 1 else f"the {labels[0] if labels else 'part'}"
    )


def has_parts(own: OwnSettings, knob: str) -> bool:
    """Return whether any part trains that a knob is of."""
    return KNOBS[knob].part is None or bool(_parts(own, knob))


def steps_of_way(spec: LadderSpec, way: Way) -> tuple[Rung, ...]:
    """Return the rungs of a ladder that a move tries first: the next one to the centre in its direction, both for either; all others where there is no order."""
    centre = spec.centre
    others = tuple(rung for rung in spec.rungs if not rung.is_centre)
    if centre is None or way is Way.CHANGE or any(rung.position is None for rung in spec.rungs):
        return others
    below = spec.rungs[centre - 1 : centre] if centre else ()
    above = spec.rungs[centre + 1 : centre + 2]
    wanted = {Way.LOWER: below, Way.RAISE: above, Way.EITHER: (*below, *above)}[way]
    return tuple(wanted) or others


def _parts(own: OwnSettings, knob: str) -> tuple[Part, ...]:
    wants_encoder = knob in (ENCODER_RATE, ENCODER_STOP)
    return tuple(part for part in own.trained if is_encoder(part) is wants_encoder)


def _of_preset(own: OwnSettings, key: str, twins: int) -> FinishedLadder:
    return PRESETS[key].ladder(own.settings, twins=twins, family=own.family)


def _preset(key: str) -> "_Maker":
    return lambda own, way, question, twins: _of_preset(own, key, twins)


def _rates(own: OwnSettings, way: Way, parts: Sequence[Part], title: str, question: str, twins: int) -> FinishedLadder:
    """Return a ladder over the rates of these parts, all by the same factor; its positions are the first part's rate."""
    if not parts:
        raise SettingsError(title, found="no such part trains", expected="a bake that trains it")
    rungs = rate_rungs(own, parts, RATE_FACTORS[way])
    named = f"{title} {rungs[0].label} … {rungs[-1].label}"
    return finished(LadderDraft(title=named, rungs=rungs, log_axis=True), own, question, twins)


def _part_rates(knob: str) -> "_Maker":
    return lambda own, way, question, twins: _rates(
        own, way, _parts(own, knob), parts_words(own, knob), question, twins
    )


def _all_rates(own: OwnSettings, way: Way, question: str, twins: int) -> FinishedLadder:
    return _rates(own, way, own.trained, KNOBS[ALL_RATES].title, question, twins)


def _body_stop(own: OwnSettings, way: Way, question: str, twins: int) -> FinishedLadder:
    parts = _parts(own, BODY_STOP)
    rungs = [
        DraftRung(label=stop, changes=own.stop_changes(parts, stop), position=float(stop.removesuffix("%")))
        for stop in _STOPS
    ]
    never = DraftRung(label="as set", position=100.0)
    return finished(LadderDraft(title=parts_words(own, BODY_STOP), rungs=[*rungs, never]), own, question, twins)


def _repeats(own: OwnSettings, way: Way, question: str, twins: int) -> FinishedLadder:
    """Return the ladder over the repeats of one folder; of pictures in a single folder over those of all."""
    try:
        return _of_preset(own, "repeats", twins)
    except SettingsError:
        if own.settings.dataset_config:
            raise
    had = own.settings.dataset_repeats
    rungs = [
        DraftRung(label=f"×{had * factor}", changes={"dataset_repeats": had * factor}, position=float(had * factor))
        for factor in _REPEATS
    ]
    return finished(LadderDraft(title="repeats of all pictures", rungs=rungs, log_axis=True), own, question, twins)


def _noisy_times(own: OwnSettings, way: Way, question: str, twins: int) -> FinishedLadder:
    low, high = own.settings.min_timestep, own.settings.max_timestep
    rungs = [
        DraftRung(label=str(time), changes={"max_timestep": time}, position=float(time))
        for time in reversed(_TIMES)
        if low < time < high
    ]
    own_rung = DraftRung(label=str(high), position=float(high))
    return finished(LadderDraft(title="noisiest time that is trained", rungs=[*rungs, own_rung]), own, question, twins)


def _layer_limit(own: OwnSettings, way: Way, question: str, twins: int) -> FinishedLadder:
    had = own.settings.scale_weight_norms
    rungs = [
        DraftRung(label=number_text(limit), changes={"scale_weight_norms": limit}, position=limit)
        for limit in reversed(_LIMITS)
        if had is None or limit < had
    ]
    # Without a limit it has no place among the numbers.
    rungs = [*rungs, DraftRung(label="none" if had is None else number_text(had), position=had)]
    return finished(LadderDraft(title="size limit of each layer's change", rungs=rungs), own, question, twins)


def _data_setting(own: OwnSettings) -> str:
    return "dataset_config" if own.settings.dataset_config else "train_data_dir"


_Maker = Callable[[OwnSettings, Way, str, int], FinishedLadder]

_LADDERS: Mapping[str, _Maker] = {
    REPEATS: _repeats,
    STEPS: _preset("length"),
    BODY_STOP: _body_stop,
    ENCODER_STOP: _preset("te-stop"),
    BODY_RATE: _part_rates(BODY_RATE),
    ENCODER_RATE: _part_rates(ENCODER_RATE),
    ALL_RATES: _all_rates,
    SCHEDULER: _preset("schedule"),
    ALPHA_AT_PAIR: _preset("alpha-pair"),
    PRECISION: _preset("precision"),
    NOISY_TIMES: _noisy_times,
    LAYER_LIMIT: _layer_limit,
}

_COPY = "copy the folder of the data, change the copy, and bake both: `lora-tui ladder --of {bake} --knob {setting} --rungs 1,=COPY`"
_BY_HAND: Mapping[str, str] = {
    CAPTIONS: _COPY,
    PICTURES: _COPY,
    TOKEN: f"{_COPY}; the token also stands in the subject's file",
    BASE: "no bake tells it: the grid `bases` shows one epoch on several bases",
    TWIN: "`lora-tui twin {bake} --count 2` bakes it again with other random numbers",
}

LADDER_KNOBS, BY_HAND_KNOBS = frozenset(_LADDERS), frozenset(_BY_HAND)
"""Knobs that have a ladder, and those that are changed by hand; together every knob."""
