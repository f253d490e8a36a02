"""Which rate has each group at this step? Each part's schedule, put into the optimizer."""

from typing import Any

from trainer.plan.plan import Plan
from trainer.plan.rates import share
from trainer.settings.model import Settings
from trainer.settings.parts import Part


def set_rates(optimizer: Any, settings: Settings, plan: Plan, step: int) -> dict[Part, float]:
    """Give every group its rate at this step and return those of the parts, which are their lora_downs'.

    Args:
        optimizer: with groups from make_optimizer, or accelerate's wrapper around it; those of parts that have stopped are not in it.
        settings, plan: decide the schedules.
        step: optimizer step, from 1. The first runs at the schedule's start: with a warm-up, at rate 0 (as sd-scripts).
    """
    rates: dict[Part, float] = {}
    for group in optimizer.param_groups:
        part: Part = group["part"]
        rates[part] = group["peak"] * share(settings, part, step - 1, plan.total_steps)
        group["lr"] = rates[part] * group["ratio"]
    return rates
