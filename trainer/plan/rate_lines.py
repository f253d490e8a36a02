"""Rates and their weights, as lines of the plan."""

from collections.abc import Mapping
from typing import NamedTuple

from trainer.optimizers import ignores_scale
from trainer.plan.lr_schedules import warmup_of
from trainer.plan.param_groups import param_groups
from trainer.plan.plan import Plan
from trainer.settings.describe import number_text
from trainer.settings.model import Settings
from trainer.settings.parts import Family, Part, is_encoder, label_of, parts_of
from trainer.text import plural


class RatePair(NamedTuple):
    """The two numbers that alpha, dim and rates come down to at a fixed dim, for an optimizer that ignores the gradient's scale.

    B's gradient grows with alpha / dim and such an optimizer takes the factor out again, so that alpha times c is the same as
    lora_up's rate times c; what stays is the rate of lora_down and the product for lora_up.
    """

    down: float
    """Rate of lora_down."""
    up: float
    """alpha / dim × rate of lora_up."""


def rate_pairs(settings: Settings, family: Family) -> dict[Part, RatePair]:
    """Return the pair of each part that trains, at the peak of its rate; none where alpha and dim come from a file's layers."""
    if settings.dim_from_weights:
        return {}
    return _pairs(settings, family, settings.alpha / settings.network_dim)


def rate_lines(settings: Settings, family: Family, plan: Plan) -> list[str]:
    """Return a line for each part: the rates of its groups, how they run, when it stops, its pair; and one that explains the pair.

    Args:
        settings: as they will run.
        family: the base's.
        plan: knows the steps and the stops.
    """
    lines = []
    plain, of_conv = rate_pairs(settings, family), _conv_pairs(settings, family)
    for part in parts_of(family):
        if not settings.has_layers(part):
            continue
        facts = [_rates_text(settings, part)]
        if settings.rate(part):
            facts += [_course_text(settings, part, plan), *_pair_texts(part, plain, of_conv)]
        lines.append(f"{label_of(part)}: {' · '.join(facts)}")
    lines.append(_pair_note(settings))
    return lines


def _pairs(settings: Settings, family: Family, scale: float) -> dict[Part, RatePair]:
    trained = {group.part for group in param_groups(settings, family)}
    return {
        part: RatePair(settings.rate(part), scale * settings.rate(part) * settings.loraplus_ratio(part))
        for part in parts_of(family)
        if part in trained
    }


def _conv_pairs(settings: Settings, family: Family) -> dict[Part, RatePair]:
    """Return the pair of the U-Net's 3×3 layers where their scale differs from the other layers'."""
    if settings.conv_dim is None or settings.dim_from_weights:
        return {}
    scale = settings.alpha_of_conv / settings.conv_dim
    if scale == settings.alpha / settings.network_dim:
        return {}
    return {part: pair for part, pair in _pairs(settings, family, scale).items() if not is_encoder(part)}


def _rates_text(settings: Settings, part: Part) -> str:
    rate, ratio = settings.rate(part), settings.loraplus_ratio(part)
    if not rate:
        return "rate 0, does not train"
    if ratio == 1.0:
        return f"rate {_short(rate)}"
    return f"lora_down {_short(rate)}, lora_up {_short(rate * ratio)} (LoRA+ ×{_short(ratio)})"


def _course_text(settings: Settings, part: Part, plan: Plan) -> str:
    if not plan.steps_known:
        return _course_asked(settings, part, plan)
    warmup = min(warmup_of(settings, part, plan.total_steps), plan.total_steps)
    rise = f" after {plural(warmup, 'step')} of warm-up" if warmup else ""
    stop = plan.stops.get(part)
    end = "to the end" if stop is None else f"stops after step {stop:,} of {plan.total_steps:,}"
    return f"{settings.schedule_of(part)}{rise} · {end}"


def _course_asked(settings: Settings, part: Part, plan: Plan) -> str:
    """Return the course of a rate over steps that are not known yet, as it was typed."""
    warmup = settings.warmup_asked(part) if warmup_of(settings, part, plan.total_steps) else ""
    rise = f" after a warm-up of {_steps_asked(warmup)}" if warmup else ""
    stop = settings.stop_of(part)
    return f"{settings.schedule_of(part)}{rise} · {f'stops at {_steps_asked(stop)}' if stop else 'to the end'}"


def _steps_asked(text: str) -> str:
    return plural(int(text), "step") if text.isdecimal() else text


def _pair_texts(part: Part, plain: Mapping[Part, RatePair], of_conv: Mapping[Part, RatePair]) -> list[str]:
    texts = [f"pair {_pair_text(plain[part])}"] if part in plain else []
    return [*texts, f"3×3 layers {_pair_text(of_conv[part])}"] if part in of_conv else texts


def _pair_note(settings: Settings) -> str:
    if settings.dim_from_weights:
        return "alpha and dim of each layer come from network_weights"
    what = "pair: rate of lora_down | alpha / dim × rate of lora_up"
    if ignores_scale(settings.optimizer_type, settings.optimizer_options):
        return f"{what}; for a fixed dim only these two numbers matter"
    return f"{what}; with {settings.optimizer_type} alpha matters too"


def _pair_text(pair: RatePair) -> str:
    return f"{_short(pair.down)} | {_short(pair.up)}"


def _short(value: float) -> str:
    """Return a rate in three digits, as it is typed."""
    return number_text(float(f"{value:.3g}"))
