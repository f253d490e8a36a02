from types import SimpleNamespace

import pytest
import torch
from encode_text import encode_text
from torch import Tensor, nn
from torch.nn import functional

from trainer.models.stable_diffusion.model import StableDiffusion
from trainer.network.injection import LayerRules, LoraNetwork, inject
from trainer.network.lora import LoraLayer
from trainer.settings.parts import all_parts, parts_of

TIMES = torch.tensor([10, 700])
NOISY = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(3))
CAPTIONS = ["1girl, smile", "1girl, red dress"]


@torch.no_grad()
def outputs(model: StableDiffusion) -> tuple[Tensor, Tensor]:
    text = encode_text(model, CAPTIONS, 1)
    return text.embeddings, model.predict(NOISY, TIMES, text)


def test_the_change_is_strength_times_alpha_over_rank_times_up_down() -> None:
    target = nn.Linear(2, 2, bias=False)
    target.weight.data = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer = LoraLayer("x", target, rank=1, alpha=0.5)
    layer.down.data = torch.tensor([[1.0, 1.0]])
    layer.up.data = torch.tensor([[2.0], [0.0]])
    layer.attach()
    layer.strength = 3.0
    # W x = (5, 11); down x = 3, up = (6, 0); 3 · 0.5 / 1 = 1.5.
    assert target(torch.tensor([1.0, 2.0])).tolist() == [5 + 1.5 * 6, 11]


def test_a_1x1_convolution_changes_as_the_same_matrix_would() -> None:
    conv, linear = nn.Conv2d(3, 5, 1), nn.Linear(3, 5)
    linear.load_state_dict({"weight": conv.weight[:, :, 0, 0], "bias": conv.bias})
    layers = [LoraLayer("x", target, rank=2, alpha=2) for target in (conv, linear)]
    for layer in layers:
        layer.init_weights(0)
        layer.up.data.fill_(0.3)
        layer.attach()
    x = torch.randn(1, 3, 4, 4)
    assert torch.allclose(conv(x), linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_3x3_convolution_changes_as_the_sum_of_both_weights_would(stride: int) -> None:
    conv = nn.Conv2d(3, 5, 3, stride=stride, padding=1)
    layer = LoraLayer("x", conv, rank=2, alpha=1)
    layer.init_weights(0)
    layer.up.data.fill_(0.3)
    change = torch.einsum("or,rihw->oihw", layer.up[:, :, 0, 0], layer.down) * 0.5
    x = torch.randn(1, 3, 7, 6)
    expected = functional.conv2d(x, conv.weight + change, conv.bias, stride, padding=1)
    layer.attach()
    assert torch.allclose(conv(x), expected, atol=1e-6)


def test_an_untrained_network_changes_nothing(demo: StableDiffusion) -> None:
    before = outputs(demo)
    network = inject(demo, LayerRules(4, 2), seed=0, parts=all_parts())
    after = outputs(demo)
    network.remove()
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))


def test_strength_0_is_the_base_bit_for_bit(demo: StableDiffusion, network: LoraNetwork) -> None:
    changed = outputs(demo)
    network.unet_strength = network.text_encoder_strength = 0.0
    silenced = outputs(demo)
    network.remove()
    base = outputs(demo)
    for layer in network:
        layer.attach()
    assert all(torch.equal(*pair) for pair in zip(base, silenced, strict=True))
    assert not any(torch.allclose(*pair, atol=0.01) for pair in zip(base, changed, strict=True))


def test_strength_0_leaves_the_branch_out() -> None:
    target = nn.Linear(2, 2)
    layer = LoraLayer("x", target, rank=1, alpha=1)
    base = target(torch.ones(2))
    layer.up.data.fill_(float("inf"))
    layer.down.data.fill_(1.0)
    layer.attach()
    layer.strength = 0.0
    assert torch.equal(target(torch.ones(2)), base)


def test_the_parts_have_strengths_of_their_own(demo: StableDiffusion, network: LoraNetwork) -> None:
    text, _ = outputs(demo)
    network.unet_strength = 0.0
    assert torch.equal(outputs(demo)[0], text)
    network.unet_strength, network.text_encoder_strength = 1.0, 0.5
    assert not torch.equal(outputs(demo)[0], text)
    assert (network.unet_strength, network.text_encoder_strength) == (1.0, 0.5)


