"""What are a frozen layer's numbers? As they are stored, or computed from 8 bits for the moment they are needed."""

from typing import cast

import torch
from torch import Tensor, nn

from trainer.lean.quantized import CODES, dequantized

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
