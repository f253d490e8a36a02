"""Scratch memory and running time of kernels, estimated for a card of the upper middle class of 2021."""

from collections.abc import Callable
from typing import Any

import torch

from trainer.memory.peak import Policy

# cuBLAS keeps 8 MiB and a little for each thread's handle (torch: CUBLAS_WORKSPACE_CONFIG's default :4096:2:16:8), cuBLASLt 1 MiB.
CUBLAS_BYTES = 8_519_680 + (1 << 20)

# GeForce RTX 3070 Ti by its data sheet: tensor cores with fp32 sums, plain fp32, memory; less what good kernels leave unused.
_HALF_FLOPS = 43.5e12 * 0.6
_FULL_FLOPS = 21.7e12 * 0.7
# Of int8 with int32 sums, four times as many by the same sheet; small layers leave more of them unused.
_INT8_FLOPS = 174e12 * 0.4
_BYTES_A_SECOND = 608e9 * 0.75
_LAUNCH_SECONDS = 4e-6

_FLASH_BACKWARD = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward,
    torch.ops.aten._scaled_dot_product_flash_attention_backward,
    torch.ops.aten._scaled_dot_product_efficient_attention_backward,
}
_CONVOLUTIONS = {torch.ops.aten.convolution, torch.ops.aten.convolution_backward}
# cuDNN's implicit products want little; this much at most is what its heuristics choose for these layers in half precision.
_CONVOLUTION_BYTES = 32 << 20


def roofline(flops: int, moved: int, dtype: torch.dtype) -> float:
    """Return the seconds of one operation: the longer of computing and moving, and the launch (Williams et al. 2009).

    Args:
        flops: of products and convolutions; other operations only move.
        moved: bytes of all inputs and outputs.
        dtype: of the result.
    """
    rate = _INT8_FLOPS if dtype == torch.int32 else _FULL_FLOPS if dtype.itemsize > 2 else _HALF_FLOPS
    return max(flops / rate, moved / _BYTES_A_SECOND) + _LAUNCH_SECONDS


def scratch_of(policy: Policy) -> Callable[[Any, tuple[Any, ...]], int]:
    """Return a function that says what an operation's kernel takes while it runs, beyond its results, in bytes."""
    return _on_a_card if policy == "card" else _on_a_cpu


def _on_a_card(func: Any, args: tuple[Any, ...]) -> int:
    packet = func._overloadpacket
    if packet in _FLASH_BACKWARD:
        # FlashAttention-2 sums the queries' gradient in fp32, rounded up to 128 tokens and 32 numbers a head, and keeps a
        # sum for each token (csrc/flash_attn: mha_bwd, dq_accum and softmax_d).
        batch, heads, tokens, width = args[1].shape
        return int(batch * heads * _up(tokens, 128) * (_up(width, 32) + 1) * 4)
    if packet in _CONVOLUTIONS:
        return _CONVOLUTION_BYTES
    return 0


def _on_a_cpu(func: Any, args: tuple[Any, ...]) -> int:
    return 0


def _up(number: int, to: int) -> int:
    return -(-number // to) * to
