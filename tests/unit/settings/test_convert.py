"""Conversion of settings to another alpha."""

from typing import Any

import pytest

from trainer.errors import SettingsError
from trainer.plan.rate_lines import rate_pairs
from trainer.settings.convert import convert_alpha, inexact
from trainer.settings.model import Settings


@pytest.mark.parametrize("alpha", [1, 0, 7, 128])
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"network_alpha": 0},
        {"loraplus_lr_ratio": 4},
        {"loraplus_unet_lr_ratio": 16, "text_encoder_lr2": 1e-5},
        {"text_encoder_lr": 0},
        {"network_train_text_encoder_only": True},
        {"optimizer_type": "Lion"},
        {"optimizer_type": "Adafactor"},
        {"optimizer_type": "torch.optim.NAdam"},
    ],
)
def test_a_conversion_keeps_the_pair_of_every_part(values: dict[str, Any], alpha: float) -> None:
    settings = Settings(**values)
    converted = convert_alpha(settings, alpha)
    assert converted.alpha == (alpha or settings.network_dim)
    before, after = rate_pairs(settings, "sdxl"), rate_pairs(converted, "sdxl")
    assert before.keys() == after.keys()
    assert all(after[part] == pytest.approx(before[part]) for part in before)


def test_a_conversion_changes_alpha_and_the_ratios_alone() -> None:
    converted = convert_alpha(Settings(network_dim=32, network_alpha=32), 1)
    assert converted == Settings(
        network_dim=32, network_alpha=1, loraplus_unet_lr_ratio=32, loraplus_text_encoder_lr_ratio=32
    )


def test_a_part_that_does_not_train_gets_no_ratio() -> None:
    assert convert_alpha(Settings(network_train_unet_only=True), 1).loraplus_text_encoder_lr_ratio is None


@pytest.mark.parametrize("alpha", [1, 3, 7.5])
def test_a_conversion_and_its_inverse_give_the_original(alpha: float) -> None:
    for settings in (Settings(), Settings(loraplus_unet_lr_ratio=5, loraplus_text_encoder_lr_ratio=3)):
        assert convert_alpha(convert_alpha(settings, alpha), 16) == settings


def test_the_scale_of_3x3_layers_follows() -> None:
    own = Settings(conv_dim=8, conv_alpha=4)
    assert convert_alpha(own, 1).alpha_of_conv == pytest.approx(4 / 16)
    blank = Settings(conv_dim=8)
    assert convert_alpha(blank, 1).alpha_of_conv == pytest.approx(blank.alpha_of_conv / 16)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"optimizer_type": "SGDNesterov"}, "optimizer_type: SGDNesterov, for which alpha is more than a factor"),
        ({"optimizer_type": "Prodigy"}, "optimizer_type: Prodigy"),
        ({"optimizer_type": "Adafactor", "optimizer_args": ["scale_parameter=True"]}, "Adafactor"),
        (
            {"network_weights": "/x.safetensors"},
            "network_weights: a LoRA file whose weights already depend on an alpha",
        ),
        ({"loraplus_lr_ratio": 1000}, "loraplus_unet_lr_ratio: 16000.0; expected a number above 0 and up to 10000"),
    ],
)
def test_what_cannot_be_converted_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        convert_alpha(Settings(**values), 1)
    assert said in caught.value.line()


def test_inexact_settings_are_listed() -> None:
    exact = Settings(max_grad_norm=0, optimizer_args=["weight_decay=0", "eps=1e-12"])
    assert inexact(exact) == ()
    assert [line.partition(" ")[0] for line in inexact(Settings())] == ["max_grad_norm", "weight_decay", "eps"]
    assert inexact(Settings(optimizer_type="Lion", max_grad_norm=0)) == ()
    assert "scale_weight_norms" in inexact(exact.model_copy(update={"scale_weight_norms": 1.0}))[0]
