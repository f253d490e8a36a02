"""Drafts of the preset ladders about learning rates, alpha and who carries."""

from collections.abc import Sequence

from trainer.ladders.own_settings import OwnSettings, scaled, stretched
from trainer.ladders.preset_draft import DraftRung, LadderDraft, rate_rungs, times, with_own
from trainer.optimizers import estimates_rate, ignores_scale
from trainer.settings.convert import alpha_changes, convert_alpha, inexact
from trainer.settings.describe import number_text
from trainer.settings.parts import Part, label_of, rate_setting

_BODY = (0.1, 0.33, 1, 3, 10)
_ENCODER = (0.1, 1, 10)
_ENCODER_LOWER = (0.5, 0.9, 1)
# 2.5e-4 and 2.75e-4 of 3e-4.
_BODY_FINE = (0.833, 0.917, 1)
_BODY_TREND = (1, 1.25, 1.5, 2)
_GENERAL = (0.02, 0.2, 1, 5, 50)
_HARD = (1, 3, 10)
_LONGER = 3
# Large enough to see whether two parts get in each other's way, and below the ten times that make static.
_BOTH = 3

# The notes' settings, with their U-Net rate as the unit: alpha / dim, U-Net rate, text encoder rate.
_CARRIED = (
    ("{body} carries", 1 / 128, 4.5e-3 / 1.5e-4, 5e-5 / 1.5e-4),
    ("close", 64 / 128, 2.5e-4 / 1.5e-4, 2e-5 / 1.5e-4),
    ("{encoder} carries", 64 / 128, 1.0, 7e-5 / 1.5e-4),
)
_PARTS_MEASURED = (
    "measure_parts is on in every rung: who carries is seen in what the model predicts, not in the weights"
)


def general_rate(own: OwnSettings) -> LadderDraft:
    """Return the ladder of learning_rate with a rate of its own for every part."""
    rate = own.settings.learning_rate or max((own.settings.rate(part) for part in own.trained), default=0.0)
    if not rate:
        raise own.refused("settings with which no part trains", "a bake that trains", "set a learning rate above 0")
    # A trainer's default may make a part's rate follow this one, although it is set.
    follow = {rate_setting(part): own.settings.rate(part) for part in own.trained} if own.settings.behave_like else {}
    rungs = [DraftRung(label="0", changes={"learning_rate": 0.0, **follow}, position=0.0)]
    for factor in _GENERAL:
        value = scaled(rate, factor)
        rungs.append(DraftRung(label=_times(factor), changes={"learning_rate": value, **follow}, position=value))
    return LadderDraft(
        title="learning_rate 0 … ×50 with every part's own rate set",
        rungs=rungs,
        base=own.rates_written_out(),
        log_axis=True,
        remarks=_of_estimates(own),
    )


def body_rate(own: OwnSettings) -> LadderDraft:
    """Return the ladder of the predicting part's rate."""
    return _rates(own, (own.body,), _BODY)


def body_rate_fine(own: OwnSettings) -> LadderDraft:
    """Return the ladder of small steps down of the predicting part's rate."""
    return _rates(own, (own.body,), _BODY_FINE)


def body_rate_trend(own: OwnSettings) -> LadderDraft:
    """Return the ladder of steps up of the predicting part's rate that grow."""
    return _rates(own, (own.body,), _BODY_TREND)


def encoder_rate(own: OwnSettings) -> LadderDraft:
    """Return the ladder of the text encoders' rates."""
    return _rates(own, own.encoders, _ENCODER)


def encoder_rate_lower(own: OwnSettings) -> LadderDraft:
    """Return the ladder of lower rates of the text encoders."""
    return _rates(own, own.encoders, _ENCODER_LOWER)


