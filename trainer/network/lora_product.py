"""The output of a layer with its LoRA, computed so that only the layer's input is kept for the backward pass.

With W frozen, s = strength · alpha / rank and inner = down(x), for out = W x + b + s · up(inner) and a gradient g of out:

    x:    g W + s · (g up) down
    down: s · (g up)ᵀ x
    up:   s · gᵀ inner

`inner` is computed again in the backward pass, and so are the weights in the type of the arithmetic; W is asked for again, so that
a base of 8 bits is never kept in a wider type. Layers with one input, such as to_q, to_k and to_v, keep one tensor between them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from trainer.lean.frozen_linear import frozen_gradient, frozen_product
from trainer.network.dropout import LayerDropout


@dataclass(frozen=True)
class LoraChange:
    """Facts of a layer that a product needs beside its tensors.

    Attributes:
        target: the base's layer.
        scale: strength · alpha / rank.
        left_out: what a training forward leaves out of `inner`, the same in the backward pass; None for nothing.
    """

    target: nn.Linear | nn.Conv2d
    scale: float
    dropout: LayerDropout | None


def lean_product(base: Callable[[Tensor], Tensor], x: Tensor, down: Tensor, up: Tensor, change: LoraChange) -> Tensor:
    """Return W x + b + scale · up(down(x)), in the type of x.

    Args:
        base: the base layer's forward, which gives W x + b in a tensor that nothing else holds. It is not called where the whole is
            one product of matrices: then it is `frozen_product`'s.
        x: [..., inputs], or [batch, inputs, height, width] of a convolution.
        down: fp32 [rank, inputs], or [rank, inputs, kernel, kernel], at the base layer's stride and padding.
        up: fp32 [outputs, rank], or [outputs, rank, 1, 1].
        change: the layer, which must be frozen.

    Returns:
        [..., outputs], or [batch, outputs, height', width'].
    """
    target = change.target
    if isinstance(target, nn.Linear):
        return _linear(x, down, up, change)
    if _is_point(target) and x.is_contiguous(memory_format=torch.channels_last):
        return _linear(x.permute(0, 2, 3, 1), down.flatten(1), up.flatten(1), change).permute(0, 3, 1, 2)
    out = base(x)
    if out._is_view():
        # To write into a view costs autograd three passes over the gradient.
        out = out.clone()
    if torch.is_grad_enabled():
        return cast(Tensor, _ConvolutionProduct.apply(out, x, down, up, change))  # type: ignore[no-untyped-call]
    _convolution_add(out, x, down, up, change)
    return out


def plain_product(out: Tensor, x: Tensor, down: Tensor, up: Tensor, change: LoraChange) -> Tensor:
    """Return out + scale · up(down(x)), computed by torch's own operations, for where a compiler decides what is kept.

    Args:
        out: the base's output, by whatever forward; it stays as it is.
        x: the layer's input.
        down, up: fp32, of a Linear or a convolution.
        change: the layer.
    """
    target = change.target
    is_conv = isinstance(target, nn.Conv2d)
    if isinstance(target, nn.Conv2d):
        inner = functional.conv2d(x, down.to(x.dtype), None, target.stride, target.padding, target.dilation)
    else:
        inner = functional.linear(x, down.to(x.dtype))
    if change.dropout is not None:
        inner = inner * change.dropout.mask(inner, is_conv=is_conv)
    wide = up.to(x.dtype)
    changed = functional.conv2d(inner, wide) if is_conv else functional.linear(inner, wide)
    return torch.add(out, changed.to(out.dtype), alpha=change.scale)


class _LinearProduct(torch.autograd.Function):
    """The product of a Linear; see the module's formulas."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, down: Tensor, up: Tensor, change: LoraChange) -> Tensor:
        _save_for_backward(ctx, x, down, up, change, trains=any(ctx.needs_input_grad[1:3]))
        return _linear_forward(x, down, up, change)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, down, up, change = _saved_for_backward(ctx)
        dtype = gradient.dtype
        g = gradient.reshape(-1, gradient.shape[-1])
        narrow = down.to(dtype)
        inner_shape = (*gradient.shape[:-1], len(down))
        of_inner = _scaled(g, up.to(dtype), change.scale)
        mask = None if change.dropout is None else change.dropout.mask(of_inner.view(inner_shape), is_conv=False)
        if mask is not None:
            of_inner.view(inner_shape).mul_(mask)
        of_x = of_down = of_up = None
        if x is not None:
            rows = x.reshape(-1, x.shape[-1])
            inner = rows @ narrow.mT
            if mask is not None:
                inner.view(inner_shape).mul_(mask)
            of_up = _scaled(g.mT, inner, change.scale).to(up.dtype)
            del inner
            of_down = (of_inner.mT @ rows).to(down.dtype)
        if ctx.needs_input_grad[0]:
            of_x = _add_product(frozen_gradient(change.target, g), of_inner, narrow).view(ctx.shape)
        return of_x, of_down, of_up, None


