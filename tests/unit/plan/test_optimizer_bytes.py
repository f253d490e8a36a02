"""Bytes that an optimizer keeps: the formula against the optimizers themselves after a step."""

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainer.bake.optimizer import make_optimizer
from trainer.network.injection import LoraNetwork
from trainer.network.lora import LoraLayer
from trainer.plan.optimizer_bytes import MeasuredState, optimizer_bytes, optimizer_tensors
from trainer.settings.model import Settings


@pytest.fixture
def network() -> LoraNetwork:
    """Two layers: weights below and above what AdamW8bit holds in 8 bits, a convolution's, and ups of zeros."""
    layers = {
        "unet": [LoraLayer("u", nn.Linear(700, 301), 8, 1), LoraLayer("c", nn.Conv2d(64, 30, 3), 8, 1)],
        "text_encoder": [LoraLayer("t", nn.Linear(20, 40), 8, 1)],
    }
    network = LoraNetwork("sd1", layers)
    for layer in network:
        layer.init_weights(seed=1)
    return network


def kept(optimizer: torch.optim.Optimizer) -> int:
    """Return the bytes of all tensors in the state, one that several weights share counted once."""
    tensors = {id(t): t.nbytes for state in optimizer.state.values() for t in state.values() if isinstance(t, Tensor)}
    return sum(tensors.values())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("AdamW", []),
        ("AdamW", ["amsgrad=True"]),
        ("Adafactor", []),
        ("Adafactor", ["beta1=0.9"]),
        ("Lion", []),
        ("Prodigy", []),
        ("Prodigy", ["slice_p=11"]),
        ("Prodigy", ["betas=0:0.99"]),
        ("SGDNesterov", []),
        ("AdamW8bit", []),
        ("AdamW8bit", ["min_8bit_size=100"]),
        ("AdamW8bit", ["min_8bit_size=1000000"]),
    ],
)
def test_the_formula_gives_what_the_optimizer_keeps(name: str, arguments: list[str], network: LoraNetwork) -> None:
    if name == "AdamW8bit":
        pytest.importorskip("bitsandbytes")
    values: dict[str, Any] = {"optimizer_type": name, "optimizer_args": arguments, "unet_lr": 1, "text_encoder_lr": 1}
    settings = Settings.model_validate(values)
    optimizer = make_optimizer(network, settings, "sd1")
    weights = network.parameters()
    zeros = [not bool(weight.any()) for weight in weights]
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    shapes = [tuple(weight.shape) for weight in weights]
    assert optimizer_bytes(name, shapes, settings.optimizer_options, from_zero=zeros) == kept(optimizer)


def test_8_bits_take_a_quarter_of_adamw_and_less_than_a_lora_of_large_layers_alone() -> None:
    large, small = [(128, 1280)] * 2, [(8, 320)] * 2
    assert optimizer_tensors("AdamW8bit", large) == [163_840, 163_840, 2_560, 2_560] * 2 + [1024, 1024]
    # Below 4096 numbers both moments stay in 32 bits, and no table is needed.
    assert optimizer_tensors("AdamW8bit", small) == [10_240] * 4


def test_what_a_class_by_its_path_keeps_is_not_known() -> None:
    assert optimizer_bytes("torch.optim.NAdam", [(4, 4)]) is None
    assert optimizer_bytes("AdamW", []) == 0


def test_of_a_class_by_its_path_is_known_what_its_trial_saw_of_all_shapes() -> None:
    shapes = [(4, 320), (320, 4), (4, 320)]
    seen = MeasuredState({(4, 320): (5120, 4), (320, 4): (80,)}, 0.5)
    measured = MeasuredState.from_json(json.loads(json.dumps(seen.to_json())))
    assert measured == seen
    assert optimizer_tensors("some.Class", shapes, measured=measured) == [5120, 4, 80, 5120, 4, 1920]
    assert optimizer_tensors("some.Class", [*shapes, (8, 8)], measured=measured) is None
    assert optimizer_tensors("some.Class", shapes) is None
