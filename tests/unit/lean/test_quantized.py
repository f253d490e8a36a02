"""8 bits and a factor a row: how near they come, and that every way to read them gives the same numbers."""

import itertools

import pytest
import torch
from torch import Tensor

from trainer.lean.device_path import as_on_card
from trainer.lean.quantized import Kind, dequantized, kind_of, quantize
from trainer.settings.model import Settings

KINDS: tuple[Kind, Kind] = ("int8", "fp8")
TYPES = (torch.float32, torch.bfloat16, torch.float16)


@pytest.fixture
def weight() -> Tensor:
    """A convolution's, its rows of very different sizes."""
    torch.manual_seed(0)
    return torch.randn(16, 24, 3, 3) * torch.logspace(-4, 1, 16).view(-1, 1, 1, 1)


def test_int8_is_off_by_half_a_step_of_its_row_at_most(weight: Tensor) -> None:
    found = dequantized(*quantize(weight, "int8"), torch.float32)
    largest = weight.abs().amax(dim=(1, 2, 3), keepdim=True)
    # The largest number itself may be cut: factors are numbers of bf16, so it stands for 126.75 to 127.25 codes.
    assert ((found - weight).abs() <= largest / 127 * 0.504).all()


def test_fp8_is_off_by_a_sixteenth_of_each_number_at_most(weight: Tensor) -> None:
    found = dequantized(*quantize(weight, "fp8"), torch.float32)
    # Below 2**-6 of 448 the steps grow no finer.
    finest = weight.abs().amax(dim=(1, 2, 3), keepdim=True) / 448 * 2.0**-10
    assert ((found - weight).abs() <= weight.abs() / 16 * 1.01 + finest).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_rows_largest_number_has_the_largest_code(weight: Tensor, kind: Kind) -> None:
    codes, factors = quantize(weight, kind)
    numbers = codes.float() if kind == "int8" else codes.view(torch.float8_e4m3fn).float()
    assert (numbers.abs().amax(dim=(1, 2, 3)) == {"int8": 127.0, "fp8": 448.0}[kind]).all()
    assert (factors == factors.bfloat16().float()).all()


@pytest.mark.parametrize(("dtype", "kind"), itertools.product(TYPES, KINDS))
def test_a_cpu_and_a_card_make_the_same_numbers(weight: Tensor, dtype: torch.dtype, kind: Kind) -> None:
    codes, factors = quantize(weight, kind)
    found = dequantized(codes, factors, dtype)
    with as_on_card():
        assert torch.equal(dequantized(codes, factors, dtype), found)
    assert found.dtype == dtype
    exact = dequantized(codes, factors, torch.float32)
    assert torch.equal(found, exact.to(dtype))


def test_every_number_of_float8_is_read_as_torch_reads_it() -> None:
    # All codes but the two that are no numbers, which rounding never gives.
    codes = torch.tensor([code for code in range(256) if code & 0x7F != 0x7F], dtype=torch.uint8).view(2, -1)
    factors = torch.tensor([1.0, 2.0**-20])
    expected = codes.view(torch.float8_e4m3fn).float() * factors[:, None]
    for dtype in (torch.float32, torch.bfloat16):
        assert torch.equal(dequantized(codes, factors, dtype), expected.to(dtype))


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_any_size_stay_finite_and_zeros_stay_zeros(kind: Kind) -> None:
    weight = torch.tensor([[0.0, 0.0], [65504.0, -1.0], [1e-30, -1e-30]])
    for dtype in (torch.float32, torch.bfloat16):
        found = dequantized(*quantize(weight, kind), dtype)
        assert torch.allclose(found.float(), weight, rtol=0.01, atol=300)
        assert (found[0] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_number_stays_none(kind: Kind) -> None:
    # A broken file must not become a base that computes something.
    for broken in (float("nan"), float("inf")):
        found = dequantized(*quantize(torch.tensor([[1.0, broken], [1.0, 2.0]]), kind), torch.float32)
        assert not torch.isfinite(found[0]).all()
        assert torch.isfinite(found[1]).all()


@pytest.mark.parametrize(("dtype", "kind"), itertools.product(TYPES, KINDS))
def test_the_memory_layout_is_the_weights(weight: Tensor, dtype: torch.dtype, kind: Kind) -> None:
    codes, factors = quantize(weight.contiguous(memory_format=torch.channels_last), kind)
    assert torch.equal(codes, quantize(weight, kind)[0])
    for each in (codes, dequantized(codes, factors, dtype)):
        assert each.is_contiguous(memory_format=torch.channels_last)


def test_the_settings_say_which() -> None:
    assert kind_of(Settings()) is None
    assert kind_of(Settings(int8_base=True)) == "int8"
    assert kind_of(Settings(fp8_base=True)) == "fp8"


@pytest.mark.parametrize(("kind", "layout"), itertools.product(KINDS, (torch.contiguous_format, torch.channels_last)))
def test_without_numbers_the_shapes_and_layouts_are_those_of_real_weights(
    weight: Tensor, kind: Kind, layout: torch.memory_format
) -> None:
    of_meta, real = ([*quantize(each.contiguous(memory_format=layout), kind)] for each in (weight.to("meta"), weight))
    assert [(each.dtype, each.shape, each.stride()) for each in of_meta] == [
        (each.dtype, each.shape, each.stride()) for each in real
    ]
    assert all(each.is_meta for each in of_meta)
