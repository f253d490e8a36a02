"""A frozen matrix product whose backward pass keeps neither the input nor a weight that was made for the call."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.lean.quantized import weight_of


def frozen_linear(layer: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """Return x W^T + b of a frozen layer, keeping nothing but the layer for the backward pass.

    Args:
        layer: a Linear, or a convolution of 1x1; its weight has no gradient.
        x: [..., inputs].

    Returns:
        [..., outputs], in the type of `x`.
    """
    if layer.weight.dtype == x.dtype:
        # torch keeps no input beside a frozen weight, and of the weight no copy: 8 µs a call cheaper than a Function.
        return functional.linear(x, layer.weight.flatten(1), layer.bias)
    return cast(Tensor, _Product.apply(x, layer))  # type: ignore[no-untyped-call]


class _Product(torch.autograd.Function):
    """Makes the weight in the forward pass and once more in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.Linear | nn.Conv2d) -> Tensor:
        ctx.layer = layer
        bias = None if layer.bias is None else layer.bias.to(x.dtype)
        return functional.linear(x, weight_of(layer, x.dtype).flatten(1), bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient @ weight_of(ctx.layer, gradient.dtype).flatten(1), None
