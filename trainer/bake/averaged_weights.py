"""The weights of optimizers that train at one point and mean another to be used: schedule-free ones (Defazio et al. 2024).

Such an optimizer has `train()`, which sets the weights to the point at which the next gradient is wanted, and `eval()`, which sets
them to the average over the steps. It is in its training mode all the time but for the blocks below.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


def averages(optimizer: Any) -> bool:
    """Return whether an optimizer has weights to be used that are not those it trains at."""
    return all(callable(getattr(optimizer, name, None)) for name in ("train", "eval"))


@contextmanager
def averaged_weights(optimizer: Any) -> Iterator[None]:
    """Let the weights be those to be used while the block lasts; afterwards they are, to the bit, what they were.

    Args:
        optimizer: itself and not accelerate's wrapper around it; between two steps. Of one that does not average nothing changes.
    """
    # Before the first step there is nothing to average, and some expect that there is.
    if not averages(optimizer) or not optimizer.state:
        yield
        return
    # On the CPU, since the card has no room for a second LoRA where it has just enough for a step.
    trained = {weight: weight.detach().to("cpu", copy=True) for weight in _weights(optimizer)}
    with torch.no_grad():
        optimizer.eval()
    try:
        yield
    finally:
        with torch.no_grad():
            optimizer.train()
        # There and back by two interpolations is not the same bits.
        _copy(trained)


def settle_averages(optimizer: Any, weights: Collection[nn.Parameter]) -> None:
    """Leave these weights at their averages for good, because they train no more; the others stay as they are."""
    if not averages(optimizer):
        return
    with averaged_weights(optimizer):
        final = {weight: weight.detach().clone() for weight in weights}
    _copy(final)


def _weights(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


@torch.no_grad()
def _copy(values: Mapping[nn.Parameter, Tensor]) -> None:
    for weight, value in values.items():
        weight.copy_(value)
