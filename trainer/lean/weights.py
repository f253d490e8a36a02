"""What are a frozen layer's numbers? As they are stored, or computed from 8 bits for the moment they are needed."""

import torch
from torch import Tensor, nn


def weight_of(layer: nn.Linear | nn.Conv2d, dtype: torch.dtype) -> Tensor:
    """Return a frozen layer's weight in `dtype`. Do not keep it: where the layer holds 8 bits it is made for this call.

    Args:
        layer: of the base.
        dtype: of the arithmetic.
    """
    return layer.weight.to(dtype)