class _ConvolutionProduct(torch.autograd.Function):
    """What a convolution's LoRA adds to the base's output, in place; the base computes its own gradient."""

    @staticmethod
    def forward(ctx: Any, out: Tensor, x: Tensor, down: Tensor, up: Tensor, change: LoraChange) -> Tensor:
        _save_for_backward(ctx, x, down, up, change, trains=any(ctx.needs_input_grad[2:4]))
        ctx.mark_dirty(out)
        _convolution_add(out, x, down, up, change)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None, None]:
        x, down, up, change = _saved_for_backward(ctx)
        target = cast(nn.Conv2d, change.target)
        dtype = gradient.dtype
        narrow = down.to(dtype)
        g = gradient.flatten(2)
        of_inner = _scaled(_expanded(up.to(dtype).flatten(1).mT, g), g, change.scale)
        mask = None if change.dropout is None else change.dropout.mask(of_inner, is_conv=True)
        if mask is not None:
            of_inner.mul_(mask)
        of_up = of_down = of_x = None
        if x is not None:
            inner = _convolution_inner(x, narrow, target)
            if mask is not None:
                inner.mul_(mask)
            of_up = torch.bmm(g, inner.mT).sum(0, dtype=up.dtype).mul_(change.scale).view(up.shape)
            del inner
        needs_x = ctx.needs_input_grad[1]
        if _is_point(target):
            if x is not None:
                of_down = torch.bmm(of_inner, x.flatten(2).mT).sum(0, dtype=down.dtype).view(down.shape)
            if needs_x:
                of_x = _point_gradient(of_inner, narrow, ctx.shape, gradient)
        elif needs_x or x is not None:
            of_x, of_down = _convolution_gradients(of_inner, x, narrow, ctx, gradient)
            of_down = None if of_down is None else of_down.to(down.dtype)
        return gradient if ctx.needs_input_grad[0] else None, of_x, of_down, of_up, None


def _linear(x: Tensor, down: Tensor, up: Tensor, change: LoraChange) -> Tensor:
    if torch.is_grad_enabled():
        return cast(Tensor, _LinearProduct.apply(x, down, up, change))  # type: ignore[no-untyped-call]
    return _linear_forward(x, down, up, change)


def _save_for_backward(ctx: Any, x: Tensor, down: Tensor, up: Tensor, change: LoraChange, *, trains: bool) -> None:
    """Keep what the backward pass needs: x for the gradients of the LoRA alone, so that a part that does not train keeps none of it."""
    ctx.change, ctx.shape = change, x.shape
    ctx.save_for_backward(*((down, up, x) if trains else (down, up)))


def _saved_for_backward(ctx: Any) -> tuple[Tensor | None, Tensor, Tensor, LoraChange]:
    down, up, *rest = ctx.saved_tensors
    return (rest[0] if rest else None), down, up, ctx.change


