"""Layers that hold 8 bits; their weights are made again for each forward and backward pass."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from trainer.families.registry import part_record
from trainer.lean.frozen_conv import frozen_conv
from trainer.lean.frozen_linear import frozen_linear
from trainer.lean.quantized import CODES, Kind, quantize
from trainer.settings.parts import Part


class EightBit(nn.Module):
    """The weight of a layer in 8 bits.

    Attributes:
        weight: codes, int8 or uint8 (float8's bits), a parameter that can have no gradient; only `weight_of` gives its numbers.
        factors: fp32 [rows].
        int8_products: whether its products of matrices are computed in int8; see lean.int8_product.
    """

    factors: Tensor
    weight: Tensor
    int8_products = False

    def set_rows(self, first: int, numbers: Tensor) -> None:
        """Round some rows of the weight to 8 bits.

        Args:
            first: the first row.
            numbers: [rows, ...], the rows' shape as in the weight.
        """
        rows = slice(first, first + len(numbers))
        codes, factors = quantize(numbers, "int8" if self.weight.dtype == torch.int8 else "fp8")
        self.weight.data[rows] = codes
        self.factors[rows] = factors

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move codes and factors to another device or layout; another type leaves them as they are."""
        factors = self.factors
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch's own is untyped
        if self.factors.dtype != factors.dtype:
            self.factors = factors.to(self.factors.device)
        return self


class EightBitLinear(EightBit, nn.Linear):
    """A frozen Linear of 8 bits."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output, in the type of `x`."""
        return frozen_linear(self, x)


class EightBitConv2d(EightBit, nn.Conv2d):
    """A frozen convolution of 8 bits."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output, in the type of `x`."""
        return frozen_conv(self, x)


def eight_bit_layers(module: nn.Module, part: Part) -> dict[str, nn.Linear | nn.Conv2d]:
    """Return the layers of a part that may hold 8 bits, by their names in the module.

    Every Linear and convolution of the body's blocks and the text encoders' layers, as the part's record has them: 96 % of SD1.5's
    weights, 97 % of SDXL's. Not those before and after (conv_in, conv_out, embeddings of times, sizes and tokens, text_projection): they are small, and what they
    round goes into everything, as usual (Jacob et al. 2018 and after). Norms and biases are not
    matrices, and errors of the VAE would be visible.
    """
    large = part_record(part).large
    return {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d) and large and re.match(large, name)
    }


def make_eight_bit(module: nn.Module, part: Part, kind: Kind) -> dict[str, EightBit]:
    """Convert the layers of a part to 8 bits, in place; only loading the part again undoes it.

    Args:
        module: the U-Net or a text encoder, of real, fake or `meta` tensors; of the latter two it keeps shapes and no numbers.
        part: which it is.
        kind: of 8 bits.

    Returns:
        the layers by their names in the module.
    """
    found: dict[str, EightBit] = {}
    for name, layer in eight_bit_layers(module, part).items():
        codes, factors = quantize(layer.weight.detach(), kind)
        eight_bit = cast(Any, layer)
        # In place: whoever holds the layer has it still, and kohya's targets are found by their holders and as a Linear or Conv2d.
        eight_bit.__class__ = EightBitConv2d if isinstance(layer, nn.Conv2d) else EightBitLinear
        eight_bit.weight = nn.Parameter(codes, requires_grad=False)
        eight_bit.register_buffer("factors", factors)
        assert codes.dtype == CODES[kind]
        found[name] = eight_bit
    return found


def int8_layers(*modules: nn.Module) -> list[EightBit]:
    """Return the layers of modules that hold int8 and multiply matrices: Linears, and convolutions of 1x1."""
    return [
        layer
        for module in modules
        for layer in module.modules()
        if isinstance(layer, EightBit)
        and layer.weight.dtype == torch.int8
        and layer.weight[0].numel() == layer.weight.shape[1]
    ]


def int8_shapes(layers: Iterable[EightBit]) -> Counter[tuple[int, int]]:
    """Return outputs and inputs of layers, and how many there are of each."""
    return Counter((layer.weight.shape[0], layer.weight.shape[1]) for layer in layers)
