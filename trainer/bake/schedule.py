"""Which rate has each part at this step? The plan's schedule, put into the optimizer."""

from typing import Any

from trainer.models.kohya_names import Part
from trainer.plan.plan import Plan
from trainer.plan.rates import factor
from trainer.settings.model import Settings


def set_rates(optimizer: Any, settings: Settings, plan: Plan, step: int) -> dict[Part, float]:
    """Give every group its peak rate times the schedule's factor and return the rates by part.

    Args:
        optimizer: with groups from make_optimizer, or accelerate's wrapper around it.
        settings, plan: decide the schedule.
        step: optimizer step, from 1. The first runs at the schedule's start: with a warm-up, at rate 0 (as sd-scripts).
    """
    scale = factor(
        settings.lr_scheduler,
        step - 1,
        total=plan.total_steps,
        warmup=plan.warmup_steps,
        cycles=settings.lr_scheduler_num_cycles,
    )
    rates: dict[Part, float] = {}
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * scale
        rates[group["part"]] = group["lr"]
    return rates
