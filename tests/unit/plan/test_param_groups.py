"""The rate of every group, and the pair of a part."""

from typing import Any

import pytest
from planned import plan

from trainer.plan.param_groups import ParamGroup, param_groups
from trainer.plan.rate_lines import rate_lines, rate_pairs
from trainer.settings.model import Settings
from trainer.settings.parts import Family

NOTES = {"network_dim": 128, "network_alpha": 64, "unet_lr": 1.5e-4, "text_encoder_lr": 7e-5}


def lines(family: Family = "sd1", **values: Any) -> list[str]:
    settings = Settings(train_data_dir="/data", train_batch_size=2, max_train_epochs=2, **values)
    planned = plan(train_batch_size=2, max_train_epochs=2, family=family, **values)
    return rate_lines(settings, family, planned)


def test_a_part_is_one_group_and_two_with_a_ratio() -> None:
    assert param_groups(Settings(unet_lr=1e-4, text_encoder_lr=2e-5, loraplus_unet_lr_ratio=16), "sd1") == (
        ParamGroup("unet", "down", 1e-4, 1),
        ParamGroup("unet", "up", 1e-4, 16),
        ParamGroup("text_encoder", "both", 2e-5, 1),
    )


def test_a_part_of_rate_0_has_no_group() -> None:
    assert [group.part for group in param_groups(Settings(unet_lr=0), "sd1")] == ["text_encoder"]
    only = Settings(network_train_unet_only=True, loraplus_lr_ratio=4)
    assert [(group.part, group.which) for group in param_groups(only, "sdxl")] == [("unet", "down"), ("unet", "up")]


def test_sdxls_second_encoder_has_a_rate_of_its_own_or_the_firsts() -> None:
    assert [group.rate for group in param_groups(Settings(), "sdxl")] == [1e-4, 2e-5, 2e-5]
    assert [group.rate for group in param_groups(Settings(text_encoder_lr2=1e-5), "sdxl")] == [1e-4, 2e-5, 1e-5]


def test_the_rate_of_lora_ups_is_the_parts_times_the_ratio() -> None:
    up = param_groups(Settings(unet_lr=1e-4, loraplus_lr_ratio=16), "sd1")[1]
    assert (up.base_lr, up.rate) == (1e-4, pytest.approx(1.6e-3))


@pytest.mark.parametrize(
    ("values", "unet", "text_encoder"),
    [
        # runs of the source notes in these coordinates (facts: grids-and-lora-files.md 6.1)
        (NOTES, (1.5e-4, 7.5e-5), (7e-5, 3.5e-5)),
        (
            {"network_dim": 128, "network_alpha": 1, "unet_lr": 4.5e-3, "text_encoder_lr": 5e-5},
            (4.5e-3, 3.5e-5),
            (5e-5, 3.9e-7),
        ),
        (
            {"network_dim": 64, "network_alpha": 32, "unet_lr": 2e-4, "text_encoder_lr": 2e-4},
            (2e-4, 1e-4),
            (2e-4, 1e-4),
        ),
        ({"network_dim": 8, "network_alpha": 0, "unet_lr": 1e-3, "text_encoder_lr": 1e-3}, (1e-3, 1e-3), (1e-3, 1e-3)),
        ({**NOTES, "loraplus_unet_lr_ratio": 2}, (1.5e-4, 1.5e-4), (7e-5, 3.5e-5)),
    ],
)
def test_the_pair_is_downs_rate_and_alpha_over_dim_times_ups(
    values: dict[str, Any], unet: tuple[float, float], text_encoder: tuple[float, float]
) -> None:
    found = rate_pairs(Settings(**values), "sd1")
    assert found["unet"] == pytest.approx(unet, rel=0.01)
    assert found["text_encoder"] == pytest.approx(text_encoder, rel=0.01)


def test_a_part_that_does_not_train_has_no_pair_and_nor_has_a_network_like_a_file() -> None:
    assert list(rate_pairs(Settings(text_encoder_lr=0), "sd1")) == ["unet"]
    assert rate_pairs(Settings(network_weights="/x.safetensors", dim_from_weights=True), "sd1") == {}


def test_each_part_has_a_line_of_rates_course_stop_and_pair() -> None:
    assert lines(**NOTES, text_encoder_stop="1ep", loraplus_unet_lr_ratio=2) == [
        "U-Net: lora_down 1.5e-4, lora_up 3e-4 (LoRA+ ×2) · cosine_with_restarts after 12 steps of warm-up · to the end"
        " · pair 1.5e-4 | 1.5e-4",
        "text encoder: rate 7e-5 · cosine_with_restarts after 12 steps of warm-up · stops after step 60 of 120"
        " · pair 7e-5 | 3.5e-5",
        "pair: rate of lora_down | alpha / dim × rate of lora_up; for a fixed dim only these two numbers matter",
    ]


def test_a_part_at_rate_0_says_so_and_one_without_layers_has_no_line() -> None:
    found = lines("sdxl", text_encoder_lr2=0)
    assert found[2] == "second text encoder: rate 0, does not train"
    assert [line.partition(":")[0] for line in lines(network_train_unet_only=True)] == ["U-Net", "pair"]


def test_layers_of_another_scale_have_a_pair_of_their_own() -> None:
    assert "pair 1e-4 | 5e-5 · 3×3 layers 1e-4 | 2.5e-5" in lines(conv_dim=4, conv_alpha=1)[0]
    assert "of 3×3" not in lines(conv_dim=4)[0]


def test_the_note_differs_for_an_optimizer_that_sees_a_gradients_length() -> None:
    assert lines(optimizer_type="SGDNesterov")[-1].endswith("with SGDNesterov alpha matters too")


def test_a_network_like_a_file_has_no_pair_to_show() -> None:
    found = lines(network_weights="/x.safetensors", dim_from_weights=True)
    assert not any("pair" in line for line in found)
    assert found[-1] == "alpha and dim of each layer come from network_weights"
