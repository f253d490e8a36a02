"""Settings that were changed but have no effect."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planned import SQUARE, TWELVE, data_of, warnings

from trainer.dataset.records import DataSet
from trainer.settings.describe import fields

FLAT = data_of(("hifumi", 5, [SQUARE] * 4))
TAGGED = data_of(("10_x", 10, [SQUARE] * 4), caption="1girl, halo ||| smile;;;hat")
REG = data_of(("10_x", 10, [SQUARE] * 4), ("1_girl", 1, [SQUARE]), reg=("1_girl",))
FILE = "/data/file.toml"


def masked(mask: Any) -> DataSet:
    return replace(TAGGED, pictures=tuple(replace(picture, mask=mask) for picture in TAGGED.pictures))


ALPHA, MASKS = masked("alpha"), masked(Path("/masks/0.png"))


def idle(data: DataSet = TWELVE, **values: Any) -> dict[str, str]:
    """Return the settings that are said to have no effect, and why."""
    marked = [line.partition(" has no effect: ") for line in warnings(data, **values) if " has no effect: " in line]
    return {name: why for name, _, why in marked}


IDLE: list[tuple[str, DataSet, dict[str, Any], str]] = [
    # name, data, settings, why
    ("dataset_repeats", TWELVE, {"dataset_repeats": 3}, "the folders' names set the repeats"),
    ("dataset_repeats", FLAT, {"dataset_repeats": 3, "dataset_config": FILE}, "dataset_config sets the repeats"),
    ("reg_data_dir", FLAT, {"reg_data_dir": "/reg", "dataset_config": FILE}, "dataset_config names the folders"),
    ("prior_loss_weight", TWELVE, {"prior_loss_weight": 0.5}, "there are no regularisation pictures"),
    ("keep_tokens", TAGGED, {"keep_tokens": 1}, "captions do not vary"),
    ("keep_tokens_separator", TAGGED, {"keep_tokens_separator": "|||"}, "captions do not vary"),
    ("keep_tokens_separator", TAGGED, {"keep_tokens_separator": "@", "shuffle_caption": True}, "no caption has @"),
    ("secondary_separator", TAGGED, {"secondary_separator": "@"}, "no caption has @"),
    ("shuffle_caption", FLAT, {"shuffle_caption": True}, "no caption has two tags"),
    ("token_warmup_min", TAGGED, {"token_warmup_min": 3}, "token_warmup_step is 0"),
    ("enable_wildcard", TAGGED, {"enable_wildcard": True}, "no caption has {a|b} or a second line"),
    ("caption_dropout_every_n_epochs", TAGGED, {"caption_dropout_every_n_epochs": 11}, "the bake has 10 epochs"),
    ("masked_loss", TAGGED, {"masked_loss": True}, "neither conditioning_data_dir nor alpha_mask gives a mask"),
    ("conditioning_data_dir", TAGGED, {"conditioning_data_dir": "/masks"}, "masked_loss is off"),
    (
        "conditioning_data_dir",
        ALPHA,
        {"conditioning_data_dir": "/m", "masked_loss": True, "alpha_mask": True},
        "no picture",
    ),
    ("alpha_mask", TAGGED, {"alpha_mask": True}, "masked_loss is off"),
    ("alpha_mask", MASKS, {"alpha_mask": True, "masked_loss": True}, "the masks come from conditioning_data_dir"),
    ("max_bucket_reso", TWELVE, {"enable_bucket": False, "max_bucket_reso": 768}, "enable_bucket is off"),
    ("min_bucket_reso", TWELVE, {"bucket_no_upscale": True, "min_bucket_reso": 320}, "makes buckets as needed"),
    ("bucket_reso_steps", TWELVE, {"enable_bucket": False, "bucket_reso_steps": 32}, "enable_bucket is off"),
    ("bucket_no_upscale", TWELVE, {"enable_bucket": False, "bucket_no_upscale": True}, "enable_bucket is off"),
    ("clip_skip", TWELVE, {"clip_skip": 2, "family": "sdxl"}, "SDXL's embeddings come from fixed layers"),
    *(
        (name, TWELVE, {name: "/models/x"}, "an SD1.x base is one file or folder")
        for name in ("qwen3", "llm_adapter_path", "qwen3_tokenizer", "t5_tokenizer_path")
    ),
    ("train_llm_adapter", TWELVE, {"train_llm_adapter": True}, "an SD1.x base has no conditioner"),
    ("no_half_vae", TWELVE, {"no_half_vae": False, "mixed_precision": "no"}, "the bake computes in fp32 anyway"),
    ("dim_from_weights", TWELVE, {"dim_from_weights": True}, "network_weights is blank"),
    ("conv_alpha", TWELVE, {"conv_alpha": 1}, "conv_dim is blank"),
    ("conv_dim", TWELVE, {"conv_dim": 4, "network_train_text_encoder_only": True}, "only the U-Net has 3×3 layers"),
    ("learning_rate", TWELVE, {"learning_rate": 1e-3}, "both parts have their own"),
    ("unet_lr", TWELVE, {"unet_lr": 1e-5, "network_train_text_encoder_only": True}, "the U-Net does not train"),
    ("text_encoder_lr", TWELVE, {"text_encoder_lr": 1e-5, "network_train_unet_only": True}, "does not train"),
    ("text_encoder_lr2", TWELVE, {"text_encoder_lr2": 1e-5}, "SD1.x has one text encoder"),
    (
        "text_encoder_lr2",
        TWELVE,
        {"text_encoder_lr2": 1e-5, "network_train_unet_only": True, "family": "sdxl"},
        "the text encoder does not train",
    ),
    (
        "loraplus_lr_ratio",
        TWELVE,
        {"loraplus_lr_ratio": 4, "loraplus_unet_lr_ratio": 2, "loraplus_text_encoder_lr_ratio": 3},
        "own ratio",
    ),
    ("loraplus_unet_lr_ratio", TWELVE, {"loraplus_unet_lr_ratio": 2, "unet_lr": 0}, "the U-Net does not train"),
    (
        "loraplus_text_encoder_lr_ratio",
        TWELVE,
        {"loraplus_text_encoder_lr_ratio": 2, "text_encoder_lr": 0},
        "does not train",
    ),
    (
        "text_encoder_stop",
        TWELVE,
        {"text_encoder_stop": "3ep", "text_encoder_lr": 0},
        "the text encoder does not train",
    ),
    ("text_encoder_stop", TWELVE, {"text_encoder_stop": "10ep"}, "the bake ends before that"),
    ("text_encoder_stop2", TWELVE, {"text_encoder_stop2": "3ep"}, "SD1.x has one text encoder"),
    (
        "text_encoder_stop2",
        TWELVE,
        {"text_encoder_stop2": "3ep", "text_encoder_lr2": 0, "family": "sdxl"},
        "the second text encoder does not train",
    ),
    ("unet_stop", TWELVE, {"unet_stop": "3ep", "unet_lr": 0}, "the U-Net does not train"),
    ("unet_stop", TWELVE, {"unet_stop": "9999"}, "the bake ends before that"),
    ("max_train_steps", TWELVE, {"max_train_steps": 100}, "max_train_epochs decides"),
    ("max_train_epochs", TWELVE, {"max_train_epochs": 3, "train_minutes": 40}, "train_minutes decides"),
    ("max_train_steps", TWELVE, {"max_train_steps": 100, "train_minutes": 40}, "train_minutes decides"),
    ("lr_warmup_steps", TWELVE, {"lr_scheduler": "constant"}, "constant has no warm-up; constant_with_warmup has one"),
    (
        "lr_warmup_steps",
        TWELVE,
        {"lr_scheduler": "piecewise_constant", "lr_scheduler_args": ["step_rules=1"]},
        "piecewise_constant has no warm-up",
    ),
    (
        "lr_scheduler_num_cycles",
        TWELVE,
        {"lr_scheduler": "cosine", "lr_scheduler_num_cycles": 3},
        "cosine has no cycles",
    ),
    ("lr_scheduler_power", TWELVE, {"lr_scheduler_power": 2}, "cosine_with_restarts does not use it"),
    ("lr_scheduler_min_lr_ratio", TWELVE, {"lr_scheduler_min_lr_ratio": 0.1}, "cosine_with_restarts does not use it"),
    ("lr_scheduler_timescale", TWELVE, {"lr_scheduler_timescale": 9}, "cosine_with_restarts does not use it"),
    ("lr_decay_steps", TWELVE, {"lr_decay_steps": "9"}, "cosine_with_restarts does not use it"),
    ("lr_scheduler_args", TWELVE, {"lr_scheduler_args": ["step_rules=1"]}, "cosine_with_restarts takes no arguments"),
    ("text_encoder_lr_scheduler", TWELVE, {"text_encoder_lr_scheduler": "rex", "text_encoder_lr": 0}, "does not train"),
    (
        "text_encoder_lr_warmup_steps",
        TWELVE,
        {"text_encoder_lr_warmup_steps": "9", "text_encoder_lr": 0},
        "does not train",
    ),
    (
        "text_encoder_lr_warmup_steps",
        TWELVE,
        {"text_encoder_lr_warmup_steps": "9", "text_encoder_lr_scheduler": "constant"},
        "constant has no warm-up",
    ),
    ("logit_mean", TWELVE, {"logit_mean": 1}, "timestep_sampling is uniform"),
    ("logit_std", TWELVE, {"logit_std": 2, "timestep_sampling": "laplace"}, "timestep_sampling is laplace"),
    ("laplace_mean", TWELVE, {"laplace_mean": 1}, "timestep_sampling is uniform"),
    ("laplace_scale", TWELVE, {"laplace_scale": 2, "timestep_sampling": "logit_normal"}, "is logit_normal"),
    ("noise_offset_random_strength", TWELVE, {"noise_offset_random_strength": True}, "noise_offset is 0"),
    ("multires_noise_discount", TWELVE, {"multires_noise_discount": 0.5}, "multires_noise_iterations is blank"),
    ("ip_noise_gamma_random_strength", TWELVE, {"ip_noise_gamma_random_strength": True}, "ip_noise_gamma is blank"),
    ("huber_schedule", TWELVE, {"huber_schedule": "constant"}, "loss_type is l2"),
    ("huber_c", TWELVE, {"huber_c": 0.2, "loss_type": "l1"}, "loss_type is l1"),
    ("huber_scale", TWELVE, {"huber_scale": 2}, "loss_type is l2"),
    ("huber_scale", TWELVE, {"huber_scale": 2, "loss_type": "huber"}, "huber_schedule is snr"),
    ("snr_schedule", TWELVE, {"snr_schedule": "as sd-scripts"}, "nothing weights by the SNR"),
    (
        "snr_schedule",
        TWELVE,
        {"snr_schedule": "as sd-scripts", "min_snr_gamma": 5, "zero_terminal_snr": "no"},
        "is set to no",
    ),
    (
        "scale_v_pred_loss_like_noise_pred",
        TWELVE,
        {"scale_v_pred_loss_like_noise_pred": True, "v_parameterization": "no"},
        "is set to no",
    ),
    (
        "v_pred_like_loss",
        TWELVE,
        {"v_pred_like_loss": 1, "v_parameterization": "yes"},
        "v_parameterization is set to yes",
    ),
    ("validation_seed", TWELVE, {"validation_seed": 3}, "no pictures are held out"),
    ("validate_every_n_steps", TWELVE, {"validate_every_n_steps": 3}, "no pictures are held out"),
    *(
        (name, TWELVE, {name: value, "validation_data_dir": "/elsewhere"}, "validation_data_dir names the pictures")
        for name, value in (("validation_split", 0.2), ("validation_outfit", "10_x"))
    ),
    *(
        (name, TWELVE, {name: True}, "no pictures are held out")
        for name in ("measure_validation", "measure_memorization")
    ),
    ("roll_back_rate", TWELVE, {"roll_back_rate": 0.3, "on_bad_steps": "stop"}, "on_bad_steps is stop"),
    *(
        (name, TWELVE, {name: value}, "no setting asks for sample pictures")
        for name, value in (
            ("sample_prompts", "/prompts.txt"),
            ("sample_seeds", 3),
            ("sample_sampler", "Euler"),
            ("sample_steps", 9),
            ("sample_cfg_scale", 3),
            ("sample_resolution", "512"),
        )
    ),
    ("discrete_flow_shift", TWELVE, {"discrete_flow_shift": 3}, "SD1.x predicts no flow"),
    ("sample_shift", TWELVE, {"sample_shift": 3, "sample_at_first": True}, "SD1.x is sampled without a shift"),
    (
        "sample_seeds",
        TWELVE,
        {"sample_seeds": 3, "measure_pictures": True},
        "no setting asks for sample pictures",
    ),
    ("measure_pictures_seeds", TWELVE, {"measure_pictures_seeds": 3}, "measure_pictures is off"),
    ("measure_pictures_most", TWELVE, {"measure_pictures_most": 3}, "measure_pictures is off"),
    *(
        (name, TWELVE, {name: 8, "network_weights": "/x.safetensors", "dim_from_weights": True}, "uses the file's")
        for name in ("network_dim", "network_alpha", "conv_dim")
    ),
    (
        "init_seed",
        TWELVE,
        {"init_seed": 8, "network_weights": "/x.safetensors", "dim_from_weights": True},
        "start as network_weights has them",
    ),
]


@pytest.mark.parametrize(("name", "data", "values", "why"), IDLE)
def test_a_setting_without_effect_is_named_with_the_reason(
    name: str, data: DataSet, values: dict[str, Any], why: str
) -> None:
    assert why in idle(data, **values)[name]


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (TWELVE, {}),
        (TWELVE, {"family": "sdxl"}),
        (FLAT, {"dataset_repeats": 5}),
        (FLAT, {"num_repeats": ["hifumi=3"]}),
        (FLAT, {"dataset_repeats": 5, "num_repeats": ["hifumi=5"], "dataset_config": FILE}),
        (REG, {"prior_loss_weight": 0.5}),
        (
            TAGGED,
            {"shuffle_caption": True, "keep_tokens": 1, "keep_tokens_separator": "|||", "secondary_separator": ";;;"},
        ),
        (TAGGED, {"caption_tag_dropout_rate": 0.1, "keep_tokens": 1}),
        (TAGGED, {"token_warmup_step": "10%", "token_warmup_min": 2, "keep_tokens": 1}),
        (FLAT, {"shuffle_caption": True, "caption_prefix": "hifumi, 1girl"}),
        (TAGGED, {"caption_dropout_every_n_epochs": 10}),
        (ALPHA, {"masked_loss": True, "alpha_mask": True}),
        (MASKS, {"masked_loss": True, "conditioning_data_dir": "/masks"}),
        (TWELVE, {"max_bucket_reso": 768}),
        (TWELVE, {"clip_skip": 2}),
        (TWELVE, {"no_half_vae": False}),
        (TWELVE, {"network_weights": "/x.safetensors", "network_dim": 8, "init_seed": 3}),
        (TWELVE, {"conv_dim": 8, "conv_alpha": 1}),
        (TWELVE, {"learning_rate": 1e-3, "unet_lr": None}),
        (TWELVE, {"learning_rate": 1e-3, "text_encoder_lr": None, "family": "sdxl"}),
        (TWELVE, {"text_encoder_lr2": 1e-5, "text_encoder_stop2": "3ep", "family": "sdxl"}),
        (TWELVE, {"text_encoder_stop": "3ep"}),
        (TWELVE, {"text_encoder_stop": "3ep", "text_encoder_lr": 0, "text_encoder_lr2": 1e-5, "family": "sdxl"}),
        (TWELVE, {"loraplus_lr_ratio": 4, "loraplus_unet_lr_ratio": 2}),
        (TWELVE, {"lr_scheduler_num_cycles": 3}),
        (TWELVE, {"lr_scheduler": "constant", "lr_warmup_steps": "0"}),
        (TWELVE, {"lr_scheduler": "constant", "text_encoder_lr_scheduler": "cosine"}),
        (TWELVE, {"lr_scheduler_power": 2, "text_encoder_lr_scheduler": "polynomial"}),
        (TWELVE, {"lr_scheduler": "warmup_stable_decay", "lr_decay_steps": "9", "lr_scheduler_min_lr_ratio": 0.1}),
        (TWELVE, {"lr_scheduler": "piecewise_constant", "lr_warmup_steps": "0", "lr_scheduler_args": ["step_rules=1"]}),
        (TWELVE, {"max_train_epochs": None, "max_train_steps": 100}),
        (TWELVE, {"timestep_sampling": "logit_normal", "logit_mean": 1, "logit_std": 2}),
        (TWELVE, {"timestep_sampling": "laplace", "laplace_mean": 1, "laplace_scale": 2}),
        (TWELVE, {"noise_offset": 0.1, "noise_offset_random_strength": True}),
        (TWELVE, {"multires_noise_iterations": 6, "multires_noise_discount": 0.5}),
        (TWELVE, {"ip_noise_gamma": 0.1, "ip_noise_gamma_random_strength": True}),
        (TWELVE, {"loss_type": "smooth_l1", "huber_schedule": "constant", "huber_c": 0.2, "huber_scale": 2}),
        (TWELVE, {"snr_schedule": "as sd-scripts", "min_snr_gamma": 5}),
        (TWELVE, {"scale_v_pred_loss_like_noise_pred": True}),
        (TWELVE, {"validation_data_dir": "/elsewhere", "validation_seed": 3, "measure_memorization": True}),
        (TWELVE, {"roll_back_rate": 0.3}),
        (TWELVE, {"sample_at_first": True, "sample_seeds": 3}),
        (TWELVE, {"measure_pictures": True, "measure_pictures_seeds": 3, "sample_steps": 9, "sample_sampler": "Euler"}),
        (TWELVE, {"sample_every_n_epochs": 2, "sample_prompts": "/prompts.txt", "sample_sampler": "Euler"}),
        (TWELVE, {"sample_every_n_steps": 9, "sample_steps": 9, "sample_cfg_scale": 3, "sample_resolution": "512"}),
    ],
)
def test_what_does_something_is_not_called_idle(data: DataSet, values: dict[str, Any]) -> None:
    assert idle(data, **values) == {}


def test_what_a_trainer_passes_by_itself_is_no_idle_setting_and_what_was_asked_for_is() -> None:
    like = {"behave_like": "kohya_ss 2023-02", "max_train_epochs": 6, "lr_warmup_steps": "0"}
    # Its blank field passes the epochs.
    assert "lr_scheduler_num_cycles" not in idle(**like, lr_scheduler_num_cycles=6)
    assert "lr_scheduler_num_cycles" in idle(**like, lr_scheduler_num_cycles=4)
    assert "lr_scheduler_num_cycles" in idle(lr_scheduler="cosine", lr_scheduler_num_cycles=6)


# Those that decide something whatever the others say, and the names, paths and texts.
ALWAYS = """
behave_like train_minutes num_repeats exclude_pictures subject train_data_dir validation_data_dir resolution enable_bucket caption_extension caption_prefix caption_suffix caption_dropout_rate
caption_tag_dropout_rate token_warmup_step max_token_length train_batch_size num_processes pretrained_model_name_or_path vae v_parameterization
zero_terminal_snr network_dropout rank_dropout module_dropout scale_weight_norms network_weights network_train_unet_only
network_train_text_encoder_only optimizer_type optimizer_args max_grad_norm max_train_epochs lr_scheduler gradient_accumulation_steps
seed order_seed noise_seed timestep_sampling min_timestep max_timestep noise_offset adaptive_noise_scale multires_noise_iterations ip_noise_gamma loss_type
min_snr_gamma debiased_estimation_loss mixed_precision gradient_checkpointing micro_batch_size sdpa xformers torch_compile
fp8_base int8_base int8_matmul encoder_off_card blocks_to_swap cache_latents_to_disk vae_batch_size checkpointed_blocks output_name save_every_n_epochs
save_every_n_steps save_precision keep_states state_budget save_state_every_n_steps training_comment max_bad_steps on_bad_steps on_done
on_trouble dataset_config measure_weights measure_parts measure_pictures sample_at_first sample_every_n_epochs sample_every_n_steps
"""


def test_swapped_blocks_need_a_gpu_and_more_than_the_two_that_are_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, count, why in ((False, 9, "there is no GPU"), (True, 2, "2 blocks are on the GPU at any time")):
        monkeypatch.setattr("trainer.checks.unused_settings.card_device", lambda there=there: there)
        assert why in idle(TWELVE, blocks_to_swap=count)["blocks_to_swap"]
    assert "blocks_to_swap" not in idle(TWELVE, blocks_to_swap=3)


def test_products_in_int8_need_a_base_of_int8() -> None:
    assert "int8_base is off" in idle(TWELVE, int8_matmul=True)["int8_matmul"]
    assert "int8_matmul" not in idle(TWELVE, int8_matmul=True, int8_base=True)


def test_every_setting_was_thought_of() -> None:
    assert {name for name, *_ in IDLE} | set(ALWAYS.split()) == {info.name for info in fields()}
