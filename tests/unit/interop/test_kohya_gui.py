"""The kohya_ss GUI's tables: every key it ever wrote, what its values mean, and its files told from others."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from trainer.interop.record import KeyRule, Reading, SourceDocument, SourceKey, TrainerFormat
from trainer.interop.trainers.easy_training_scripts_2023 import EASY_TRAINING_SCRIPTS_2023
from trainer.interop.trainers.easy_training_scripts_2023 import RULES as ETS_RULES
from trainer.interop.trainers.kohya_gui import KOHYA_GUI, RULES
from trainer.interop.trainers.kohya_gui_toml import (
    DEFAULTS_RULES,
    KOHYA_GUI_DEFAULTS,
    KOHYA_GUI_WRITTEN,
    WRITTEN_RULES,
)

KEYS = (Path(__file__).parents[2] / "support" / "kohya_gui_keys.txt").read_text().split()
"""Every key that the GUI saved for a LoRA, from 2022-12 to 2026-07."""


def reading(rules: tuple[KeyRule, ...], key: str, values: Mapping[str, object]) -> Reading:
    rule = next(rule for rule in rules if rule.key == key)
    return (
        rule.read(values[key], values) if rule.read else Reading({rule.options[0]: values[key]} if rule.options else {})
    )


def options(values: Mapping[str, object], rules: tuple[KeyRule, ...] = RULES) -> dict[str, object]:
    found: dict[str, object] = {}
    for key in values:
        found |= reading(rules, key, values).options
    return found


def document(values: Mapping[str, object], syntax: str = "json") -> SourceDocument:
    keys = []
    for key, value in values.items():
        inner = value if isinstance(value, Mapping) else None
        keys += [SourceKey(f"{key}.{name}", each) for name, each in inner.items()] if inner is not None else []
        keys += [SourceKey(key, value)] if inner is None else []
    return SourceDocument("a file", syntax, tuple(keys), values)  # type: ignore[arg-type]


def test_every_key_that_the_gui_ever_saved_stands_in_the_table() -> None:
    assert len(KEYS) > 300
    assert set(KEYS) - {rule.key for rule in RULES} == set()


@pytest.mark.parametrize("rules", [RULES, WRITTEN_RULES, DEFAULTS_RULES, ETS_RULES])
def test_a_key_without_effect_says_why_and_another_names_its_options(rules: tuple[KeyRule, ...]) -> None:
    silent = [rule.key for rule in rules if not rule.options and not rule.why and rule.read is None]
    assert silent == []
    assert [rule.key for rule in rules if rule.options and rule.why] == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # Percent of the bake, as number, text and fraction; steps come first.
        ({"lr_warmup": "10"}, {"lr_warmup_steps": "10%"}),
        ({"lr_warmup": 7.5, "lr_warmup_steps": 0}, {"lr_warmup_steps": "7.5%"}),
        ({"lr_warmup": 10, "lr_warmup_steps": "120"}, {"lr_warmup_steps": 120}),
        ({"lr_warmup": 0}, {"lr_warmup_steps": 0}),
        # Of 2023: no max_train_steps there, so the epochs decide.
        ({"epoch": "12"}, {"max_train_epochs": "12"}),
        ({"epoch": 12, "max_train_epochs": ""}, {"max_train_epochs": 12}),
        ({"epoch": 12, "max_train_epochs": "3"}, {"max_train_epochs": "3"}),
        # Of today: 1600 stands in the widget, and the epochs are not looked at.
        ({"epoch": 12, "max_train_steps": 1600}, {"max_train_steps": 1600, "max_train_epochs": None}),
        ({"epoch": 12, "max_train_steps": 0, "max_train_epochs": 0}, {"max_train_epochs": 12}),
        ({"epoch": 12, "max_train_steps": 500, "max_train_epochs": 8}, {"max_train_epochs": 8}),
        ({"epoch": 12, "LoRA_type": "Standard"}, {"max_train_epochs": 12, "network_module": "networks.lora"}),
        ({"epoch": 12, "loss_type": "l2"}, {"loss_type": "l2"}),
        # Rates: 0 leaves a part out, twice 0 trains both at learning_rate.
        (
            {"text_encoder_lr": "5e-5", "unet_lr": 0},
            {
                "text_encoder_lr": 5e-5,
                "network_train_unet_only": False,
                "unet_lr": None,
                "network_train_text_encoder_only": True,
            },
        ),
        (
            {"text_encoder_lr": 0, "unet_lr": "1e-3"},
            {
                "text_encoder_lr": None,
                "network_train_unet_only": True,
                "unet_lr": 1e-3,
                "network_train_text_encoder_only": False,
            },
        ),
        (
            {"learning_rate": 2e-4, "text_encoder_lr": 0.0, "unet_lr": ""},
            {"learning_rate": 2e-4, "text_encoder_lr": None, "unet_lr": None},
        ),
        (
            {"text_encoder_lr": 4e-5, "t5xxl_lr": 1e-5},
            {"text_encoder_lr": [4e-5, 1e-5], "network_train_unet_only": False},
        ),
        # Cycles left blank are as many as epochs.
        ({"lr_scheduler_num_cycles": "", "epoch": 7}, {"lr_scheduler_num_cycles": 7, "max_train_epochs": 7}),
        ({"lr_scheduler_num_cycles": "4", "epoch": 7}, {"lr_scheduler_num_cycles": "4", "max_train_epochs": 7}),
        ({"clip_skip": 0}, {"clip_skip": 1}),
        ({"clip_skip": "2"}, {"clip_skip": 2}),
        ({"seed": ""}, {}),
        ({"seed": "31337"}, {"seed": "31337"}),
        ({"xformers": True}, {"xformers": True, "sdpa": False}),
        ({"xformers": "sdpa"}, {"xformers": False, "sdpa": True}),
        ({"xformers": "none"}, {"xformers": False, "sdpa": False}),
        ({"use_8bit_adam": True}, {"optimizer_type": "AdamW8bit"}),
        ({"use_8bit_adam": True, "optimizer": "Lion"}, {"optimizer_type": "Lion"}),
        ({"lora_network_weights": r"D:\a\b.safetensors"}, {"network_weights": r"D:\a\b.safetensors"}),
        ({"caption_extension": ""}, {"caption_extension": ".caption"}),
        (
            {"optimizer_args": 'weight_decay=0.1 "betas=0.9,0.99"'},
            {"optimizer_args": ["weight_decay=0.1", "betas=0.9,0.99"]},
        ),
        ({"LoRA_type": "LyCORIS/LoHa"}, {"network_module": "lycoris.kohya"}),
        ({"LoRA_type": "LoRA-FA", "conv_dim": 8}, {"network_module": "networks.lora_fa", "conv_dim": None}),
        (
            {"LoRA_type": "Kohya LoCon", "conv_dim": 8, "conv_alpha": 1},
            {"network_module": "networks.lora", "conv_dim": 8, "conv_alpha": 1},
        ),
        # One kind of noise acts, the other's values lie there unused.
        (
            {"noise_offset_type": "Multires", "noise_offset": 0.1, "multires_noise_iterations": 6},
            {"multires_noise_iterations": 6},
        ),
        ({"noise_offset": 0.1, "multires_noise_iterations": 6}, {"noise_offset": 0.1}),
        ({"sdxl_no_half_vae": True, "sdxl": False}, {}),
        ({"sdxl_no_half_vae": True, "sdxl": True}, {"no_half_vae": True}),
        # The end of the command line comes last.
        (
            {"clip_skip": 1, "additional_parameters": '--clip_skip 2 --zero_terminal_snr --prior_loss_weight="0.5"'},
            {"clip_skip": "2", "zero_terminal_snr": True, "prior_loss_weight": "0.5"},
        ),
        # 0 is not written for sd-scripts, whose own value is in force.
        ({"max_grad_norm": 0}, {"max_grad_norm": 1}),
        ({"network_alpha": 0}, {"network_alpha": 1}),
        ({"min_snr_gamma": 0}, {"min_snr_gamma": None}),
    ],
)
def test_values_mean_what_the_gui_makes_of_them(values: dict[str, object], expected: dict[str, object]) -> None:
    assert options(values) == expected


@pytest.mark.parametrize(
    "values",
    [
        {"epoch": 12, "max_train_steps": 1600},
        {"stop_text_encoder_training": 40, "max_resolution": "512,512"},
        {"noise_offset": 0.1, "noise_offset_type": "Multires"},
        {"seed": 0},
    ],
)
def test_a_value_without_effect_says_why(values: dict[str, object]) -> None:
    key = next(iter(values))
    rule = next(rule for rule in RULES if rule.key == key)
    assert reading(RULES, key, values).no_effect or rule.why


@pytest.mark.parametrize(
    ("values", "profile"),
    [
        ({"max_resolution": "512,512", "use_8bit_adam": True, "lora_network_weights": ""}, "kohya_ss 2023-02"),
        ({"max_resolution": "512,512", "optimizer": "Lion", "LoRA_type": "Standard"}, "kohya_ss 2026-07"),
    ],
)
def test_the_profile_is_that_of_the_files_day(values: dict[str, object], profile: str) -> None:
    assert KOHYA_GUI.profile(values) == profile


FILES: list[tuple[TrainerFormat, str, dict[str, object]]] = [
    (KOHYA_GUI, "json", {"max_resolution": "768,768", "network_dim": "64", "lr_warmup": 0, "my_note": "x"}),
    (KOHYA_GUI, "json", {"LoRA_type": "Kohya LoCon", "sdxl": True, "unet_lr": 1e-4}),
    (KOHYA_GUI_WRITTEN, "toml", {"epoch": 3, "network_module": "networks.lora", "max_train_steps": 900}),
    (KOHYA_GUI_DEFAULTS, "toml", {"model": {"models_dir": "./models"}, "basic": {"lr_warmup": 5, "epoch": 2}}),
    (EASY_TRAINING_SCRIPTS_2023, "json", {"base_model": "E:\\m.ckpt", "net_dim": 32, "alpha": 16, "clip_skip": 2}),
]


@pytest.mark.parametrize(("kind", "syntax", "values"), FILES)
def test_a_file_is_recognised_by_its_content_and_by_one_format_alone(
    kind: TrainerFormat, syntax: str, values: dict[str, object]
) -> None:
    kinds = {each.key: each for each, *_ in FILES}
    assert [key for key, each in kinds.items() if each.recognises(document(values, syntax))] == [kind.key]


@pytest.mark.parametrize(
    ("syntax", "values"),
    [
        ("toml", {"network_module": "networks.lora", "network_dim": 32, "unet_lr": 1e-4}),
        ("toml", {"network": {"network_dim": 32}, "model": {"clip_skip": 2}}),
        ("json", {"lora_rank": 16, "training_method": "LORA", "concepts": {}}),
        ("json", {"seed": 3}),
    ],
)
def test_files_of_others_are_left_to_others(syntax: str, values: dict[str, object]) -> None:
    assert [each.key for each, *_ in FILES if each.recognises(document(values, syntax))] == []


def test_sections_of_the_defaults_that_are_of_other_tools_stay_apart() -> None:
    names = KOHYA_GUI_DEFAULTS.unprefixed
    assert names("basic.caption_extension") == "caption_extension"
    assert names("wd14_caption.caption_extension") == "[wd14_caption]"
    assert {names(f"{section}.x") for section in ("flux1", "sd3")} == {"[flux1]", "[sd3]"}
    assert names("anima.vae") == "anima_vae"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"warmup_lr_ratio": 0.05}, {"lr_warmup_steps": "5%"}),
        ({"warmup_lr_ratio": None}, {"lr_warmup_steps": 0}),
        ({"num_epochs": 6, "max_steps": None}, {"max_train_epochs": 6}),
        ({"num_epochs": 6, "max_steps": 900}, {"max_train_steps": 900, "max_train_epochs": None}),
        ({"cosine_restarts": 3, "scheduler": "linear"}, {"lr_scheduler": "linear"}),
        (
            {"cosine_restarts": 3, "scheduler": "cosine_with_restarts"},
            {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3},
        ),
        (
            {"gradient_acc_steps": 4, "gradient_checkpointing": False},
            {"gradient_accumulation_steps": 1, "gradient_checkpointing": False},
        ),
        (
            {"gradient_acc_steps": 4, "gradient_checkpointing": True},
            {"gradient_accumulation_steps": 4, "gradient_checkpointing": True},
        ),
        ({"text_only": True, "unet_only": True}, {"network_train_unet_only": True}),
        ({"unet_lr": None, "text_encoder_lr": 0}, {"unet_lr": None, "text_encoder_lr": None}),
        ({"save_every_n_epochs": None}, {"save_every_n_epochs": None}),
        ({"save_at_n_epochs": 2}, {"save_every_n_epochs": 2}),
        ({"buckets": False, "min_bucket_resolution": 320}, {"enable_bucket": False}),
        ({"train_resolution": 512, "height_resolution": 768}, {"resolution": "512,768"}),
        ({"use_8bit_adam": False, "use_lion": True}, {"optimizer_type": "Lion"}),
        ({"use_8bit_adam": False}, {"optimizer_type": "AdamW"}),
        ({"v_parameterization": True, "v2": False}, {"v_parameterization": False, "v2": False}),
        ({"lora_model_for_resume": "a.safetensors"}, {"network_weights": "a.safetensors"}),
    ],
)
def test_values_of_easy_training_scripts_of_2023(values: dict[str, object], expected: dict[str, object]) -> None:
    assert options(values, ETS_RULES) == expected


def test_the_popup_of_easy_training_scripts_is_told_by_its_own_key() -> None:
    assert EASY_TRAINING_SCRIPTS_2023.profile({"save_at_n_epochs": 1}) == "easy training scripts popup 2023-02"
    assert EASY_TRAINING_SCRIPTS_2023.profile({"save_every_n_epochs": 1}) == "easy training scripts 2023-02"


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (KOHYA_GUI, {"flux1_checkbox": True}, "Flux, which cannot be trained here"),
        (KOHYA_GUI, {"LoRA_type": "LyCORIS/LoHa"}, "trains LyCORIS/LoHa"),
        (KOHYA_GUI, {"unet_lr": 0, "text_encoder_lr": "0"}, "does not start"),
        (
            KOHYA_GUI,
            {"learning_rate_te": 1e-5, **{f"key{number}": "" for number in range(40)}},
            "a whole base or an embedding",
        ),
        (EASY_TRAINING_SCRIPTS_2023, {"warmup_lr_ratio": 0.05}, "cut a warm-up below 1 to 0"),
        (EASY_TRAINING_SCRIPTS_2023, {"gradient_acc_steps": 2, "gradient_checkpointing": False}, "gradient_acc_steps"),
    ],
)
def test_what_a_user_should_know_of_a_file_is_noted(kind: TrainerFormat, values: dict[str, object], words: str) -> None:
    (note,) = kind.notes(values)
    assert words in note


def test_plain_files_need_no_note() -> None:
    assert (
        KOHYA_GUI.notes({"LoRA_type": "Standard", "unet_lr": 1e-4, "text_encoder_lr": 0, "flux1_checkbox": False}) == ()
    )
    assert EASY_TRAINING_SCRIPTS_2023.notes({"warmup_lr_ratio": None, "gradient_acc_steps": None}) == ()


def test_an_unknown_option_at_the_end_of_the_command_line_is_named() -> None:
    found = reading(RULES, "additional_parameters", {"additional_parameters": "--min_snr_gamma 5 --what 3"})
    assert (found.options, found.no_effect) == ({"min_snr_gamma": "5"}, "nothing here knows --what")


@pytest.mark.parametrize(
    ("text", "expected", "lost"),
    [
        ("", {"sample_prompts": None}, ""),
        ("/out/prompt.txt", {"sample_prompts": "/out/prompt.txt"}, ""),
        (
            "# mine\na girl --n bad hands --w 512 --h 768 --d 1 --s 20\na boy --w 512 --h 768 --d 1 --s 20",
            {
                "subject.prompts[0]": "a girl",
                "subject.prompts[1]": "a boy",
                "subject.negative_prompt": "bad hands",
                "subject.seed": [1],
                "sample_seeds": 1,
                "sample_resolution": "512,768",
                "sample_steps": 20,
            },
            "",
        ),
        (
            "a --d 1 --l 7\nb --d 2 --l 5",
            {"subject.prompts[0]": "a", "subject.prompts[1]": "b", "subject.seed": [1, 2]},
            "not taken: which seed belongs to which prompt, sample_cfg_scale, which differs from line to line",
        ),
        (
            "a --what 3",
            {"subject.prompts[0]": "a --what 3"},
            "the options behind them are kept as words: unknown option",
        ),
    ],
)
def test_sample_prompts_are_the_subjects(text: str, expected: dict[str, object], lost: str) -> None:
    found = reading(RULES, "sample_prompts", {"sample_prompts": text})
    assert (dict(found.options), found.no_effect) == (expected, lost)
