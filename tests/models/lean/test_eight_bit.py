"""Layers of 8 bits: which they are, what they compute, and what no conversion of their module may do to them."""

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from real_shapes import real_modules
from tiny_bases import tiny_modules
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from trainer.lean.eight_bit import EightBit, make_eight_bit
from trainer.lean.patch import make_lean
from trainer.lean.quantized import Kind, weight_of
from trainer.network.injection import targets

torch.set_num_threads(1)

KINDS: tuple[Kind, Kind] = ("int8", "fp8")
GIB = 2**30


@pytest.fixture(scope="module")
def tiny() -> dict[str, dict[str, Any]]:
    return {family: tiny_modules(family) for family in ("sd1", "sdxl")}


def holder(layer: nn.Module, kind: Kind) -> Any:
    """Return a frozen copy of a layer in 8 bits, as a module of the U-Net would hold it."""
    root = nn.Module()
    root.down_blocks = nn.ModuleList([copy.deepcopy(layer).requires_grad_(False)])
    make_eight_bit(root, "unet", kind)
    return root


def encoded(layer: nn.Module, kind: Kind) -> Any:
    return holder(layer, kind).down_blocks[0]


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(24, 40), (2, 7, 24)),
    "no bias": (lambda: nn.Linear(24, 40, bias=False), (2, 7, 24)),
    "3x3": (lambda: nn.Conv2d(8, 12, 3, padding=1), (2, 8, 6, 5)),
    "downsampler": (lambda: nn.Conv2d(8, 8, 3, stride=2, padding=1), (2, 8, 6, 5)),
    "1x1": (lambda: nn.Conv2d(8, 12, 1), (2, 8, 6, 5)),
    "more weight than picture": (lambda: nn.Conv2d(256, 256, 3, padding=1), (1, 256, 2, 2)),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_and_its_gradient_are_those_of_the_rounded_weight(
    name: str, layout: torch.memory_format, kind: Kind
) -> None:
    torch.manual_seed(0)
    make, shape = LAYERS[name]
    plain = make().to(memory_format=layout)
    found = encoded(plain, kind)
    with torch.no_grad():
        plain.weight.copy_(weight_of(found, torch.float32))
    x = torch.randn(shape)
    x = x.contiguous(memory_format=layout) if x.dim() == 4 else x
    outputs, gradients = [], []
    for layer in (plain, found):
        seen = x.clone().requires_grad_()
        out = layer(seen)
        outputs.append(out)
        gradients.append(torch.autograd.grad(out.square().sum(), seen)[0])
    torch.testing.assert_close(outputs[1], outputs[0])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", LAYERS)
def test_nothing_is_kept_for_the_backward_pass(name: str) -> None:
    make, shape = LAYERS[name]
    layer, kept = encoded(make(), "int8"), []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.shape), lambda _: None):
        layer(torch.randn(shape, requires_grad=True))
    assert kept == []


