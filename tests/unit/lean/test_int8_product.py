"""Products in int8: how near they come to the usual ones, and where they are not taken."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainer.lean.eight_bit import EightBitConv2d, EightBitLinear, int8_layers, int8_shapes, make_eight_bit
from trainer.lean.frozen_linear import frozen_gradient, frozen_linear, frozen_product
from trainer.lean.int8_product import int8_time, rounded_rows
from trainer.lean.quantized import Kind


class Blocks(nn.Module):
    """A Linear and two convolutions, where a U-Net has its blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.mid_block = nn.ModuleList([nn.Linear(64, 96), nn.Conv2d(64, 96, 1), nn.Conv2d(64, 96, 3)])


@pytest.fixture
def blocks() -> Blocks:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = Blocks().requires_grad_(False)
    make_eight_bit(found, "unet", "int8")
    return found


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def apart(found: Tensor, expected: Tensor) -> float:
    return float((found.float() - expected.float()).norm() / expected.float().norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("index", [0, 1])
def test_output_and_gradient_are_near_the_usual_ones_and_rounded(
    blocks: Blocks, index: int, dtype: torch.dtype
) -> None:
    layer: Any = blocks.mid_block[index]
    x, g = numbers(3, 10, 64).to(dtype), numbers(3, 10, 96).to(dtype)
    usual, usual_gradient = frozen_product(layer, x), frozen_gradient(layer, g)
    layer.int8_products = True
    found, gradient = frozen_product(layer, x), frozen_gradient(layer, g)
    assert found.dtype == gradient.dtype == dtype and found.shape == (3, 10, 96) and gradient.shape == x.shape
    assert 1e-4 < apart(found, usual) < 0.015 and 1e-4 < apart(gradient, usual_gradient) < 0.015
    # As autograd has it of the layer itself.
    asked = x.clone().requires_grad_()
    frozen_linear(layer, asked).backward(g)
    assert torch.equal(asked.grad, gradient)  # type: ignore[arg-type]  # there is one


def test_rows_of_very_different_size_are_each_as_exact(blocks: Blocks) -> None:
    layer: Any = blocks.mid_block[0]
    x = numbers(32, 64) * torch.logspace(-6, 4, 32)[:, None]
    bias, layer.bias = layer.bias, None
    usual = frozen_product(layer, x)
    layer.int8_products = True
    found = frozen_product(layer, x)
    layer.bias = bias
    assert max(apart(one, other) for one, other in zip(found, usual, strict=True)) < 0.02
    assert not rounded_rows(torch.zeros(2, 3))[0].any()
    assert torch.isfinite(frozen_product(layer, torch.zeros(32, 64))).all()


@pytest.mark.parametrize(("rows", "kind"), [(16, "int8"), (32, "fp8")])
def test_few_rows_and_another_format_are_computed_as_usual(rows: int, kind: Kind) -> None:
    linear: Any = Blocks().requires_grad_(False)
    make_eight_bit(linear, "unet", kind)
    layer = linear.mid_block[0]
    usual = frozen_product(layer, numbers(rows, 64))
    for each in int8_layers(linear):
        each.int8_products = True
    assert torch.equal(frozen_product(layer, numbers(rows, 64)), usual)


def test_layers_that_multiply_matrices_are_counted(blocks: Blocks) -> None:
    found = int8_layers(blocks)
    assert [type(layer) for layer in found] == [EightBitLinear, EightBitConv2d]
    assert int8_shapes(found) == {(96, 64): 2}


def test_the_trial_weighs_each_kind_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that knows how long each way of each kind takes: 4 × 10 + 1 × 1 seconds as usual, 4 × 5 + 1 × 9 in int8."""
    moments = iter([0, 10, 0, 5] * 3 + [0, 1, 0, 9] * 3)
    monkeypatch.setattr("trainer.lean.int8_product.time.perf_counter", lambda: float(next(moments)))
    found = int8_time({(16, 8): 4, (8, 8): 1}, torch.float32, torch.device("cpu"))
    assert found == pytest.approx((4 * 5 + 9) / (4 * 10 + 1))
