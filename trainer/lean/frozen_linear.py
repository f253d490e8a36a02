"""A frozen matrix product whose backward pass keeps neither the input nor a weight that was made for the call."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.lean.int8_product import computes_in_int8, int8_backward, int8_forward
from trainer.lean.quantized import weight_of
from trainer.lean.weight_product import by_onednn, times_transposed, times_weight


def frozen_linear(layer: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """Return x W^T + b of a frozen layer, keeping nothing but the layer for the backward pass.

    Args:
        layer: a Linear, or a convolution of 1x1; its weight has no gradient.
        x: [..., inputs].

    Returns:
        [..., outputs], in the type of `x`.
    """
    if layer.weight.dtype == x.dtype and not by_onednn(layer.weight):
        # torch keeps no input beside a frozen weight, and of the weight no copy: 8 µs a call cheaper than a Function.
        return functional.linear(x, layer.weight.flatten(1), layer.bias)
    return cast(Tensor, _Product.apply(x, layer))  # type: ignore[no-untyped-call]


def frozen_product(layer: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """Return x W^T + b, [..., outputs], in a tensor of its own; arguments as for frozen_linear, nothing for a backward pass."""
    bias = None if layer.bias is None else layer.bias.to(x.dtype)
    rows = x.reshape(-1, x.shape[-1])
    if not computes_in_int8(layer, len(rows)):
        return times_weight(x, weight_of(layer, x.dtype).flatten(1), bias)
    out = int8_forward(rows, layer.weight.flatten(1), cast(Tensor, layer.factors))
    return (out if bias is None else out.add_(bias)).view(*x.shape[:-1], -1)


def frozen_gradient(layer: nn.Linear | nn.Conv2d, gradient: Tensor) -> Tensor:
    """Return the gradient of x in x W^T + b, [..., inputs], of that of the output, [..., outputs]."""
    rows = gradient.reshape(-1, gradient.shape[-1])
    if not computes_in_int8(layer, len(rows)):
        return times_transposed(gradient, weight_of(layer, gradient.dtype).flatten(1))
    found = int8_backward(rows, layer.weight.flatten(1), cast(Tensor, layer.factors))
    return found.view(*gradient.shape[:-1], -1)


class _Product(torch.autograd.Function):
    """Asks for the weight in the forward pass and once more in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.Linear | nn.Conv2d) -> Tensor:
        ctx.layer = layer
        return frozen_product(layer, x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return frozen_gradient(ctx.layer, gradient), None
