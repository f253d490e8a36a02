"""sd-scripts' options as settings and back."""

import pytest

from trainer.interop.option_export import options_from
from trainer.interop.option_list import OPTIONS
from trainer.interop.option_rules import RULES
from trainer.interop.options import settings_from
from trainer.settings.absent_options import ABSENT_OPTIONS, why_absent
from trainer.settings.describe import is_setting
from trainer.settings.model import Settings


def test_of_every_option_is_known_what_becomes_of_it() -> None:
    assert {
        name for name in OPTIONS if not is_setting(name) and name not in RULES and name not in ABSENT_OPTIONS
    } == set()
    assert {name for name in ABSENT_OPTIONS if not why_absent(name)} == set()


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({"optimizer_type": "prodigy", "use_8bit_adam": True}, {"optimizer_type": "Prodigy"}),
        ({"use_lion_optimizer": "True"}, {"optimizer_type": "Lion"}),
        ({"network_args": "conv_dim=8, dropout=0.1"}, {"conv_dim": 8, "conv_alpha": 1.0, "network_dropout": 0.1}),
        ({"network_args": {"loraplus_lr_ratio": 4}}, {"loraplus_lr_ratio": 4.0}),
        (
            {"optimizer_args": "weight_decay=0.01 betas=0.9,0.999"},
            {"optimizer_args": ["weight_decay=0.01", "betas=0.9:0.999"]},
        ),
        ({"text_encoder_lr": "1e-5 2e-5"}, {"text_encoder_lr": 1e-5, "text_encoder_lr2": 2e-5}),
        ({"text_encoder_lr": ["1e-5"]}, {"text_encoder_lr": 1e-5}),
        ({"resolution": "(512, 768)"}, {"resolution": "512,768"}),
        ({"resolution": [640, 640]}, {"resolution": "640"}),
        ({"min_snr_gamma": 0, "scale_weight_norms": "0"}, {"min_snr_gamma": None, "scale_weight_norms": None}),
        ({"max_train_epochs": None, "max_train_steps": "500"}, {"max_train_epochs": None, "max_train_steps": 500}),
        ({"max_train_epochs": 4, "save_n_epoch_ratio": 2}, {"max_train_epochs": 4, "save_every_n_epochs": 2}),
        ({"lr_warmup_steps": 0.05}, {"lr_warmup_steps": "5%"}),
        ({"full_bf16": True}, {"mixed_precision": "bf16"}),
        ({"mem_eff_attn": True, "caption_extention": ".cap"}, {"sdpa": True, "caption_extension": [".cap"]}),
        ({"network_dim": None, "network_alpha": "", "vae": "None"}, {}),
    ],
)
def test_an_option_is_read_in_all_its_spellings(options: dict[str, object], values: dict[str, object]) -> None:
    assert dict(settings_from(options).values) == values


def test_options_that_contradict_each_other_leave_settings_that_agree() -> None:
    made = settings_from({"network_train_unet_only": True, "network_train_text_encoder_only": True, "network_dim": 8})
    assert made.values["network_dim"] == 8
    Settings.model_validate(dict(made.values))
    lost = [name for name, fate in made.fates.items() if fate.fate == "without effect"]
    assert len(lost) == 1 and "both on" in made.fates[lost[0]].why


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(network_dim=8, conv_dim=4, rank_dropout=0.2, text_encoder_lr2=1e-6, lr_warmup_steps="100"),
        Settings(
            max_train_epochs=None, max_train_steps=77, optimizer_args=["betas=0.9:0.99"], v_parameterization="yes"
        ),
        Settings(caption_extension=[".cap"], text_encoder_stop="3ep", min_snr_gamma=5, resolution="512,768"),
    ],
)
def test_settings_come_back_from_their_options(settings: Settings) -> None:
    found = settings_from(options_from(settings)).values
    again = Settings.model_validate(
        {"text_encoder_lr": None, "save_every_n_epochs": None, "unet_lr": None} | dict(found)
    )
    assert again.model_dump() == settings.model_dump() | {
        "conv_alpha": settings.conv_alpha or again.conv_alpha,
        "max_train_steps": again.max_train_steps,
    }
