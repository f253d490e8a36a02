"""What a state holds of an optimizer: put into a new one or into one that went on, it continues to the same bits."""

import json
from typing import Any

import pytest
import torch
from foreign_optimizers import SUPPORTED
from torch import Tensor, nn

from trainer.bake.optimizer import make_optimizer
from trainer.bake.saving.optimizer_state import (
    OptimizerState,
    groups_of_format_1,
    named_weights,
    pack_optimizer,
    unpack_optimizer,
)
from trainer.network.injection import LoraNetwork
from trainer.network.lora import LoraLayer
from trainer.settings.model import Settings


class Trained:
    """A small network with an optimizer, and seeded steps."""

    def __init__(self, name: str, *arguments: str, **values: Any) -> None:
        torch.manual_seed(0)
        layers = {
            "unet": [LoraLayer("u", nn.Linear(3, 4), 2, 1)],
            "text_encoder": [LoraLayer("t", nn.Conv2d(3, 4, 1), 2, 1)],
        }
        self.network = LoraNetwork("sd1", layers)
        for weight in self.network.parameters():
            nn.init.normal_(weight)
        self.weights = named_weights(self.network)
        chosen = {"optimizer_type": f"torch.optim.{name}", "optimizer_args": list(arguments), "unet_lr": 1e-2}
        self.optimizer = make_optimizer(self.network, Settings.model_validate({**chosen, **values}), "sd1")

    def steps(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            generator = torch.Generator().manual_seed(number)
            for weight in self.weights.values():
                weight.grad = torch.randn(weight.shape, generator=generator)
            self.optimizer.step()

    def state(self) -> tuple[dict[str, Tensor], OptimizerState]:
        """Return copies of the weights, and the state as a file would give it."""
        kept = pack_optimizer(self.optimizer, self.optimizer.param_groups, self.weights)
        tensors = {name: tensor.detach().clone() for name, tensor in kept.tensors.items()}
        facts = json.loads(json.dumps([kept.weights, kept.groups, kept.attributes, kept.shared]))
        return self.bits(), OptimizerState(tensors, *facts)

    def put_back(self, weights: dict[str, Tensor], kept: OptimizerState) -> None:
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(weights[name])
        trained = list(self.weights.values())
        unpack_optimizer(kept, self.optimizer, self.optimizer.param_groups, self.weights, trained)

    def bits(self) -> dict[str, Tensor]:
        return {name: weight.detach().clone() for name, weight in self.weights.items()}


@pytest.fixture(autouse=True)
def foreign(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in SUPPORTED:
        monkeypatch.setattr(torch.optim, kind.__name__, kind, raising=False)


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", [*(kind.__name__ for kind in SUPPORTED), "NAdam", "ASGD"])
@pytest.mark.parametrize("into", ["a new one", "one that went on", "one that has done nothing yet"])
def test_it_continues_to_the_same_bits(name: str, into: str) -> None:
    whole = Trained(name)
    before = 0 if into == "one that has done nothing yet" else 3
    whole.steps(1, before)
    weights, kept = whole.state()
    whole.steps(before + 1, 6)
    end = whole.bits()
    again = Trained(name) if into == "a new one" else whole
    again.put_back(weights, kept)
    again.steps(before + 1, 6)
    assert equal(again.bits(), end)
    assert not equal(end, weights)


def test_only_what_has_changed_is_held() -> None:
    trained = Trained("SwitchesItself")
    assert trained.state()[1].groups == {"unet/1.0": {}, "text_encoder/1.0": {}}
    trained.steps(1, 1)
    groups = trained.state()[1].groups
    assert groups["unet/1.0"] == {
        "seen": {"was": None, "now": 1},
    }
    trained.steps(2, 5)
    changed = trained.state()[1].groups["unet/1.0"]
    assert changed["warm"] == {"was": False, "now": True} and changed["phase"] == {"was": "early", "now": "late"}


def test_an_option_changed_for_a_fork_is_the_forks_and_counts_go_on() -> None:
    parent, fork = Trained("CountsInGroup", "drag=0.25"), Trained("CountsInGroup", "drag=0.5")
    parent.steps(1, 3)
    fork.put_back(*parent.state())
    assert [(group["drag"], group["step"]) for group in fork.optimizer.param_groups] == [(0.5, 3), (0.5, 3)]


def test_an_option_that_the_optimizer_changed_goes_on_unless_the_fork_starts_it_elsewhere() -> None:
    parent = Trained("CountsInGroup", "drag=0.25")
    parent.steps(1, 1)
    parent.optimizer.param_groups[0]["drag"] = 0.125
    for start, expected in (("0.25", 0.125), ("0.5", 0.5)):
        fork = Trained("CountsInGroup", f"drag={start}")
        fork.put_back(*parent.state())
        assert fork.optimizer.param_groups[0]["drag"] == expected


def test_a_group_that_a_fork_divides_knows_its_step_count() -> None:
    parent, fork = Trained("CountsInGroup"), Trained("CountsInGroup", loraplus_unet_lr_ratio=4)
    parent.steps(1, 3)
    fork.put_back(*parent.state())
    assert [group["step"] for group in fork.optimizer.param_groups] == [3, 3, 3]


def test_states_of_the_first_format_give_numbers_and_tensors_to_their_groups() -> None:
    trained = Trained("CountsInGroup", "drag=0.5")
    group = trained.optimizer.param_groups[0]
    plain = {"unet/1.0": {"drag": 0.25, "step": 7, "foreach": None}}
    found = groups_of_format_1(plain, {"groups/unet/1.0/speed": torch.ones(1)}, trained.optimizer, {"drag": 0.5})
    assert found["unet/1.0"] == {
        "step": {"now": 7},
        "foreach": {"now": None},
        "speed": {"now": {"tensor": "groups/unet/1.0/speed"}},
    }
    assert group["drag"] == 0.5
    without = groups_of_format_1(plain, {}, trained.optimizer, {})
    assert without["unet/1.0"]["drag"] == {"was": 0.5, "now": 0.25}
