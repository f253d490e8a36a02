"""Products of a frozen layer of int8 that are computed in int8: what is multiplied is rounded as well, by a factor for each of its rows.

With W = f · C (factors of rows, codes) and x ≈ s · Q (Q = x / s rounded, s the row's largest number by 127):

    x Wᵀ: s · (Q Cᵀ) · f, the product of codes exact in int32
    g W:  g · f is rounded by its rows, and multiplied by C

as LLM.int8() has it (Dettmers et al. 2022, section 2.1) without outliers in 16 bits. Products with a LoRA's weights are not rounded.

Measured on one busy core with VNNI, ms of 1024 rows, as usual and so, forward and backward: 1280 into 1280 in fp32 150 and 34, 137 and 34,
in bf16 59 and 47, 60 and 46; 320 into 320 in fp32 2.2 and 2.9, 2.2 and 2.3, in bf16 0.9 and 2.2, 1.0 and 0.9.
"""

import time
from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.lean.quantized import dequantized

# A row of zeros has codes of 0 by any factor.
_TINY = 2.0**-126
# cuBLAS multiplies codes of at least so many rows, and of sides that are multiples of the other number.
_MIN_ROWS, _MULTIPLE = 17, 8
_TRIED_ROWS, _TRIALS = 1024, 3


def computes_in_int8(layer: nn.Module, rows: int) -> bool:
    """Return whether a layer's product with so many rows is computed in int8."""
    if not getattr(layer, "int8_products", False) or rows < _MIN_ROWS:
        return False
    outputs, inputs = cast(Tensor, layer.weight).flatten(1).shape
    return outputs % _MULTIPLE == 0 and inputs % _MULTIPLE == 0


def int8_forward(x: Tensor, codes: Tensor, factors: Tensor) -> Tensor:
    """Return x Wᵀ, [rows, outputs], in the type of `x`.

    Args:
        x: [rows, inputs].
        codes: int8 [outputs, inputs].
        factors: fp32 [outputs].
    """
    own, scales = rounded_rows(x)
    # fp32 first: sums of codes go beyond what half precision holds.
    return torch._int_mm(own, codes.t()).float().mul_(scales).mul_(factors).to(x.dtype)


def int8_backward(gradient: Tensor, codes: Tensor, factors: Tensor) -> Tensor:
    """Return g W, [rows, inputs], in the type of g, [rows, outputs]; the rest as in int8_forward."""
    own, scales = rounded_rows(gradient.float() * factors)
    return torch._int_mm(own, codes).float().mul_(scales).to(gradient.dtype)


def rounded_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return int8 codes of `x`, [rows, columns], and the fp32 factor of each row, [rows, 1], whose product comes nearest to it."""
    scales = x.abs().amax(dim=-1, keepdim=True).float().div_(127).clamp_min_(_TINY)
    return torch.div(x, scales).round_().to(torch.int8), scales


def int8_time(shapes: Mapping[tuple[int, int], int], dtype: torch.dtype, device: torch.device) -> float:
    """Return the time of a model's products in int8 as a multiple of the usual ones', each kind of layer tried both ways in turns.

    Args:
        shapes: outputs and inputs of its layers, and how many there are of each.
        dtype: of the arithmetic.
        device: where they will compute.
    """
    usual = ours = 0.0
    for (outputs, inputs), count in shapes.items():
        codes = torch.ones(outputs, inputs, dtype=torch.int8, device=device)
        factors = torch.ones(outputs, device=device)
        x, g = (torch.ones(_TRIED_ROWS, side, dtype=dtype, device=device) for side in (inputs, outputs))
        as_usual, in_int8 = _both_ways(codes, factors, x, g)
        taken = [(_seconds(as_usual, device), _seconds(in_int8, device)) for _ in range(_TRIALS)]
        usual += count * min(first for first, _ in taken)
        ours += count * min(second for _, second in taken)
    return ours / usual if usual else 1.0


def _both_ways(
    codes: Tensor, factors: Tensor, x: Tensor, g: Tensor
) -> tuple[Callable[[], object], Callable[[], object]]:
    def as_usual() -> object:
        out = functional.linear(x, dequantized(codes, factors, x.dtype))
        return out, g @ dequantized(codes, factors, g.dtype)

    def in_int8() -> object:
        return int8_forward(x, codes, factors), int8_backward(g, codes, factors)

    return as_usual, in_int8


def _seconds(compute: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    compute()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
