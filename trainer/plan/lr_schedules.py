"""Learning rate schedules as transformers and diffusers compute them for sd-scripts, and REX."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from trainer.errors import SettingsError
from trainer.settings.amounts import StepRules, parse_step_rules, steps_of
from trainer.settings.model import Settings
from trainer.settings.parts import Part

_WITHOUT_WARMUP = ("constant", "piecewise_constant")
# transformers' get_polynomial_decay_schedule_with_warmup ends at this rate, whatever the peak is.
_POLYNOMIAL_END = 1e-7
# transformers' inverse_sqrt without a warm-up.
_TIMESCALE = 10_000


def lr_factor(settings: Settings, part: Part, step: int, total: int) -> float:
    """Return the share of its peak that a part's rate has at optimizer update `step`.

    Stops are not considered here: see `Plan.stops`.

    Args:
        settings: name the part's schedule and what it takes.
        part: the text encoders may have a schedule and a warm-up of their own.
        step: updates made before this one: 0 for the first, which runs with 0 where there is a warm-up (as sd-scripts).
        total: updates of the complete bake.

    Raises:
        SettingsError: piecewise_constant has no step_rules.
    """
    name = settings.schedule_of(part)
    if name == "constant":
        return 1.0
    if name == "piecewise_constant":
        return _by_rules(step_rules(settings), step)
    warmup = warmup_of(settings, part, total)
    if name == "warmup_stable_decay":
        return _stable_then_falling(settings, step, total, warmup)
    if step < warmup:
        return step / warmup
    if name == "inverse_sqrt":
        timescale = settings.lr_scheduler_timescale or warmup or _TIMESCALE
        return 1.0 / math.sqrt((step - warmup + timescale) / timescale)
    # Past the end cosines would rise again.
    past = 1.0 if step >= total else (step - warmup) / (total - warmup)
    return _FALLS[name](_Fall(settings, part, past))


def warmup_of(settings: Settings, part: Part, total: int) -> int:
    """Return the length of a part's warm-up in updates, of `total`; constant and piecewise_constant have no warm-up."""
    return 0 if settings.schedule_of(part) in _WITHOUT_WARMUP else settings.warmup_steps(total, part)


def step_rules(settings: Settings) -> StepRules:
    """Return the shares and steps of piecewise_constant.

    Raises:
        SettingsError: lr_scheduler_args has none.
    """
    for argument in settings.lr_scheduler_args:
        name, _, value = argument.partition("=")
        if name == "step_rules":
            return parse_step_rules(value)
    raise SettingsError(
        "lr_scheduler_args",
        found="no step_rules, which piecewise_constant needs",
        expected="`step_rules=1:100,0.5:200,0.1`: the full rate for 100 steps, half of it until step 200, then a tenth",
    )


@dataclass(frozen=True)
class _Fall:
    """Position of a part between the end of its warm-up (0) and the end of the bake (1)."""

    settings: Settings
    part: Part
    past: float

    @property
    def lowest(self) -> float:
        """The share it ends at, for the schedules that take one."""
        return self.settings.lr_scheduler_min_lr_ratio or 0.0


def _flat(_: _Fall) -> float:
    return 1.0


def _linear(fall: _Fall) -> float:
    return 1.0 - fall.past


def _cosine(fall: _Fall) -> float:
    return _half_wave(fall.past)


def _restarts(fall: _Fall) -> float:
    # At the very end the fraction would wrap to the top of a cycle that never comes.
    return 0.0 if fall.past >= 1.0 else _half_wave((fall.settings.lr_scheduler_num_cycles * fall.past) % 1.0)


def _cosine_to_lowest(fall: _Fall) -> float:
    # sd-scripts halves the cycles for transformers, which counts full waves.
    return _raised_to(fall.lowest, _half_wave(fall.settings.lr_scheduler_num_cycles * fall.past))


def _polynomial(fall: _Fall) -> float:
    peak = fall.settings.rate(fall.part)
    end = min(1.0, _POLYNOMIAL_END / peak) if peak else 0.0
    return _raised_to(end, (1.0 - fall.past) ** fall.settings.lr_scheduler_power)


def _rex(fall: _Fall) -> float:
    # Chen et al. 2021, section 3: the profile (1 - z) / (1/2 + (1 - z)/2).
    return _raised_to(fall.lowest, (1.0 - fall.past) / (1.0 - fall.past / 2.0))


_FALLS: dict[str, Callable[[_Fall], float]] = {
    "constant_with_warmup": _flat,
    "linear": _linear,
    "cosine": _cosine,
    "cosine_with_restarts": _restarts,
    "cosine_with_min_lr": _cosine_to_lowest,
    "polynomial": _polynomial,
    "rex": _rex,
}


def _by_rules(rules: StepRules, step: int) -> float:
    return next((value for until, value in rules.until if step < until), rules.rest)


def _stable_then_falling(settings: Settings, step: int, total: int, warmup: int) -> float:
    """Return transformers' warmup_stable_decay: up from the lowest share, level, and down by half a cosine over the last steps."""
    lowest = settings.lr_scheduler_min_lr_ratio or 0.0
    decay = steps_of(settings.lr_decay_steps, total)
    falls_at = total - decay
    if step < warmup:
        return _raised_to(lowest, step / warmup)
    if step < falls_at:
        return 1.0
    if step < total:
        return _raised_to(lowest, _half_wave(settings.lr_scheduler_num_cycles * (step - falls_at) / decay))
    return lowest


def _half_wave(past: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * past))


def _raised_to(lowest: float, part: float) -> float:
    return max(0.0, part * (1.0 - lowest) + lowest)
