"""The rates that the optimizer really runs with, against numbers by hand."""

from typing import Any

import pytest
import torch

from trainer.bake.optimizer import make_optimizer, set_learning_rates
from trainer.errors import SettingsError
from trainer.jobs.preflight import prepare
from trainer.settings.model import Settings

PARTS = ("unet", "text_encoder", "text_encoder_2")


@pytest.fixture
def network() -> Any:
    from torch import nn

    from trainer.network.injection import LoraNetwork
    from trainer.network.lora import LoraLayer

    return LoraNetwork("sdxl", {part: [LoraLayer(f"lora_{part}", nn.Linear(2, 3), 1, 1)] for part in PARTS})


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


def rates_at(step: int, settings: Settings, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    return dict(set_learning_rates(optimizer, settings, prepare(settings).plan, step))


@pytest.mark.parametrize("name", CURVES)
def test_each_schedule_sets_both_groups_rates(make_settings: Any, network: Any, name: str) -> None:
    settings = make_settings(
        lr_scheduler=name,
        lr_warmup_steps="0" if name == "constant" else "2",
        lr_scheduler_num_cycles=2,
        max_train_steps=10,
    )
    plan = prepare(settings).plan
    optimizer = make_optimizer(network, settings, "sd1")
    for step, share in CURVES[name].items():
        rates = set_learning_rates(optimizer, settings, plan, step)
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(
            [2e-3 * share, 1e-3 * share], abs=1e-9
        )
        assert rates == pytest.approx({"unet": 2e-3 * share, "text_encoder": 1e-3 * share}, abs=1e-9)


def test_the_text_encoder_follows_its_own_schedule(make_settings: Any, network: Any) -> None:
    settings = make_settings(lr_scheduler="linear", text_encoder_lr_scheduler="constant", max_train_steps=10)
    rates = rates_at(6, settings, make_optimizer(network, settings, "sd1"))
    assert rates == pytest.approx({"unet": 1e-3, "text_encoder": 1e-3})


def test_sdxls_encoders_have_a_rate_each(make_settings: Any, network: Any) -> None:
    settings = make_settings(text_encoder_lr2=5e-4)
    rates = rates_at(1, settings, make_optimizer(network, settings, "sdxl"))
    assert rates == {"unet": 2e-3, "text_encoder": 1e-3, "text_encoder_2": 5e-4}


def test_lora_ups_learn_at_the_ratio_and_the_parts_rate_is_lora_downs(make_settings: Any, network: Any) -> None:
    settings = make_settings(loraplus_unet_lr_ratio=16, lr_scheduler="linear", max_train_steps=10)
    optimizer = make_optimizer(network, settings, "sd1")
    assert rates_at(6, settings, optimizer)["unet"] == pytest.approx(1e-3)
    downs, ups, _ = optimizer.param_groups
    assert (downs["lr"], ups["lr"]) == pytest.approx((1e-3, 16e-3))
    assert (downs["base_lr"], ups["base_lr"], downs["lr_multiplier"], ups["lr_multiplier"]) == (2e-3, 2e-3, 1, 16)
    layer = network.layers("unet")[0]
    assert (downs["params"], ups["params"]) == ([layer.down], [layer.up])


def test_without_a_ratio_a_part_is_one_group_of_its_weights_in_order(make_settings: Any, network: Any) -> None:
    groups = make_optimizer(network, make_settings(), "sd1").param_groups
    assert [group["params"] for group in groups] == [network.parameters(part) for part in ("unet", "text_encoder")]


def test_a_group_that_was_taken_away_is_not_missed(make_settings: Any, network: Any) -> None:
    settings = make_settings()
    optimizer = make_optimizer(network, settings, "sd1")
    del optimizer.param_groups[1]
    assert rates_at(1, settings, optimizer) == {"unet": 2e-3}


def test_a_part_without_layers_in_the_network_has_no_group(make_settings: Any) -> None:
    from torch import nn

    from trainer.network.injection import LoraNetwork
    from trainer.network.lora import LoraLayer

    unet_alone = LoraNetwork("sd1", {"unet": [LoraLayer("lora_unet_x", nn.Linear(2, 2), 1, 1)]})
    optimizer = make_optimizer(unet_alone, make_settings(), "sd1")
    assert [group["part"] for group in optimizer.param_groups] == ["unet"]


def test_a_part_of_rate_0_has_no_group_and_no_gradients(make_settings: Any, network: Any) -> None:
    optimizer = make_optimizer(network, make_settings(text_encoder_lr=0), "sd1")
    assert [group["part"] for group in optimizer.param_groups] == ["unet"]
    assert not any(weight.requires_grad for weight in network.parameters("text_encoder"))


def test_a_blank_rate_is_the_learning_rate(make_settings: Any, network: Any) -> None:
    optimizer = make_optimizer(network, make_settings(unet_lr=None, learning_rate=5e-4), "sd1")
    assert optimizer.param_groups[0]["lr"] == 5e-4


def test_two_rates_of_0_are_refused(make_settings: Any, network: Any) -> None:
    with pytest.raises(SettingsError, match="nothing would be learned"):
        make_optimizer(network, make_settings(unet_lr=0, text_encoder_lr=0), "sd1")
