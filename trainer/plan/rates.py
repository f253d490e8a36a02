"""What share of its peak has a rate at a step? The schedules as transformers computes them for sd-scripts."""

import math

from trainer.errors import SettingsError


def factor(name: str, step: int, *, total: int, warmup: int, cycles: int) -> float:
    """Return the share of the peak rate that optimizer update `step` runs with.

    Args:
        name: lr_scheduler.
        step: updates made before this one: 0 for the first, which runs with 0 where there is a warm-up.
        total: updates of the whole bake.
        warmup: updates over which the rate rises; `constant` has none.
        cycles: falls of `cosine_with_restarts`, all of equal length.

    Raises:
        SettingsError: there is no schedule called `name`.
    """
    if name == "constant":
        return 1.0
    if name not in ("constant_with_warmup", "linear", "cosine", "cosine_with_restarts"):
        raise SettingsError("lr_scheduler", found=name, expected="a schedule this program knows")
    if step < warmup:
        return step / warmup
    if name == "constant_with_warmup":
        return 1.0
    past = min(1.0, (step - warmup) / max(1, total - warmup))
    if name == "linear":
        return 1.0 - past
    if name == "cosine_with_restarts":
        # At the very end the fraction would wrap to the top of a cycle that never comes.
        past = (cycles * past) % 1.0 if past < 1.0 else 1.0
    return 0.5 * (1.0 + math.cos(math.pi * past))
