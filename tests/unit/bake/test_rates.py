"""The rates that the optimizer really runs with, against numbers by hand."""

from typing import Any

import pytest
import torch

from trainer.bake.ground import survey
from trainer.bake.optimizer import make_optimizer
from trainer.bake.schedule import set_rates
from trainer.errors import SettingsError


@pytest.fixture
def network() -> Any:
    from torch import nn

    from trainer.network.injection import LoraNetwork
    from trainer.network.lora import LoraLayer

    return LoraNetwork(
        {
            "unet": [LoraLayer("lora_unet_x", nn.Linear(2, 2), 1, 1)],
            "text_encoder": [LoraLayer("lora_te_x", nn.Linear(2, 2), 1, 1)],
        }
    )


# 10 steps, warm-up 2 where there is one. Step 1 runs with the schedule's value at 0.
CURVES: dict[str, dict[int, float]] = {
    "constant": {1: 1, 2: 1, 10: 1},
    "constant_with_warmup": {1: 0, 2: 0.5, 3: 1, 10: 1},
    "linear": {1: 0, 2: 0.5, 3: 1, 7: 0.5, 10: 0.125},
    # p = (s - 2) / 8; 0.5 (1 + cos 0.5 π) = 0.5 at s = 6; cos π/4 = 0.70711 at s = 4
    "cosine": {1: 0, 2: 0.5, 3: 1, 5: 0.8535534, 7: 0.5, 10: 0.0380602},
    # two cycles of four steps: 1, 0.85355, 0.5, 0.14645 and again
    "cosine_with_restarts": {1: 0, 2: 0.5, 3: 1, 4: 0.8535534, 5: 0.5, 6: 0.1464466, 7: 1, 10: 0.1464466},
}


@pytest.mark.parametrize("name", CURVES)
def test_each_schedule_sets_both_groups_rates(make_settings: Any, network: Any, name: str) -> None:
    settings = make_settings(
        lr_scheduler=name,
        lr_warmup_steps="0" if name == "constant" else "2",
        lr_scheduler_num_cycles=2,
        max_train_steps=10,
    )
    plan = survey(settings).plan
    optimizer = make_optimizer(network, settings)
    for step, share in CURVES[name].items():
        rates = set_rates(optimizer, settings, plan, step)
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(
            [2e-3 * share, 1e-3 * share], abs=1e-9
        )
        assert rates == pytest.approx({"unet": 2e-3 * share, "text_encoder": 1e-3 * share}, abs=1e-9)


def test_a_part_of_rate_0_has_no_group_and_no_gradients(make_settings: Any, network: Any) -> None:
    optimizer = make_optimizer(network, make_settings(text_encoder_lr=0))
    assert [group["part"] for group in optimizer.param_groups] == ["unet"]
    assert not any(weight.requires_grad for weight in network.parameters("text_encoder"))


def test_a_blank_rate_is_the_learning_rate(make_settings: Any, network: Any) -> None:
    optimizer = make_optimizer(network, make_settings(unet_lr=None, learning_rate=5e-4))
    assert optimizer.param_groups[0]["lr"] == 5e-4


def test_two_rates_of_0_are_refused(make_settings: Any, network: Any) -> None:
    with pytest.raises(SettingsError, match="nothing would be learned"):
        make_optimizer(network, make_settings(unet_lr=0, text_encoder_lr=0))


def test_optimizer_arguments_reach_adamw(make_settings: Any, network: Any) -> None:
    settings = make_settings(optimizer_args=["weight_decay=0.3", "betas=0.8:0.95", "eps=1e-6"])
    group = make_optimizer(network, settings).param_groups[1]
    assert (group["weight_decay"], group["betas"], group["eps"]) == (0.3, (0.8, 0.95), 1e-6)


def test_without_arguments_adamw_has_torchs_defaults(make_settings: Any, network: Any) -> None:
    group = make_optimizer(network, make_settings()).param_groups[0]
    plain = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]
    assert all(group[key] == plain[key] for key in ("weight_decay", "betas", "eps", "amsgrad"))
