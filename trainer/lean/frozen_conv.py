"""A frozen convolution that keeps no input for its backward pass, and its fastest way on a CPU.

torch keeps a convolution's input although only the weight's gradient asks for it, and a frozen weight has none.

oneDNN rearranges the weight of a convolution in every call. Where there are fewer positions in the picture than channels come
out, the weight is larger than all patches of the picture together; it is then quicker to gather the patches and leave the weight
as it lies. Measured on two cores, ms forward and backward, torch's convolution and the gathered one:
2560 -> 1280 channels at 8x8, fp32 60 and 57, 18 and 20; bf16 37 and 47, 6 and 8;
1920 -> 640 at 16x16, fp32 35 and 32, 21 and 24; bf16 11 and 12, 8 and 9;
640 -> 640 at 32x32, more positions than outputs, fp32 48 and 49, 56 and 57 on one core.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.lean.device_path import on_card
from trainer.lean.frozen_linear import frozen_linear
from trainer.lean.quantized import weight_of
from trainer.lean.weight_product import by_onednn, times_transposed, times_weight

_convolution_backward = torch.ops.aten.convolution_backward.default
# 640 -> 640 channels of 3x3 at 16x16 are quicker gathered in bf16 (ms forward and backward 3.3 and 3.7 for 3.3 and 4.4), 320 -> 320
# of as many positions are not (1.6 and 1.4 for 1.2 and 1.4).
_LARGE_WEIGHT = 3_000_000


class FrozenConv2d(nn.Conv2d):
    """A convolution of the base. With a weight that has a gradient it is torch's own."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the layer's output; a LoRA layer takes this as the base's forward.

        Args:
            input: [batch, channels, height, width], in any memory layout.
        """
        if self.weight.requires_grad or self.padding_mode != "zeros" or isinstance(self.padding, str):
            return super().forward(input)
        return frozen_conv(self, input)


def frozen_conv(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Return a frozen convolution's output, keeping nothing but the layer for the backward pass.

    Args:
        layer: padded with zeros by a number; its weight has no gradient.
        x: [batch, channels, height, width].

    Returns:
        [batch, outputs, height, width], in the type of `x`.
    """
    if _is_product(layer) and _is_channels_last(x):
        return frozen_linear(layer, x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    if not torch.is_grad_enabled():
        bias = layer.bias
        return convolved(layer, x, weight_of(layer, x.dtype), None if bias is None else bias.to(x.dtype))
    return cast(Tensor, _Convolution.apply(x, layer))  # type: ignore[no-untyped-call]


def convolved(layer: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return what a convolution gives with another weight than its own, in the quickest way, for passes without gradient.

    Args:
        layer: says stride, padding and groups; padded with zeros by a number.
        x: [batch, channels, height, width].
        weight: of the layer's shape, in the type of `x`.
        bias: [outputs], in the same type.
    """
    if _is_product(layer) and _is_channels_last(x):
        return times_weight(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)
    return _convolved(layer, x, weight, bias, gathered=_gathers_patches(layer, x.shape, weight))


def _convolved(layer: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None, *, gathered: bool) -> Tensor:
    if gathered:
        return _output_by_patches(layer, x, weight, bias)
    return torch.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)


class _Convolution(torch.autograd.Function):
    """Keeps the layer, the input's shape, and no tensor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: nn.Conv2d) -> Tensor:
        weight = weight_of(layer, x.dtype)
        bias = layer.bias
        if bias is not None and bias.dtype != x.dtype:
            bias = bias.to(x.dtype)
        ctx.layer, ctx.shape, ctx.gathered = layer, x.shape, _gathers_patches(layer, x.shape, weight)
        return _convolved(layer, x, weight, bias, gathered=ctx.gathered)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        layer: nn.Conv2d = ctx.layer
        weight = weight_of(layer, gradient.dtype)
        if ctx.gathered:
            return _input_gradient_by_patches(layer, gradient, weight, ctx.shape), None
        # The kernel asks the input for its shape alone.
        shape_only = gradient.new_empty(1).expand(ctx.shape)
        found = _convolution_backward(
            gradient,
            shape_only,
            weight,
            None,
            layer.stride,
            layer.padding,
            layer.dilation,
            False,
            (0, 0),
            layer.groups,
            (True, False, False),
        )
        return found[0], None


def _is_product(layer: nn.Conv2d) -> bool:
    """Return whether each output position depends on the input at that position alone, and all channels on all."""
    return layer.kernel_size == (1, 1) and layer.stride == (1, 1) and layer.padding == (0, 0) and layer.groups == 1


def _is_channels_last(tensor: Tensor) -> bool:
    return tensor.is_contiguous(memory_format=torch.channels_last)


def _gathers_patches(layer: nn.Conv2d, shape: torch.Size, weight: Tensor) -> bool:
    """Return whether patches are gathered, for an input of `shape`."""
    # The size first: a small model should not pay for the checks.
    if weight.numel() < _LARGE_WEIGHT or on_card(weight) or layer.groups != 1 or layer.dilation != (1, 1):
        return False
    height, width = _size_after(layer, shape)
    return shape[0] * height * width <= layer.out_channels and _is_channels_last(weight)


def _size_after(layer: nn.Conv2d, shape: torch.Size) -> tuple[int, int]:
    """Return height and width of the output for an input of `shape`."""
    height, width = (
        (shape[2 + axis] + 2 * int(layer.padding[axis]) - layer.kernel_size[axis]) // layer.stride[axis] + 1
        for axis in (0, 1)
    )
    return height, width


def _output_by_patches(layer: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the output as W p^T, p: [positions, taps · inputs] all patches. This order leaves W as it lies for AMX too."""
    (high, wide), (down, right) = layer.kernel_size, layer.stride
    height, width = _size_after(layer, x.shape)
    above, left = int(layer.padding[0]), int(layer.padding[1])
    padded = functional.pad(x.permute(0, 2, 3, 1), (0, 0, left, left, above, above))
    # [batch, height, width, inputs, tap, tap], a view.
    patches = padded.unfold(1, high, down).unfold(2, wide, right).permute(0, 1, 2, 4, 5, 3)
    turned = patches.reshape(-1, weight[0].numel()).t()
    if by_onednn(weight):
        found = times_weight(turned.t(), _as_matrix(weight), bias).t()
    elif bias is None:
        found = _as_matrix(weight) @ turned
    else:
        found = torch.addmm(bias[:, None], _as_matrix(weight), turned)
    # A tensor of its own and no view of another: a LoRA layer adds to it in place.
    shape = (x.shape[0], layer.out_channels, height, width)
    out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    out.permute(0, 2, 3, 1).view(-1, layer.out_channels).copy_(found.t())
    return out


def _input_gradient_by_patches(layer: nn.Conv2d, gradient: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
    """Return the input's gradient: each output's goes back to the patch it was made of."""
    batch, inputs, height, width = shape
    above, left = int(layer.padding[0]), int(layer.padding[1])
    rows = gradient.permute(0, 2, 3, 1)
    patches = times_transposed(rows.reshape(-1, rows.shape[-1]), _as_matrix(weight)).view(*rows.shape[:3], -1, inputs)
    padded = gradient.new_zeros((batch, height + 2 * above, width + 2 * left, inputs))
    for tap, (vertical, horizontal) in enumerate(_taps(layer, rows.shape)):
        padded[:, vertical, horizontal] += patches[:, :, :, tap]
    return padded[:, above : above + height, left : left + width].permute(0, 3, 1, 2)


def _taps(layer: nn.Conv2d, shape: torch.Size) -> Iterator[tuple[slice, slice]]:
    """Yield which rows and columns of the padded input each tap of the kernel sees, for outputs [batch, height, width, …]."""
    (high, wide), (down, right) = layer.kernel_size, layer.stride
    for row in range(high):
        for column in range(wide):
            vertical = slice(row, row + down * (shape[1] - 1) + 1, down)
            yield vertical, slice(column, column + right * (shape[2] - 1) + 1, right)


def _as_matrix(weight: Tensor) -> Tensor:
    """Return a weight that lies channels last as [outputs, taps · inputs]: a view."""
    return weight.permute(0, 2, 3, 1).flatten(1)
