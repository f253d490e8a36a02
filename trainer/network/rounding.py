"""The loss of what a LoRA learned by saving it in fewer bits."""

import math

import torch

from trainer.network.injection import LoraNetwork
from trainer.network.lora import LoraLayer
from trainer.network.lora_file import SavePrecision, type_of
from trainer.network.norms import product_norm


@torch.no_grad()
def rounding_losses(network: LoraNetwork, precision: SavePrecision) -> dict[str, float]:
    """Return ‖ΔW - ΔW saved‖ / ‖ΔW‖ (Frobenius) of all layers under "", and of each part's; 0 for layers that change nothing.

    ΔW is alpha / rank · up · down; saved, all three are rounded, and what is too small for fp16 is 0. It reads the result off
    the device and waits for it.

    Args:
        network: the layers.
        precision: of the file.

    Returns:
        Shares; infinite where a number is too large for the precision.
    """
    if precision == "float" or not len(network):
        return dict.fromkeys(("", *network.parts), 0.0)
    squares = torch.stack([_lost_and_total_norm(layer, type_of(precision)) for layer in network]).square().cpu()
    shares, first = {"": _share(squares)}, 0
    # The network gives its layers part by part.
    for part in network.parts:
        last = first + len(network.layers(part))
        shares[part], first = _share(squares[first:last]), last
    return shares


def _share(squares: torch.Tensor) -> float:
    lost, whole = squares.sum(dim=0).sqrt().tolist()
    if not math.isfinite(lost):
        return math.inf
    return lost / whole if whole else 0.0


def _lost_and_total_norm(layer: LoraLayer, dtype: torch.dtype) -> torch.Tensor:
    """Return the norms of what rounding loses and of the change of one layer, fp64 [2].

    The difference of the products is a product of differences, (up - up') down + up' (down - down'): subtracting norms instead
    would leave nothing of a loss of a thousandth.
    """
    # fp64 because squares of what underflows in fp16 would underflow in fp32.
    down, up = layer.down.flatten(1).double(), layer.up.flatten(1).double()
    down_saved, up_saved = (weight.flatten(1).to(dtype).double() for weight in (layer.down, layer.up))
    alpha_saved = float(torch.tensor(layer.alpha, dtype=dtype))
    up, up_saved = up * (layer.alpha / layer.rank), up_saved * (alpha_saved / layer.rank)
    lost = product_norm(torch.cat([down, down - down_saved]), torch.cat([up - up_saved, up_saved], dim=1))
    return torch.stack([lost, product_norm(down, up)])
