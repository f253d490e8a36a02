"""A lean base: diffusers' and transformers' outputs and gradients, less kept, for good and under the same names."""

import copy
from typing import Any, cast

import pytest
import torch
from diffusers.models.resnet import ResnetBlock2D
from kept_bytes import kept_bytes
from tiny_bases import tiny_modules
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from trainer.lean import resnet
from trainer.lean.frozen_conv import FrozenConv2d
from trainer.lean.patch import make_lean


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_lean_unet_gives_the_same_output_and_gradients(family: str, memory_format: torch.memory_format) -> None:
    plain = tiny_modules(family)["unet"]
    expected = _with_gradients(plain, family)
    # Copied after: what a copy computes is its own.
    lean = copy.deepcopy(_lean(plain)).to(memory_format=memory_format)
    for our, their in zip(_with_gradients(lean, family), expected, strict=True):
        assert _error(our, their) < 1e-5


@pytest.mark.long
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_in_bf16_it_is_as_near_to_fp32_as_the_plain_one(family: str) -> None:
    plain = tiny_modules(family)["unet"]
    exact = _with_gradients(plain, family)
    plain.to(torch.bfloat16)
    theirs, ours = _with_gradients(plain, family), _with_gradients(_lean(plain), family)
    for right, our, their in zip(exact, ours, theirs, strict=True):
        assert _error(our, right) < 1.2 * _error(their, right)


@pytest.mark.parametrize("part", ["text_encoder", "text_encoder_2"])
def test_a_lean_text_encoder_gives_the_same(part: str) -> None:
    encoder = tiny_modules("sdxl")[part]
    lean = _lean(encoder)
    tokens = torch.randint(0, 49406, (2, 77))
    assert _error(lean(tokens)[0], encoder(tokens)[0]) < 1e-6


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_a_lean_unet_keeps_a_third_less(family: str) -> None:
    """Of a U-Net without LoRA layers; what remains is attention's and layer norms'."""
    plain = tiny_modules(family)["unet"]
    inputs = _inputs(plain, family)
    before, after = (kept_bytes(lambda each=each: each(**inputs)) for each in (plain, _lean(plain)))
    assert after < 0.7 * before


def test_a_lean_resnet_keeps_two_tensors_of_six() -> None:
    plain = ResnetBlock2D(in_channels=32, out_channels=32, temb_channels=16).requires_grad_(False).eval()
    x, temb = torch.randn(1, 32, 32, 32, requires_grad=True), torch.randn(1, 16)
    before, after = (kept_bytes(lambda each=each: each(x, temb)) / x.nbytes for each in (plain, _lean(plain)))
    assert before > 5.9
    assert after < 2.1


def test_unusual_blocks_stay_as_they_are() -> None:
    blocks = [
        ResnetBlock2D(in_channels=32, temb_channels=16, up=True),
        ResnetBlock2D(in_channels=32, temb_channels=16, time_embedding_norm="scale_shift"),
        ResnetBlock2D(in_channels=32, temb_channels=None),
        ResnetBlock2D(in_channels=32, temb_channels=16, output_scale_factor=2.0),
    ]
    for block in blocks:
        make_lean(block)
    assert all(type(block) is ResnetBlock2D for block in blocks)


def test_class_names_by_which_kohyas_targets_are_found_stay() -> None:
    plain = tiny_modules("sdxl")["unet"]
    names = [type(module).__name__ for module in plain.modules()]
    lean = [type(module).__name__.replace("FrozenConv2d", "Conv2d") for module in _lean(plain).modules()]
    assert lean == names


def test_a_resnet_hears_what_is_put_on_its_layers() -> None:
    """As LoRA layers are: a forward of the instance."""
    block = _lean(ResnetBlock2D(in_channels=32, out_channels=64, temb_channels=16).requires_grad_(False).eval())
    assert type(block) is resnet.ResnetBlock2D
    x, temb = torch.randn(1, 32, 4, 4), torch.randn(1, 16)
    for name in ("conv1", "conv2", "time_emb_proj", "conv_shortcut"):
        layer = cast(nn.Module, getattr(block, name))
        before, own = block(x, temb), layer.forward
        layer.__dict__["forward"] = lambda x, own=own: own(x) * 2
        assert not torch.equal(block(x, temb), before)
        del layer.__dict__["forward"]


def test_gradient_checkpointing_gives_the_same() -> None:
    lean = _lean(tiny_modules("sd1")["unet"])
    expected = _with_gradients(lean, "sd1")
    lean.enable_gradient_checkpointing()
    for our, their in zip(_with_gradients(lean, "sd1"), expected, strict=True):
        assert _error(our, their) < 1e-6


def test_a_lean_unet_runs_on_fake_tensors() -> None:
    lean = _lean(tiny_modules("sdxl")["unet"])
    with FakeTensorMode(allow_non_fake_inputs=True):
        found = _with_gradients(lean, "sdxl")
    assert [each.shape for each in found] == [(2, 4, 32, 32), (2, 4, 32, 32), (2, 77, 64)]


def test_made_lean_twice_is_made_lean_once() -> None:
    lean = _lean(tiny_modules("sd1")["unet"])
    kinds = [type(module) for module in lean.modules()]
    make_lean(lean)
    assert [type(module) for module in lean.modules()] == kinds
    assert FrozenConv2d in kinds


def _lean(module: Any) -> Any:
    lean = copy.deepcopy(module)
    make_lean(lean)
    return lean


def _inputs(unet: Any, family: str) -> dict[str, Any]:
    torch.manual_seed(1)
    dtype = unet.conv_in.weight.dtype
    noisy = torch.randn(2, 4, 32, 32).to(dtype).requires_grad_()
    text = torch.randn(2, 77, unet.config.cross_attention_dim).to(dtype).requires_grad_()
    inputs: dict[str, Any] = {"sample": noisy, "timestep": torch.tensor([3, 700]), "encoder_hidden_states": text}
    if family == "sdxl":
        pooled, sizes = torch.randn(2, 32).to(dtype), torch.tensor([[256, 256, 0, 0, 256, 256]] * 2)
        inputs["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": sizes}
    return inputs


def _with_gradients(unet: Any, family: str) -> list[Tensor]:
    inputs = _inputs(unet, family)
    out = unet(**inputs).sample
    weights = torch.randn(out.shape).to(out.dtype)
    gradients = torch.autograd.grad(out, (inputs["sample"], inputs["encoder_hidden_states"]), weights)
    return [out.detach(), *gradients]


def _error(found: Tensor, right: Tensor) -> float:
    """Return the length of the difference by the length of what is right."""
    return float((found.float() - right.float()).norm() / right.float().norm())
