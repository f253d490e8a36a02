"""Products with frozen weights: the same numbers by either library, and each where it is meant to be."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from trainer.lean import weight_product
from trainer.lean.device_path import as_on_card
from trainer.lean.frozen_linear import frozen_linear
from trainer.lean.weight_product import by_onednn, times_transposed, times_weight

_WEIGHT = (48, 40)


@pytest.fixture(params=[True, False])
def onednn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Let oneDNN multiply by every weight in fp32, or by none."""
    wanted: bool = request.param
    monkeypatch.setattr(weight_product, "_AVX512", wanted)
    monkeypatch.setattr(weight_product, "_LARGE_WEIGHT", 0)
    return wanted


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("turned", [True, False])
def test_both_products_are_those_of_the_numbers(onednn: bool, dtype: torch.dtype, turned: bool) -> None:
    weight, bias, x, gradient = (torch.randn(shape).to(dtype) for shape in (_WEIGHT, (48,), (2, 3, 40), (6, 48)))
    if turned:
        x, gradient = x.mT.contiguous().mT, gradient.t().contiguous().t()
    near = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 0.1}
    exact = (each.double() for each in (x, weight, bias, gradient))
    of_x, of_weight, of_bias, of_gradient = exact
    for found, expected in (
        (times_weight(x, weight, bias), of_x @ of_weight.T + of_bias),
        (times_weight(x, weight), of_x @ of_weight.T),
        (times_transposed(gradient, weight), of_gradient @ of_weight),
    ):
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), expected, **near)


def test_onednn_is_asked_for_large_weights_in_fp32_on_a_cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_product, "_AVX512", True)
    large, small = torch.empty(320, 320), torch.empty(128, 320)
    assert by_onednn(large)
    assert not by_onednn(small)
    assert not by_onednn(large.bfloat16())
    with as_on_card():
        assert not by_onednn(large)
    monkeypatch.setattr(weight_product, "_AVX512", False)
    assert not by_onednn(large)


def test_a_frozen_layer_passes_the_gradient_on_by_either_library(onednn: bool) -> None:
    layer = nn.Linear(40, 48).requires_grad_(False)
    x = torch.randn(2, 6, 40, requires_grad=True)
    with _Seen() as seen:
        (found,) = torch.autograd.grad(frozen_linear(layer, x).square().sum(), x)
    (expected,) = torch.autograd.grad(layer(x).square().sum(), x)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert ("mkldnn::_linear_pointwise" in seen.names) == onednn


def test_operations_are_counted_by_either_library(onednn: bool) -> None:
    weight, x = torch.empty(_WEIGHT), torch.empty(2, 3, 40)
    with FlopCounterMode(display=False) as counter:
        times_transposed(times_weight(x, weight), weight)
    assert counter.get_total_flops() == 2 * (2 * 6 * 40 * 48)


class _Seen(TorchDispatchMode):
    """The names of the operations that ran."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None) -> Tensor:  # type: ignore[no-untyped-def]
        self.names.add(func.name().partition(".")[0])
        found: Tensor = func(*args, **(kwargs or {}))
        return found
