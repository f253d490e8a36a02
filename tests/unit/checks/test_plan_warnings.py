"""Warnings of a plan."""

from dataclasses import replace
from typing import Any

import planned
import pytest
from planned import SQUARE, TWELVE, data_of

from trainer.dataset.records import DataSet

REG = data_of(("10_x", 10, [SQUARE] * 4), ("1_girl", 1, [SQUARE]), reg=("1_girl",))
FLAT = data_of(("hifumi", 5, [SQUARE] * 4))
PRODIGY = {"optimizer_type": "Prodigy", "unet_lr": 1, "text_encoder_lr": 1}


def warnings(data: DataSet = TWELVE, **values: Any) -> str:
    return "\n".join(planned.warnings(data, **values))


@pytest.mark.parametrize(
    ("data", "values", "said"),
    [
        (TWELVE, {"unet_lr": 0}, "the U-Net's rate is 0: only the text encoder trains"),
        (TWELVE, {"text_encoder_lr": 0}, "the text encoder's rate is 0: only the U-Net trains"),
        (
            TWELVE,
            {"text_encoder_lr2": 0, "family": "sdxl"},
            "the second text encoder's rate is 0: it does not train",
        ),
        (TWELVE, {"family": "sdxl"}, "SDXL was trained at 1024²"),
        (TWELVE, {"family": "anima", "resolution": "448"}, "Anima was trained at 1024²"),
        (
            data_of(("10_a", 10, [(4096, 256)])),
            {"family": "anima", "resolution": "1024", "max_bucket_reso": 4096},
            "Anima is trained at 4096 × 256: it is made for sides of up to 2048 px",
        ),
        (TWELVE, {"family": "anima", "sample_resolution": "512,2080"}, "Anima draws sample pictures at 512 × 2080"),
        (TWELVE, {"max_train_epochs": 1, "lr_warmup_steps": "500"}, "the warm-up (500 steps) is as long as the bake"),
        (
            TWELVE,
            {"text_encoder_stop": "20", "lr_warmup_steps": "30"},
            "the text encoder stops after step 20, within its warm-up of 30: its rate never reaches its peak",
        ),
        (TWELVE, {"lr_scheduler": "warmup_stable_decay"}, "warmup_stable_decay never falls: lr_decay_steps is 0"),
        (
            TWELVE,
            {"lr_scheduler": "warmup_stable_decay", "lr_warmup_steps": "60%", "lr_decay_steps": "50%"},
            "warm-up and lr_decay_steps together are longer than the bake",
        ),
        (
            TWELVE,
            {**PRODIGY, "text_encoder_lr": 0.5},
            "Prodigy finds the step size of each group separately: the unequal rates (0.5, 1)",
        ),
        (
            TWELVE,
            {**PRODIGY, "optimizer_type": "prodigyopt.Prodigy", "text_encoder_lr": 0.5},
            "prodigyopt.Prodigy finds the step size of each group separately: the unequal rates (0.5, 1)",
        ),
        (TWELVE, {**PRODIGY, "loraplus_lr_ratio": 4}, "the unequal rates (1, 4)"),
        (TWELVE, {"optimizer_type": "Prodigy"}, "takes a rate as a factor on it: use 1 instead of 2e-5, 1e-4"),
        (
            TWELVE,
            {"optimizer_type": "dadaptation.DAdaptAdam", "unet_lr": 1, "text_encoder_lr": 0.5},
            "may know one step size for all groups and refuse or ignore unequal rates (0.5, 1)",
        ),
        (TWELVE, {"zero_terminal_snr": "yes", "v_parameterization": "no"}, "zero_terminal_snr with noise prediction"),
        (TWELVE, {"min_snr_gamma": 5, "debiased_estimation_loss": True}, "both weight by the SNR"),
        (TWELVE, {"int8_base": True}, "the LoRA learns on an 8-bit base"),
        (TWELVE, {"fp8_base": True}, "int8_base is three to four times closer at the same size"),
        (TWELVE, {"validation_data_dir": "/data/10_a"}, "12 pictures of validation also trained on"),
        (TWELVE, {"validation_data_dir": "/data"}, "12 pictures of validation also trained on"),
        (
            data_of(("1_x", 1, [(40, 300)])),
            {"bucket_no_upscale": True},
            "1 picture narrower than bucket_reso_steps enlarged despite bucket_no_upscale",
        ),
        (REG, {"prior_loss_weight": 0}, "regularisation pictures take time but do not count"),
    ],
)
def test_doubtful_settings_get_a_warning(data: DataSet, values: dict[str, Any], said: str) -> None:
    assert said in warnings(data, **values)


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (TWELVE, {}),
        (data_of(("1_x", 1, [(700, 700)] * 4)), {"family": "sdxl", "resolution": "1024"}),
        (TWELVE, PRODIGY),
        (TWELVE, {"text_encoder_stop": "50%"}),
        (TWELVE, {"network_train_unet_only": True}),
        (TWELVE, {"lr_scheduler": "warmup_stable_decay", "lr_decay_steps": "20%"}),
        (TWELVE, {"zero_terminal_snr": "yes"}),
        (TWELVE, {"optimizer_type": "Lion"}),
        (FLAT, {"validation_data_dir": "/data"}),
        (data_of(("1_x", 1, [(100, 300)])), {"bucket_no_upscale": True}),
        (REG, {}),
    ],
)
def test_what_does_what_it_seems_to_is_not_doubted(data: DataSet, values: dict[str, Any]) -> None:
    assert warnings(data, **values) == ""


def test_a_picture_that_another_group_does_not_enlarge_is_not_counted() -> None:
    narrow = data_of(("1_x", 1, [(40, 300)]))
    assert "despite" not in warnings(replace(narrow), bucket_no_upscale=True, enable_bucket=False)


def test_pictures_that_are_enlarged_far_are_named_with_their_sizes() -> None:
    data = data_of(("1_x", 1, [(512, 512), (300, 300), (100, 100), (400, 400)]))
    (found,) = [each for each in planned.findings(data) if each.check == "picture-small"]
    assert found.text.startswith("2 pictures enlarged more than 1.5×")
    assert found.cases == ("1_x/2.png: 100×100, enlarged 5.1×", "1_x/1.png: 300×300, enlarged 1.7×")
    assert "picture-small" not in {each.check for each in planned.findings(data, bucket_no_upscale=True)}
