"""Numbers in 8 bits: a code for each and a factor for each row, so that nothing but the code is large."""

from typing import Literal, cast

import torch
from torch import Tensor, nn

from trainer.lean.device_path import on_card
from trainer.settings.model import Settings

Kind = Literal["int8", "fp8"]

# The largest code of a row stands for its largest number: 127 of int8, 448 of float8 e4m3 (Micikevicius et al. 2022, table 1).
_MAX_CODE = {"int8": 127.0, "fp8": 448.0}
# The bits of float8 lie in uint8: torch takes float8 for a type of numbers, so that a module's `.to(dtype)` would convert it.
CODES = {"int8": torch.int8, "fp8": torch.uint8}
"""The type that each kind's codes are held in."""


def kind_of(settings: Settings) -> Kind | None:
    """Return the 8-bit format that settings ask for; None for the base's own type."""
    return "int8" if settings.int8_base else "fp8" if settings.fp8_base else None


def quantize(weight: Tensor, kind: Kind) -> tuple[Tensor, Tensor]:
    """Return the codes and the factors whose product comes nearest to a weight, symmetric and by its rows' largest numbers.

    Factors are numbers of bf16, so that a product in bf16 is rounded once; a row's largest code is then at most 0.3 % off.

    Args:
        weight: [rows, ...], of any type of numbers, on any device; on `meta` shapes come out.
        kind: `int8`, or `fp8` (e4m3: 4 bits of exponent, 3 of mantissa).

    Returns:
        codes in weight's shape and memory layout, int8, or uint8 with the bits of float8; factors, fp32 [rows].
    """
    if weight.is_meta:
        # Operation by operation that would take 4 ms a layer, of which SDXL has more than a thousand.
        return torch.empty_like(weight, dtype=CODES[kind]), weight.new_empty(len(weight), dtype=torch.float32)
    largest = _MAX_CODE[kind]
    within = tuple(range(1, weight.dim()))
    factors = (weight.float().abs().amax(dim=within, keepdim=True) / largest).bfloat16().float()
    # A row of zeros has codes of 0 by any factor.
    factors.clamp_min_(2.0**-126)
    scaled = (weight / factors).clamp_(-largest, largest)
    codes = scaled.round_().to(torch.int8) if kind == "int8" else scaled.to(torch.float8_e4m3fn).view(torch.uint8)
    return codes, factors.flatten()


def dequantized(codes: Tensor, factors: Tensor, dtype: torch.dtype) -> Tensor:
    """Return codes times factors, in the codes' shape and memory layout.

    Args:
        codes, factors: from quantize.
        dtype: fp32, bf16 or fp16.
    """
    factors = factors.view(-1, *(1 for _ in codes.shape[1:]))
    if dtype != torch.float16:
        # Exact, and one type throughout: mixed ones take a CPU ten times as long. Of fp16 many factors would be subnormals.
        factors = factors.to(dtype)
    if codes.dtype == torch.int8:
        return codes.to(dtype).mul_(factors)
    if on_card(codes) or dtype == torch.float16:
        return codes.view(torch.float8_e4m3fn).to(dtype).mul_(factors)
    return _from_float8_bits(codes, dtype).mul_(factors * 2.0**120)


def _from_float8_bits(bits: Tensor, dtype: torch.dtype) -> Tensor:
    """Return float8's numbers times 2**-120, fp32 or bf16: sign, exponent and mantissa in their places there.

    On a CPU torch converts one number at a time, 5 ns each; shifting all takes an eighth. Exponents count from 7 in e4m3 and from
    127 in the wider types, hence the power of two, which subnormals keep to as well. A factor bears it up to 255, and so numbers
    up to 114,240.
    """
    # Extended by its sign, a code fills the place between sign and exponent with copies of it; the mask clears them.
    if dtype == torch.bfloat16:
        wide = bits.view(torch.int8).to(torch.int16).bitwise_left_shift_(4).bitwise_and_(-0x7810)
    else:
        wide = bits.view(torch.int8).to(torch.int32).bitwise_left_shift_(20).bitwise_and_(-0x78100000)
    return wide.view(dtype)


_CODES = frozenset(CODES.values())


def weight_of(layer: nn.Linear | nn.Conv2d, dtype: torch.dtype) -> Tensor:
    """Return a frozen layer's weight in `dtype`. Do not keep it: where the layer holds 8 bits it is made for this call.

    Args:
        layer: of the base.
        dtype: of the arithmetic.

    Returns:
        the weight itself where it has that type already; in its own memory layout in any case.
    """
    if layer.weight.dtype in _CODES:
        return dequantized(layer.weight, cast(Tensor, layer.factors), dtype)
    return layer.weight.to(dtype)
