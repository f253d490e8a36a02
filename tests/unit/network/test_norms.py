import pytest
import torch
from torch import Tensor, nn

from trainer.network.injection import LoraNetwork
from trainer.network.lora import LoraLayer
from trainer.network.norms import limit_norms, product_norm


def layer_on(target: nn.Linear | nn.Conv2d, size: float, *, alpha: float = 2.0) -> LoraLayer:
    """Return a layer of rank 4 whose weights are random and of about `size`."""
    layer = LoraLayer("x", target, 4, alpha)
    generator = torch.Generator().manual_seed(1)
    for weight in (layer.down, layer.up):
        weight.data.normal_(std=size, generator=generator)
    return layer


def change(layer: LoraLayer) -> Tensor:
    """Return the change as a whole matrix, fp64 [outputs, inputs · kernel]."""
    return layer.up.detach().double().flatten(1) @ layer.down.detach().double().flatten(1) * (layer.alpha / layer.rank)


@pytest.mark.parametrize("target", [nn.Linear(30, 20), nn.Conv2d(30, 20, 1), nn.Conv2d(30, 20, 3)], ids=str)
def test_the_norm_of_the_product_is_that_of_the_whole_matrix(target: nn.Linear | nn.Conv2d) -> None:
    layer = layer_on(target, 1.0, alpha=4)
    assert product_norm(layer.down, layer.up).item() == pytest.approx(change(layer).norm().item(), rel=1e-6)


@pytest.mark.parametrize("target", [nn.Linear(30, 20), nn.Conv2d(30, 20, 3)], ids=str)
def test_a_change_that_is_too_long_is_shortened_to_the_limit(target: nn.Linear | nn.Conv2d) -> None:
    layer = layer_on(target, 1.0)
    before = change(layer)
    limit_norms([layer], 1.5)
    assert before.norm() > 3
    assert torch.allclose(change(layer), before * (1.5 / before.norm()), rtol=1e-5)


def test_down_and_up_shrink_by_the_same_factor() -> None:
    layer = layer_on(nn.Linear(30, 20), 1.0)
    down, up = layer.down.detach().clone(), layer.up.detach().clone()
    factor = (1.5 / change(layer).norm()).sqrt().item()
    limit_norms([layer], 1.5)
    assert torch.allclose(layer.down, down * factor) and torch.allclose(layer.up, up * factor)


@pytest.mark.parametrize("size", [0.0, 1e-30, 0.1])
def test_a_change_that_is_short_enough_keeps_its_bits(size: float) -> None:
    layer = layer_on(nn.Linear(30, 20), size)
    down, up = layer.down.detach().clone(), layer.up.detach().clone()
    assert change(layer).norm() < 1.5
    limit_norms([layer], 1.5)
    assert torch.equal(layer.down, down) and torch.equal(layer.up, up)


def test_a_network_limits_the_parts_that_train_alone() -> None:
    layers = [layer_on(nn.Linear(30, 20), 1.0) for _ in range(2)]
    network = LoraNetwork("sd1", {"unet": layers[:1], "text_encoder": layers[1:]})
    stopped = layers[1].down.detach().clone()
    network.train_only(["unet"])
    network.limit_norms(1.5)
    assert change(layers[0]).norm().item() == pytest.approx(1.5)
    assert torch.equal(layers[1].down, stopped)


def test_the_limit_waits_for_no_number() -> None:
    """A device without numbers has none to wait for; reading one raises there."""
    layer = LoraLayer("x", nn.Linear(30, 20, device="meta"), 4, 2)
    with pytest.raises(RuntimeError):
        product_norm(layer.down, layer.up).item()
    limit_norms([layer], 1.5)