def test_remove_leaves_no_trace(demo: StableDiffusion) -> None:
    network = inject(demo, LayerRules(4, 2), seed=0, parts=all_parts())
    modules = [module for root in (demo.unet, demo.text_encoder) for module in root.modules()]
    assert sum("forward" in module.__dict__ for module in modules) == 132
    network.remove()
    assert sum("forward" in module.__dict__ for module in modules) == 0


def test_remove_gives_back_a_forward_that_was_there() -> None:
    target = nn.Linear(2, 2)

    def theirs(x: Tensor) -> Tensor:
        return x + 1

    target.__dict__["forward"] = theirs
    layer = LoraLayer("x", target, rank=1, alpha=1)
    layer.attach()
    assert target(torch.zeros(2)).tolist() == [1, 1]
    layer.remove()
    assert target.__dict__["forward"] is theirs


def test_start_values_depend_on_seed_and_name_not_on_order(demo: StableDiffusion) -> None:
    both = inject(demo, LayerRules(4, 2), seed=7, parts=all_parts())
    drawn = {layer.name: layer.down.detach().clone() for layer in both}
    both.remove()
    alone = inject(demo, LayerRules(4, 2), seed=7, parts=["text_encoder"])
    again = {layer.name: layer.down.detach() for layer in alone}
    alone.remove()
    other = inject(demo, LayerRules(4, 2), seed=8, parts=["text_encoder"])
    others = {layer.name: layer.down.detach() for layer in other}
    other.remove()
    assert all(torch.equal(drawn[name], down) for name, down in again.items())
    assert not any(torch.equal(drawn[name], down) for name, down in others.items())


def test_layers_of_one_shape_start_differently() -> None:
    layers = [LoraLayer(name, nn.Linear(4, 4), rank=2, alpha=1) for name in "xy"]
    for layer in layers:
        layer.init_weights(0)
    assert not torch.equal(layers[0].down, layers[1].down)


def test_start_values_are_uniform_within_one_over_root_inputs() -> None:
    """kaiming_uniform with a = sqrt 5: bound sqrt(6 / (1 + 5)) / sqrt(inputs)."""
    layer = LoraLayer("x", nn.Linear(100, 3), rank=64, alpha=1)
    layer.init_weights(0)
    assert 0.099 < layer.down.abs().max().item() <= 0.1
    assert abs(layer.down.std().item() - 0.1 / 3**0.5) < 0.002
    assert not layer.up.any()


def test_drawing_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    LoraLayer("x", nn.Linear(4, 4).requires_grad_(False), rank=2, alpha=1).init_weights(3)
    layer_free = torch.rand(3)
    torch.manual_seed(5)
    nn.Linear(4, 4)
    assert torch.equal(layer_free, torch.rand(3)) and not torch.equal(layer_free, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_beside_a_half_base_the_lora_stays_fp32_and_the_output_half(dtype: torch.dtype) -> None:
    target = nn.Linear(8, 8).to(dtype)
    layer = LoraLayer("x", target, rank=2, alpha=2)
    layer.init_weights(0)
    layer.attach()
    out = target(torch.ones(1, 8, dtype=dtype))
    out.sum().backward()
    assert (layer.down.dtype, out.dtype) == (torch.float32, dtype)
    assert layer.up.grad is not None and layer.up.grad.dtype == torch.float32


def test_both_text_encoders_of_sdxl_follow_one_strength(tiny_sdxl: SimpleNamespace) -> None:
    parts = parts_of(tiny_sdxl.family)
    network = inject(tiny_sdxl, LayerRules(4, 2), seed=0, parts=parts)
    network.remove()
    network.text_encoder_strength = 0.5
    assert {part: {layer.strength for layer in network.layers(part)} for part in parts} == {
        "unet": {1.0},
        "text_encoder": {0.5},
        "text_encoder_2": {0.5},
    }
    network.set_strength("text_encoder_2", 0.25)
    assert [network.strength(part) for part in parts] == [1.0, 0.5, 0.25]


def test_downs_and_ups_are_the_weights_by_kind(network: LoraNetwork) -> None:
    weights = network.parameters("text_encoder")
    assert [id(down) for down in network.downs("text_encoder")] == [id(down) for down in weights[::2]]
    assert [id(up) for up in network.ups("text_encoder")] == [id(up) for up in weights[1::2]]


def test_only_the_parts_that_train_have_gradients(network: LoraNetwork) -> None:
    network.train_only({"text_encoder"})
    assert not any(weight.requires_grad for weight in network.parameters("unet"))
    assert all(weight.requires_grad for weight in network.parameters("text_encoder"))
    assert len(network.parameters()) == 2 * len(network) == 264
