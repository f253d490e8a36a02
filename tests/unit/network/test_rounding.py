import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from trainer.network.injection import LoraNetwork
from trainer.network.lora import LoraLayer
from trainer.network.lora_content import load_lora
from trainer.network.lora_file import SavePrecision, save_lora
from trainer.network.rounding import rounding_losses


def network_of(size: float = 0.1, alpha: float = 2.0) -> LoraNetwork:
    """Return random layers on a Linear and on both kinds of convolution; each network has targets of its own."""
    generator = torch.Generator().manual_seed(1)
    targets = [nn.Linear(30, 20), nn.Conv2d(10, 20, 1), nn.Conv2d(10, 20, 3)]
    layers = [LoraLayer(f"lora_unet_{number}", target, 4, alpha) for number, target in enumerate(targets)]
    for layer in layers:
        for weight in (layer.down, layer.up):
            weight.data.normal_(std=size, generator=generator)
    return LoraNetwork("sd1", {"unet": layers})


def matrix(down: Tensor, up: Tensor, scale: float) -> Tensor:
    return up.detach().double().flatten(1) @ down.detach().double().flatten(1) * scale


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
@pytest.mark.parametrize("size", [0.1, 3e-4])
def test_the_share_is_what_the_saved_file_has_lost(tmp_path: Path, precision: SavePrecision, size: float) -> None:
    # An alpha that neither fp16 nor bf16 can write down exactly.
    network = network_of(size, alpha=0.3)
    save_lora(network, tmp_path / "x.safetensors", precision=precision, metadata={})
    file = load_lora(tmp_path / "x.safetensors")
    lost = whole = 0.0
    for layer in network:
        change = matrix(layer.down, layer.up, layer.alpha / layer.rank)
        down, up = (file.tensors[f"{layer.name}.lora_{way}.weight"] for way in ("down", "up"))
        lost += (change - matrix(down, up, file.alpha(layer.name) / 4)).square().sum().item()
        whole += change.square().sum().item()
    assert rounding_losses(network, precision)[""] == pytest.approx(math.sqrt(lost / whole), rel=1e-6)


def test_bf16_loses_about_eight_times_what_fp16_does() -> None:
    network = network_of()
    assert 6 < rounding_losses(network, "bf16")[""] / rounding_losses(network, "fp16")[""] < 10


def test_float_loses_nothing() -> None:
    assert rounding_losses(network_of(), "float")[""] == 0


def test_what_is_too_small_for_fp16_is_lost_whole_and_not_in_bf16() -> None:
    network = network_of()
    for layer in network:
        layer.up.data.mul_(1e-8)
    assert rounding_losses(network, "fp16")[""] == 1
    assert rounding_losses(network, "bf16")[""] < 0.01


def test_what_is_too_large_for_fp16_is_no_share_at_all() -> None:
    network = network_of()
    next(iter(network)).up.data[0, 0] = 1e5
    assert rounding_losses(network, "fp16")[""] == math.inf


def test_a_network_that_changes_nothing_loses_nothing() -> None:
    assert rounding_losses(network_of(size=0), "fp16")[""] == 0


def test_each_part_has_a_share_of_its_own() -> None:
    unet, encoder = network_of().layers("unet"), network_of(size=1e-9).layers("unet")
    both = LoraNetwork("sd1", {"unet": unet, "text_encoder": encoder})
    shares = rounding_losses(both, "fp16")
    assert shares["text_encoder"] == pytest.approx(1)
    assert shares["unet"] == pytest.approx(rounding_losses(network_of(), "fp16")[""])
    assert shares[""] == pytest.approx(shares["unet"])
