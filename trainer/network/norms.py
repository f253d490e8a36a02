"""The Frobenius norm of a layer's change, without the product being made, and the limit on it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer.network.lora import LoraLayer


def product_norm(down: Tensor, up: Tensor) -> Tensor:
    """Return ‖up · down‖ (Frobenius) as a scalar: the root of Σ (upᵀup) ∘ (down downᵀ), which costs rank² · (inputs + outputs).

    Args:
        down: [rank, inputs], or [rank, inputs, kernel, kernel].
        up: [outputs, rank], or [outputs, rank, 1, 1].
    """
    flat_down, flat_up = down.flatten(1), up.flatten(1)
    squared = ((flat_up.mT @ flat_up) * (flat_down @ flat_down.mT)).sum()
    # Rounding may push the sum of a tiny change below 0.
    return squared.clamp(min=0).sqrt()


@torch.no_grad()
def limit_norms(layers: Sequence[LoraLayer], largest: float) -> None:
    """Shorten each layer whose change is longer than `largest` to that length, down and up by the same factor.

    sd-scripts' scale_weight_norms: with n = ‖alpha / rank · up · down‖ both weights are multiplied by the root of
    min(n, largest) / n. Layers that are short enough keep their bits. All of it is queued on the device; nothing waits for it.

    Args:
        layers: on one device.
        largest: above 0.
    """
    if not layers:
        return
    norms = torch.stack([product_norm(layer.down, layer.up) * (layer.alpha / layer.rank) for layer in layers])
    # Nothing shorter than half the limit is divided by: a change of 0 would be 0 / 0.
    norms = norms.clamp(min=largest / 2)
    factors = (norms.clamp(max=largest) / norms).sqrt().unbind()
    for layer, factor in zip(layers, factors, strict=True):
        layer.down.mul_(factor)
        layer.up.mul_(factor)