def both_rates(own: OwnSettings) -> LadderDraft:
    """Return the ladder that raises the predicting part, the text encoders, and both."""
    (body, encoders), by = own.both, f"×{_BOTH}"
    higher_body, higher_encoders = {body: float(_BOTH)}, {part: float(_BOTH) for part in encoders}
    both = f"both {by}"
    return LadderDraft(
        title=f"{label_of(body)} and {label_of(encoders[0])} {by}, alone and together",
        rungs=(
            DraftRung(label="as set"),
            DraftRung(label=f"{label_of(body)} {by}", changes=own.scaled_rates(higher_body)),
            DraftRung(label=f"{label_of(encoders[0])} {by}", changes=own.scaled_rates(higher_encoders)),
            DraftRung(label=both, changes=own.scaled_rates(higher_body | higher_encoders)),
        ),
        base={"measure_parts": True},
        remarks=(_PARTS_MEASURED, *_of_estimates(own)),
    )


def alpha_with_pair(own: OwnSettings) -> LadderDraft:
    """Return the ladder of alpha with lora_up's rate made up for it, so that each part's pair stays."""
    rungs = []
    for alpha in _alphas(own):
        after = convert_alpha(own.settings, alpha).model_dump()
        changes = {name: value for name, value in after.items() if getattr(own.settings, name) != value}
        rungs.append(DraftRung(label=_alpha_label(alpha), changes=changes, position=alpha))
    return LadderDraft(
        title="network_alpha with lora_up's rate divided by as much",
        rungs=with_own(rungs, _own_alpha(own)),
        log_axis=True,
        remarks=tuple(f"not exactly the same: {why}" for why in inexact(own.settings)),
    )


def alpha_by_one_factor(own: OwnSettings) -> LadderDraft:
    """Return the ladder of alpha with both rates of every part divided by the factor."""
    _refuse_start_weights(own)
    rungs = []
    for alpha in _alphas(own):
        times = own.settings.alpha / alpha
        rates = own.scaled_rates(dict.fromkeys(own.trained, times))
        rungs.append(
            DraftRung(label=_alpha_label(alpha), changes=alpha_changes(own.settings, alpha) | rates, position=alpha)
        )
    return LadderDraft(
        title="network_alpha with every rate divided by as much",
        rungs=with_own(rungs, _own_alpha(own)),
        base=own.rates_written_out(),
        log_axis=True,
        remarks=(
            "the factor on lora_down's rate is what makes these different bakes: preset alpha-pair moves lora_up's alone",
        )
        if ignores_scale(own.settings.optimizer_type, own.settings.optimizer_options)
        else _of_scale(own),
    )


def alpha_above_dim(own: OwnSettings) -> LadderDraft:
    """Return the ladder of alpha at dim and above it, with the rates as they are."""
    _refuse_start_weights(own)
    dim = own.settings.network_dim
    rungs = [
        DraftRung(label=_alpha_label(alpha), changes=alpha_changes(own.settings, alpha), position=alpha)
        for alpha in (float(dim), 2.0 * dim, 4.0 * dim)
    ]
    return LadderDraft(
        title=f"network_alpha up to four times network_dim {dim}",
        rungs=with_own(rungs, _own_alpha(own)),
        log_axis=True,
        remarks=(f"the rates stay: with {own.settings.optimizer_type} twice the alpha is twice lora_up's rate",)
        if ignores_scale(own.settings.optimizer_type, own.settings.optimizer_options)
        else _of_scale(own),
    )


def who_carries(own: OwnSettings) -> LadderDraft:
    """Return the ladder of the notes' settings in which one part or the other carries, around the user's own rate."""
    _refuse_start_weights(own)
    body, encoders = own.both
    rate, first = own.settings.rate(body), own.settings.rate(encoders[0])
    dim = own.settings.network_dim
    rungs = []
    for label, share, body_factor, encoder_factor in _CARRIED:
        encoder = rate * encoder_factor
        rates = {body: scaled(rate, body_factor)}
        # A second encoder keeps its rate as a share of the first one's.
        rates |= {part: scaled(own.settings.rate(part), encoder / first) for part in encoders}
        ups = encoder * own.settings.loraplus_ratio(encoders[0]), rates[body] * own.settings.loraplus_ratio(body)
        changes = alpha_changes(own.settings, scaled(dim, share)) | own.rate_changes(rates)
        name = label.format(body=label_of(body), encoder=label_of(encoders[0]))
        rungs.append(DraftRung(label=name, changes=changes, position=scaled(ups[0] / ups[1], 1)))
    return LadderDraft(
        title=f"{label_of(encoders[0])} against {label_of(body)}: who carries",
        rungs=sorted(rungs, key=lambda rung: rung.position or 0.0),
        base=own.rates_written_out() | {"measure_parts": True},
        log_axis=True,
        remarks=(
            f"alpha and rates are the notes', with your {label_of(body)} rate {number_text(rate)} in place of 1.5e-4",
            f"the axis is the {label_of(encoders[0])}'s alpha / dim × rate of lora_up as a share of the {label_of(body)}'s",
            _PARTS_MEASURED,
            *_of_estimates(own),
        ),
    )


