"""Folded weights compute what a layer and the changes beside it do, and leave the layer as it was."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from trainer.lean.frozen_conv import FrozenConv2d
from trainer.network.folding import FoldedWeights
from trainer.network.lora import LoraLayer

CPU = torch.device("cpu")
PLENTY = 2**30


def linear() -> nn.Linear:
    return nn.Linear(24, 40)


def conv(kernel: int, padding: int, layout: torch.memory_format) -> FrozenConv2d:
    return FrozenConv2d(12, 20, kernel, padding=padding).to(memory_format=layout)


LAST, PLAIN = torch.channels_last, torch.contiguous_format
LAYERS: dict[str, Callable[[], nn.Linear | nn.Conv2d]] = {
    "linear": linear,
    "3x3": lambda: conv(3, 1, PLAIN),
    "3x3 channels last": lambda: conv(3, 1, LAST),
    "1x1": lambda: conv(1, 0, PLAIN),
    "1x1 channels last": lambda: conv(1, 0, LAST),
}


def frozen(make: Callable[[], nn.Linear | nn.Conv2d]) -> nn.Linear | nn.Conv2d:
    torch.manual_seed(1)
    layer = make()
    layer.requires_grad_(False)
    return layer


def lora(target: nn.Linear | nn.Conv2d, strength: float, seed: int = 1) -> LoraLayer:
    torch.manual_seed(seed)
    layer = LoraLayer("x", target, rank=4, alpha=2.0)
    for weight in (layer.down, layer.up):
        weight.requires_grad_(False).normal_()
    layer.strength = strength
    layer.attach()
    return layer


def given(target: nn.Module) -> Tensor:
    torch.manual_seed(5)
    if isinstance(target, nn.Linear):
        return torch.randn(2, 7, 24)
    return torch.randn(2, 12, 6, 6).contiguous(memory_format=LAST if target.weight.stride()[1] == 1 else PLAIN)


def error(found: Tensor, right: Tensor) -> float:
    return float((found - right).abs().max() / right.abs().max())


@pytest.mark.parametrize("kind", LAYERS)
@torch.no_grad()
def test_folded_changes_give_what_they_give_beside_the_layer(kind: str) -> None:
    target = frozen(LAYERS[kind])
    x, weight, before = given(target), target.weight.clone(), target.forward
    base = target(x)
    patches = [lora(target, 0.7), lora(target, -0.4, seed=2)]
    beside = target(x)
    assert error(base, beside) > 0.1
    folds = FoldedWeights()
    folds.fold(patches, CPU, PLENTY)
    assert type(target.__dict__["forward"]).__name__ == "_FoldedLayer"
    assert error(target(x), beside) < 1e-5
    folds.unfold()
    assert torch.equal(target(x), beside)
    for patch in reversed(patches):
        patch.remove()
    assert torch.equal(target.weight, weight)
    assert target.forward == before


@torch.no_grad()
def test_a_change_of_strength_0_between_them_counts_for_nothing() -> None:
    target = frozen(linear)
    baking, ours = lora(target, 0.0, seed=3), lora(target, 1.0)
    beside = target(given(target))
    folds = FoldedWeights()
    folds.fold([ours], CPU, PLENTY)
    assert error(target(given(target)), beside) < 1e-5
    assert baking.strength == 0
    folds.fold([baking], CPU, PLENTY)
    assert torch.equal(target(given(target)), beside)


@torch.no_grad()
def test_folded_again_they_are_the_new_changes_in_the_same_memory() -> None:
    target = frozen(linear)
    patch = lora(target, 1.0)
    folds = FoldedWeights()
    folds.fold([patch], CPU, PLENTY)
    place = target.forward._weight.data_ptr()
    folds.unfold()
    patch.strength = 0.25
    beside = target(given(target))
    # No room is asked for what is there.
    folds.fold([patch], CPU, 0)
    assert target.forward._weight.data_ptr() == place
    assert error(target(given(target)), beside) < 1e-5


def test_a_layer_that_something_else_sits_on_stays_as_it_is() -> None:
    target = frozen(linear)
    other, ours = lora(target, 1.0, seed=3), lora(target, 1.0)
    before = target.__dict__["forward"]
    folds = FoldedWeights()
    folds.fold([ours], CPU, PLENTY)
    assert target.__dict__["forward"] is before
    other.remove()


def test_beside_another_librarys_forward_nothing_is_folded() -> None:
    target = frozen(linear)
    target.__dict__["forward"] = lambda x: x
    ours = lora(target, 1.0)
    FoldedWeights().fold([ours], CPU, PLENTY)
    assert target.__dict__["forward"] == ours.forward


def test_in_half_precision_nothing_is_folded() -> None:
    target = frozen(linear)
    target.to(torch.bfloat16)
    ours = lora(target, 1.0)
    FoldedWeights().fold([ours], CPU, PLENTY)
    assert target.__dict__["forward"] == ours.forward


def test_where_less_than_twice_the_weights_is_free_nothing_is_folded() -> None:
    target = frozen(linear)
    ours = lora(target, 1.0)
    folds = FoldedWeights()
    folds.fold([ours], CPU, 2 * target.weight.nbytes - 1)
    assert target.__dict__["forward"] == ours.forward
    folds.fold([ours], CPU, 2 * target.weight.nbytes)
    assert target.__dict__["forward"] != ours.forward