def _linear_forward(x: Tensor, down: Tensor, up: Tensor, change: LoraChange) -> Tensor:
    out = frozen_product(change.target, x)
    inner = functional.linear(x, down.to(x.dtype))
    if change.dropout is not None:
        inner.mul_(change.dropout.mask(inner, is_conv=False))
    _add_product(out.view(-1, out.shape[-1]), inner.view(-1, inner.shape[-1]), up.to(x.dtype).mT, change.scale)
    return out


def _convolution_add(out: Tensor, x: Tensor, down: Tensor, up: Tensor, change: LoraChange) -> None:
    inner = _convolution_inner(x, down.to(x.dtype), cast(nn.Conv2d, change.target))
    if change.dropout is not None:
        inner.mul_(change.dropout.mask(inner, is_conv=True))
    wide, inner = up.to(out.dtype).flatten(1), inner.to(out.dtype)
    if out.is_contiguous():
        columns = out.view(*out.shape[:2], -1)
        torch.baddbmm(columns, _expanded(wide, inner), inner, alpha=change.scale, out=columns)
    else:
        # Channels last, one product: for batched ones into this layout a CPU has no kernel in bf16 and takes 10,000 times as long.
        rows = out.permute(0, 2, 3, 1).view(-1, out.shape[1])
        _add_product(rows, inner.mT.reshape(-1, inner.shape[1]), wide.mT, change.scale)


def _convolution_inner(x: Tensor, down: Tensor, target: nn.Conv2d) -> Tensor:
    """Return down(x), [batch, rank, places]."""
    if _is_point(target):
        columns = x.flatten(2)
        return torch.bmm(_expanded(down.flatten(1), columns), columns)
    return functional.conv2d(x, down, None, target.stride, target.padding, target.dilation).flatten(2)


def _point_gradient(of_inner: Tensor, down: Tensor, shape: torch.Size, gradient: Tensor) -> Tensor:
    """Return the gradient of a 1x1 convolution's input, laid out in memory as that of its output."""
    weight = down.flatten(1)
    if gradient.is_contiguous():
        return torch.bmm(_expanded(weight.mT, of_inner), of_inner).view(shape)
    batch, inputs, height, width = shape
    return torch.bmm(of_inner.mT, _expanded(weight, of_inner)).view(batch, height, width, inputs).permute(0, 3, 1, 2)


def _convolution_gradients(
    of_inner: Tensor, x: Tensor | None, down: Tensor, ctx: Any, gradient: Tensor
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of a larger convolution's input and of down, each where it is wanted."""
    target = ctx.change.target
    places = of_inner.view(len(of_inner), -1, *gradient.shape[2:])
    # Of an input that was not kept the shape is enough.
    source = gradient.new_empty(()).expand(ctx.shape) if x is None else x
    wanted = [ctx.needs_input_grad[1], x is not None, False]
    none = [0] * len(target.stride)
    of_x, of_down, _ = torch.ops.aten.convolution_backward(
        places, source, down, None, target.stride, target.padding, target.dilation, False, none, 1, wanted
    )
    return of_x, of_down


def _is_point(target: nn.Conv2d) -> bool:
    """Return whether a convolution is a matrix product at each position."""
    return target.kernel_size == (1, 1) and target.stride == (1, 1) and target.padding == (0, 0)


def _expanded(matrix: Tensor, batch: Tensor) -> Tensor:
    """Return one matrix as that of every picture in a batch; nothing is copied."""
    return matrix.expand(len(batch), -1, -1)


def _add_product(to: Tensor, left: Tensor, right: Tensor, scale: float = 1.0) -> Tensor:
    """Return `to` with scale · left @ right added in place: without another pass over it or a second tensor.

    By `out`, since torch's counter of operations does not know `addmm_`.
    """
    return torch.addmm(to, left, right, alpha=scale, out=to)


def _scaled(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """Return scale · left @ right of matrices or batches of them, scaled before it is rounded: fp16 would overflow sooner otherwise."""
    product = torch.addmm if left.dim() == 2 else torch.baddbmm
    return product(left.new_empty((1,) * left.dim()), left, right, beta=0, alpha=scale)