CONVERSIONS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "to(bf16)": lambda module: module.to(torch.bfloat16),
    "half": lambda module: module.half(),
    "double": lambda module: module.double(),
    "to(channels last)": lambda module: module.to(memory_format=torch.channels_last),
    "device and type": lambda module: module.to("cpu", torch.float16),
    "a deep copy": copy.deepcopy,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_no_conversion_changes_the_numbers(conversion: str, kind: Kind) -> None:
    torch.manual_seed(0)
    root = holder(nn.Conv2d(8, 12, 3), kind)
    codes, factors = root.down_blocks[0].weight.clone(), root.down_blocks[0].factors.clone()
    layer: Any = CONVERSIONS[conversion](root).down_blocks[0]
    assert isinstance(layer, EightBit)
    assert torch.equal(layer.weight, codes)
    assert torch.equal(layer.factors, factors)
    assert layer.factors.dtype == torch.float32
    assert not layer.weight.requires_grad


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_all_but_the_first_and_the_last_layers_hold_8_bits(tiny: dict[str, dict[str, Any]], family: str) -> None:
    plain = set()
    parts: dict[Any, Any] = copy.deepcopy({part: each for part, each in tiny[family].items() if part != "vae"})
    for part, module in parts.items():
        found = make_eight_bit(module, part, "int8")
        every = {name for name, each in module.named_modules() if isinstance(each, nn.Linear | nn.Conv2d)}
        plain |= {name.removesuffix("_1").removesuffix("_2") for name in every - found.keys()}
        assert all(weight.is_floating_point() for name, weight in module.named_parameters() if name[-7:] != ".weight")
    unet = {"conv_in", "conv_out", "time_embedding.linear"}
    assert plain == (unet if family == "sd1" else unet | {"add_embedding.linear", "text_projection"})


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_kohyas_targets_are_found_as_before(tiny: dict[str, dict[str, Any]], family: str) -> None:
    modules = copy.deepcopy({part: module for part, module in tiny[family].items() if part != "vae"})
    model: Any = SimpleNamespace(family=family, body=modules.pop("unet"), encoders=modules)
    parts = {"unet": model.body, **modules}
    before = {part: list(targets(model, part, "conv")) for part in parts}
    for part, module in parts.items():
        make_eight_bit(module, part, "fp8")
        after = targets(model, part, "conv")
        assert list(after) == before[part]
        assert all(isinstance(layer, EightBit) for layer in after.values())


@pytest.mark.parametrize("lean_first", [True, False])
def test_a_lean_base_may_become_one_of_8_bits_and_the_other_way_round(
    tiny: dict[str, dict[str, Any]], lean_first: bool
) -> None:
    unet = copy.deepcopy(tiny["sd1"]["unet"]).requires_grad_(False)
    x, text = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 32)
    plain = copy.deepcopy(unet)
    if lean_first:
        make_lean(unet)
    make_eight_bit(unet, "unet", "int8")
    make_lean(unet)
    with torch.no_grad():
        for (name, layer), (_, before) in zip(unet.named_modules(), plain.named_modules(), strict=True):
            if isinstance(layer, EightBit):
                before.weight.copy_(weight_of(layer, torch.float32))
                assert type(layer).__name__.startswith("EightBit"), name
        torch.testing.assert_close(unet(x, 500, text).sample, plain(x, 500, text).sample, rtol=1e-4, atol=1e-4)


def test_shapes_without_numbers_become_those_that_numbers_have(tiny: dict[str, dict[str, Any]]) -> None:
    def told(module: nn.Module) -> dict[str, object]:
        return {name: (each.shape, each.dtype) for name, each in module.state_dict().items()}

    real, meta = (copy.deepcopy(tiny["sd1"]["unet"]) for _ in range(2))
    fake = copy.deepcopy(meta.to("meta"))
    with FakeTensorMode(allow_non_fake_inputs=True):
        fake.to_empty(device="cpu")
        make_eight_bit(fake, "unet", "fp8")
        fake.requires_grad_(False)
        block = fake.down_blocks[0].resnets[0]
        x, time = torch.empty(1, 32, 8, 8, requires_grad=True), torch.empty(1, 128)
        out = block(x, time)
        gradient: Tensor = torch.autograd.grad(out.sum(), x)[0]
    for module in (real, meta):
        make_eight_bit(module, "unet", "fp8")
    assert told(real) == told(meta) == told(fake)
    assert out.shape == gradient.shape == (1, 32, 8, 8)


@pytest.mark.parametrize(
    ("family", "most"),
    [
        ("sd1", {"unet": 0.81, "text_encoder": 0.16}),
        # Building SDXL's shapes alone takes seconds.
        pytest.param("sdxl", {"unet": 2.41, "text_encoder": 0.16, "text_encoder_2": 0.72}, marks=pytest.mark.long),
    ],
)
def test_real_bases_take_half_of_what_bf16_takes(family: str, most: dict[Any, float]) -> None:
    modules = real_modules(family)
    for part, gib in most.items():
        module = modules[part]
        make_eight_bit(module, part, "int8")
        held = sum(each.nbytes for each in nn.Module.to(module, torch.bfloat16).state_dict().values())
        assert gib - 0.02 < held / GIB < gib
