"""Frozen convolutions: the numbers of torch's own, and nothing kept but the layer."""

import copy

import pytest
import torch
from kept_bytes import kept_bytes
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from trainer.lean import frozen_conv
from trainer.lean.device_path import as_on_card
from trainer.lean.patch import make_lean

# channels in and out, kernel, stride, padding, picture.
_SHAPES = [
    (8, 96, 3, 1, 1, (5, 7)),
    (8, 96, 3, 2, 1, (7, 5)),
    (8, 96, 3, 2, 0, (6, 8)),
    (16, 96, 1, 1, 0, (4, 5)),
    (8, 96, 1, 2, 0, (5, 5)),
    (4, 8, 3, 1, 1, (9, 9)),
]


@pytest.fixture(params=["gathered", "convolved"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let small weights count as large ones, so that patches are gathered wherever there are fewer positions than outputs."""
    name: str = request.param
    monkeypatch.setattr(frozen_conv, "_LARGE_WEIGHT", 0 if name == "gathered" else 10**12)
    return name


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_output_and_gradient_are_torchs_own(
    way: str, shape: tuple[int, int, int, int, int, tuple[int, int]], batch: int, memory_format: torch.memory_format
) -> None:
    inputs, outputs, kernel, stride, padding, picture = shape
    layer = _conv(inputs, outputs, kernel, stride, padding).to(memory_format=memory_format)
    x = torch.randn(batch, inputs, *picture).to(memory_format=memory_format)
    ours, theirs = (_with_gradient(each, x) for each in (_lean(layer), layer))
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_few_positions_of_a_large_weight_are_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = (_lean(_conv(inputs, 96, 3, 1, 1).to(memory_format=torch.channels_last)) for inputs in (8, 7))
    monkeypatch.setattr(frozen_conv, "_LARGE_WEIGHT", large.weight.numel())
    counted: list[torch.Size] = []
    true = frozen_conv._output_by_patches

    def counting(of: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        counted.append(x.shape)
        return true(of, x, weight, bias)

    monkeypatch.setattr(frozen_conv, "_output_by_patches", counting)
    few, many = torch.randn(1, 8, 8, 12), torch.randn(1, 8, 8, 13)
    large(few), large(many), small(few[:, :7])
    with as_on_card():
        large(few)
    assert counted == [few.shape]


def test_bf16_is_as_near_to_fp32_as_torchs_own(way: str) -> None:
    layer = _conv(64, 96, 3, 1, 1).to(memory_format=torch.channels_last)
    x = torch.randn(1, 64, 8, 8).to(memory_format=torch.channels_last)
    exact = _with_gradient(layer, x)
    layer = layer.bfloat16()
    theirs, ours = _with_gradient(layer, x.bfloat16()), _with_gradient(_lean(layer), x.bfloat16())
    for right, our, their in zip(exact, ours, theirs, strict=True):
        # Nine taps are rounded before they are added, where a convolution rounds their sum.
        assert _error(our, right) < 1.6 * _error(their, right)


def test_nothing_is_kept_for_the_backward_pass(way: str) -> None:
    layer = _conv(8, 96, 3, 1, 1).to(memory_format=torch.channels_last)
    x = torch.randn(2, 8, 6, 6, requires_grad=True)
    assert kept_bytes(lambda: layer(x)) == x.nbytes
    assert kept_bytes(lambda: _lean(layer)(x)) == 0


def test_the_output_may_be_added_to_in_place(way: str) -> None:
    layer = _lean(_conv(8, 96, 3, 1, 1).to(memory_format=torch.channels_last))
    out = layer(torch.randn(1, 8, 4, 4, requires_grad=True))
    assert not out._is_view()


def test_it_runs_on_fake_tensors(way: str) -> None:
    layer = _lean(_conv(8, 96, 3, 2, 1).to(memory_format=torch.channels_last))
    with FakeTensorMode(allow_non_fake_inputs=True):
        x = torch.randn(2, 8, 9, 9, requires_grad=True)
        out = layer(x)
        out.sum().backward()
    assert out.shape == (2, 96, 5, 5)
    assert x.grad is not None
    assert x.grad.shape == x.shape


def test_a_weight_that_trains_gets_its_gradient() -> None:
    layer = _lean(_conv(4, 8, 3, 1, 1))
    layer.weight.requires_grad_()
    layer(torch.randn(1, 4, 5, 5)).sum().backward()
    assert layer.weight.grad is not None


def _conv(inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding).requires_grad_(False)


def _lean(layer: nn.Conv2d) -> nn.Conv2d:
    holder = nn.Sequential(copy.deepcopy(layer))
    make_lean(holder)
    found = holder[0]
    assert isinstance(found, frozen_conv.FrozenConv2d)
    return found


def _with_gradient(layer: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    out = layer(x)
    torch.manual_seed(1)
    (gradient,) = torch.autograd.grad(out, x, torch.randn(out.shape).to(out.dtype))
    return out.detach(), gradient


def _error(found: Tensor, right: Tensor) -> float:
    return float((found.float() - right).norm() / right.norm())
