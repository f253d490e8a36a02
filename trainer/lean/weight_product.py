"""Products with a frozen weight, W and its transpose, by the quickest kernel of the device.

torch multiplies fp32 matrices on a CPU by MKL, which takes its slower kernels on processors that are not Intel's, and which
splits products of few rows badly between threads. oneDNN's reach more of the peak there and need no second copy of the weight.
Measured on one core of an EPYC with AVX-512 whose peak is 115 GFLOP/s, MKL and oneDNN, forward and backward, GFLOP/s:
64 rows, 1280 x 1280: 79 and 83, 77 and 92; 64 rows, 11520 x 1280: 77 and 90, 68 and 94; 16 rows, the same: 49 and 56, 41 and 65;
256 rows, 640 x 5120: 84 and 104, 95 and 105; 1024 rows, 320 x 320: 98 and 106, 100 and 107.
In bf16 both are oneDNN's.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import register_flop_formula

from trainer.lean.device_path import on_card

# A call of oneDNN's takes some 10 µs more, which a small model's layers do not win back. SD1.5's smallest has 320 x 320 numbers.
_LARGE_WEIGHT = 100_000
_AVX512 = torch._C._has_mkldnn and torch.backends.cpu.get_cpu_capability().startswith("AVX512")


def times_weight(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x W^T + b; no gradient goes through it where the kernel is oneDNN's (`by_onednn`).

    Args:
        x: [..., inputs].
        weight: [outputs, inputs], in the type of `x`.
        bias: [outputs] in that type.
    """
    if by_onednn(weight):
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return found
    return functional.linear(x, weight, bias)


def times_transposed(gradient: Tensor, weight: Tensor) -> Tensor:
    """Return g W, the gradient of what was multiplied by `weight`.

    Args:
        gradient: [..., outputs].
        weight: [outputs, inputs], in the type of `gradient`.
    """
    if by_onednn(weight):
        found: Tensor = torch.ops.mkldnn._linear_pointwise(gradient, weight.t(), None, "none", [], "")
        return found
    return gradient @ weight


def by_onednn(weight: Tensor) -> bool:
    """Return whether products with this weight go to oneDNN where torch would not do so itself."""
    return _AVX512 and weight.dtype == torch.float32 and weight.numel() >= _LARGE_WEIGHT and not on_card(weight)


def _flops(x: tuple[int, ...], weight: tuple[int, ...], *_: Any, **__: Any) -> int:
    return 2 * math.prod(x) * weight[0]


if _AVX512:
    # torch counts its own products alone.
    register_flop_formula(torch.ops.mkldnn._linear_pointwise)(_flops)