def body_alone(own: OwnSettings) -> LadderDraft:
    """Return the ladder of a bake with its text encoders and without."""
    body, encoders = own.both
    return LadderDraft(
        title=f"{label_of(body)} with the {label_of(encoders[0])} and alone",
        rungs=(
            DraftRung(label="all parts"),
            DraftRung(label=f"{label_of(body)} alone", changes={"network_train_unet_only": True}),
        ),
        base={"measure_parts": True},
        remarks=(_PARTS_MEASURED,),
    )


def encoders_alone(own: OwnSettings) -> LadderDraft:
    """Return the ladder of a bake with all parts, and of its text encoders alone, trained longer and at higher rates."""
    _, encoders = own.both
    label = label_of(encoders[0])
    alone: dict[str, object] = {"network_train_text_encoder_only": True}
    longer = stretched(own.settings, _LONGER)
    hard = [
        DraftRung(
            label=f"{label} alone, rate ×{factor}, steps ×{_LONGER}",
            changes=alone | own.scaled_rates({part: float(factor) for part in encoders}) | longer,
        )
        for factor in _HARD
    ]
    return LadderDraft(
        title=f"{label} alone, trained hard",
        rungs=(DraftRung(label="all parts"), DraftRung(label=f"{label} alone", changes=alone), *hard),
        base={"measure_parts": True},
        remarks=(_PARTS_MEASURED, *_of_estimates(own)),
    )


def _rates(own: OwnSettings, parts: Sequence[Part], factors: Sequence[float]) -> LadderDraft:
    """Return the ladder of these parts' rates, multiplied together."""
    return LadderDraft(
        title=f"{' and '.join(map(label_of, parts))} rate {times(factors[0])} … {times(factors[-1])}",
        rungs=rate_rungs(own, parts, factors),
        base=own.rates_written_out(),
        log_axis=True,
        remarks=_of_estimates(own),
    )


def _alphas(own: OwnSettings) -> tuple[float, ...]:
    """Return the notes' alphas of 1, 64 and 128 at a dim of 128: 1, half of dim, dim."""
    dim = own.settings.network_dim
    return tuple(dict.fromkeys((1.0, dim / 2, float(dim))))


def _own_alpha(own: OwnSettings) -> DraftRung:
    return DraftRung(label=_alpha_label(own.settings.alpha), position=own.settings.alpha)


def _alpha_label(alpha: float) -> str:
    return f"alpha {number_text(alpha)}"


def _times(factor: float) -> str:
    return f"/{round(1 / factor)}" if factor < 0.1 else f"×{factor:g}"


def _refuse_start_weights(own: OwnSettings) -> None:
    if own.settings.network_weights:
        raise own.refused(
            "a LoRA file to start from (network_weights), whose weights already depend on an alpha",
            "a bake that starts with a new LoRA",
            "leave network_weights blank",
        )


def _of_estimates(own: OwnSettings) -> tuple[str, ...]:
    if not estimates_rate(own.settings.optimizer_type):
        return ()
    return (
        f"{own.settings.optimizer_type} finds its own step size: a rate is a factor on it, and a lower one may be made up for",
    )


def _of_scale(own: OwnSettings) -> tuple[str, ...]:
    return (f"with {own.settings.optimizer_type} alpha is more than a factor on lora_up's rate",)
