"""Norm with SiLU, gated and quick GELU, frozen products: the modules' own numbers, less kept."""

import copy

import pytest
import torch
from diffusers.models import activations
from kept_bytes import kept_bytes
from torch import Tensor, nn
from torch.nn import functional
from transformers.activations import QuickGELUActivation

from trainer.lean.activations import GEGLU, QuickGELU
from trainer.lean.device_path import as_on_card, on_card
from trainer.lean.frozen_linear import frozen_linear
from trainer.lean.norm_silu import norm_silu


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(2, 16, 5, 6), (1, 8, 1, 1), (3, 8, 4, 1)])
def test_norm_and_silu_are_the_two_modules_bit_for_bit(
    dtype: torch.dtype, memory_format: torch.memory_format, shape: tuple[int, ...]
) -> None:
    norm, x = _norm(shape[1], dtype), torch.randn(shape, dtype=dtype).to(memory_format=memory_format)
    expected = _with_gradient(lambda of: functional.silu(norm(of)), x)
    found = _with_gradient(lambda of: norm_silu(norm, of), x)
    assert all(torch.equal(our, their) for our, their in zip(found, expected, strict=True))


def test_a_cards_way_of_norm_and_silu_gives_the_same() -> None:
    norm, x = _norm(16), torch.randn(2, 16, 5, 6).to(memory_format=torch.channels_last)
    expected = _with_gradient(lambda of: norm_silu(norm, of), x)
    with as_on_card():
        found = _with_gradient(lambda of: norm_silu(norm, of), x)
    for our, their in zip(found, expected, strict=True):
        torch.testing.assert_close(our, their)


def test_norm_and_silu_keep_their_input_alone() -> None:
    norm, x = _norm(16), torch.randn(2, 16, 32, 32, requires_grad=True)
    # The input, and the norm's output, which SiLU keeps.
    assert kept_bytes(lambda: functional.silu(norm(x))) > 2 * x.nbytes
    assert kept_bytes(lambda: norm_silu(norm, x)) < 1.01 * x.nbytes


def test_a_norm_that_trains_gets_its_gradient() -> None:
    norm = _norm(8).requires_grad_()
    norm_silu(norm, torch.randn(1, 8, 4, 4)).sum().backward()
    assert norm.weight.grad is not None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", [GEGLU, QuickGELU])
def test_activations_have_the_numbers_of_the_libraries(kind: type[nn.Module], dtype: torch.dtype) -> None:
    theirs = _activation().to(dtype) if kind is GEGLU else QuickGELUActivation()
    x = torch.randn(2, 7, 16, dtype=dtype)
    expected = _with_gradient(theirs, x)
    ours = copy.deepcopy(theirs)
    ours.__class__ = kind
    tolerance = 1e-5 if dtype == torch.float32 else 0.02
    for our, their in zip(_with_gradient(ours, x), expected, strict=True):
        torch.testing.assert_close(our, their, rtol=tolerance, atol=tolerance)


def test_a_gated_activation_keeps_its_projection_alone() -> None:
    theirs, x = _activation(), torch.randn(2, 7, 16, requires_grad=True)
    ours = copy.deepcopy(theirs)
    ours.__class__ = GEGLU
    projected = theirs.proj(x).nbytes
    assert kept_bytes(lambda: theirs(x)) == 1.5 * projected
    assert kept_bytes(lambda: ours(x)) == projected


def test_clips_activation_keeps_its_input_alone() -> None:
    x = torch.randn(2, 7, 16, requires_grad=True)
    assert kept_bytes(lambda: QuickGELUActivation()(x)) == 2 * x.nbytes
    assert kept_bytes(lambda: QuickGELU()(x)) == x.nbytes


@pytest.mark.parametrize("bias", [True, False])
def test_a_weight_made_for_the_call_is_not_kept(bias: bool) -> None:
    layer = nn.Linear(16, 24, bias=bias).requires_grad_(False)
    x = torch.randn(2, 5, 16)
    expected = _with_gradient(layer, x)
    # Of another type than its input, so that a weight is made of it.
    wide = copy.deepcopy(layer).double()
    for our, their in zip(_with_gradient(lambda of: frozen_linear(wide, of), x), expected, strict=True):
        torch.testing.assert_close(our, their)
    x.requires_grad_()
    assert kept_bytes(lambda: frozen_linear(wide, x)) == 0


def test_a_cards_path_is_followed_while_asked_for() -> None:
    x = torch.zeros(1)
    with as_on_card():
        with as_on_card():
            pass
        within = on_card(x)
    assert within
    assert not on_card(x)


def _norm(channels: int, dtype: torch.dtype = torch.float32) -> nn.GroupNorm:
    norm = nn.GroupNorm(4, channels)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
    return norm.requires_grad_(False).to(dtype)


def _activation() -> activations.GEGLU:
    return activations.GEGLU(16, 32).requires_grad_(False)


def _with_gradient(module: object, x: Tensor) -> tuple[Tensor, Tensor]:
    assert callable(module)
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    out = module(x)
    torch.manual_seed(1)
    (gradient,) = torch.autograd.grad(out, x, torch.randn(out.shape).to(out.dtype))
    return out.detach(), gradient
