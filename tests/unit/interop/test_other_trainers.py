"""Files of OneTrainer, ai-toolkit, sd_dreambooth_extension, cloneofsimo/lora and of PowerShell scripts as settings."""

import json
import tomllib
from pathlib import Path

import pytest
import script_sources as sources

from trainer.interop.data_set import is_of_data_set
from trainer.interop.documents import read_document
from trainer.interop.importer import Imported, import_documents
from trainer.interop.options import is_option
from trainer.interop.picture_subject import is_of_subject
from trainer.interop.places import row_of
from trainer.interop.record import TrainerFormat
from trainer.interop.report import FATES, KeyReport
from trainer.interop.trainers.ai_toolkit import AI_TOOLKIT
from trainer.interop.trainers.anon_1337 import ANON_1337
from trainer.interop.trainers.cloneofsimo import CLONEOFSIMO
from trainer.interop.trainers.dreambooth_extension import DREAMBOOTH_EXTENSION
from trainer.interop.trainers.onetrainer import ONETRAINER
from trainer.interop.trainers.powershell_scripts import LEGACY_SCRIPT, VARIABLES
from trainer.profiles.registry import PROFILES

SUPPORT = Path(__file__).parents[2] / "support"


def imported(raw: bytes) -> Imported:
    return import_documents([read_document(raw, "the file")], exists=lambda path: False)


def report(made: Imported, key: str) -> KeyReport:
    return next(each for each in made.report.keys if each.key == key)


SOURCES = {
    "anon-1337, old": (sources.ANON_OLD, ANON_1337, 30, 0),
    "anon-1337, new": (sources.ANON_NEW, ANON_1337, 25, 0),
    "anon-1337, edited": (sources.ANON_EDITED, ANON_1337, 13, 1),
    "legacy": (sources.LEGACY, LEGACY_SCRIPT, 35, 0),
    "legacy, modded": (sources.LEGACY_MODDED, LEGACY_SCRIPT, 16, 0),
    "legacy, the notes": (sources.NOTES, VARIABLES, 10, 0),
    "dreambooth extension, old": (sources.DREAMBOOTH_OLD, DREAMBOOTH_EXTENSION, 36, 0),
    "dreambooth extension, new": (sources.DREAMBOOTH_NEW, DREAMBOOTH_EXTENSION, 43, 0),
    "dreambooth extension, edited": (sources.DREAMBOOTH_EDITED, DREAMBOOTH_EXTENSION, 9, 1),
    "OneTrainer, old": (sources.ONETRAINER_OLD, ONETRAINER, 44, 0),
    "OneTrainer, new": (sources.ONETRAINER_NEW, ONETRAINER, 74, 0),
    "OneTrainer, edited": (sources.ONETRAINER_EDITED, ONETRAINER, 11, 1),
    "ai-toolkit, old": (sources.AI_TOOLKIT_OLD, AI_TOOLKIT, 41, 0),
    "ai-toolkit, new": (sources.AI_TOOLKIT_NEW, AI_TOOLKIT, 68, 0),
    "ai-toolkit, edited": (sources.AI_TOOLKIT_EDITED, AI_TOOLKIT, 10, 1),
    "cloneofsimo, lora_pti": (sources.PTI, CLONEOFSIMO, 25, 0),
    "cloneofsimo, dreambooth": (sources.CLONEOFSIMO_DREAMBOOTH, CLONEOFSIMO, 16, 0),
    "cloneofsimo, edited": (sources.CLONEOFSIMO_EDITED, CLONEOFSIMO, 5, 1),
}


@pytest.mark.parametrize(("raw", "its_format", "keys", "unknown"), SOURCES.values(), ids=SOURCES)
def test_every_key_has_one_fate_and_the_line_counts_them(
    raw: bytes, its_format: TrainerFormat, keys: int, unknown: int
) -> None:
    made = imported(raw)
    assert made.report.title == its_format.title
    counts = [len(made.report.of(fate)) for fate in FATES]
    assert (sum(counts), counts[-1]) == (keys, unknown)
    assert made.report.count_line() == f"{keys} keys: " + ", ".join(
        f"{count} {fate}" for count, fate in zip(counts, FATES, strict=True)
    )
    assert all(each.why for each in made.report.of("without effect"))
    # A key that gave something does not tell of the option that it left blank.
    set_something = [*made.report.of("taken"), *made.report.of("translated")]
    assert not [each.key for each in set_something if "blank" in each.why.split("; ")]
    assert all(each.to for fate in ("taken", "translated") for each in made.report.of(fate))
    for key in made.report.of("unknown"):
        assert f"# {key.key} = {key.value}" in made.text
    assert made.settings.behave_like == made.report.profile
    assert made.report.profile in PROFILES


KEYS = {
    "OneTrainer": (ONETRAINER, "onetrainer_keys.txt"),
    "ai-toolkit": (AI_TOOLKIT, "ai_toolkit_keys.txt"),
    "dreambooth extension": (DREAMBOOTH_EXTENSION, "dreambooth_extension_keys.txt"),
}


@pytest.mark.parametrize(("its_format", "name"), KEYS.values(), ids=KEYS)
def test_no_key_that_the_trainer_ever_had_is_unknown(its_format: TrainerFormat, name: str) -> None:
    keys = (SUPPORT / name).read_text("utf-8").split()
    rows = {rule.key for rule in its_format.rules}
    assert len(keys) > 150
    assert [key for key in keys if row_of(its_format.unprefixed(key))[0] not in rows] == []


FORMATS = (ANON_1337, LEGACY_SCRIPT, VARIABLES, DREAMBOOTH_EXTENSION, ONETRAINER, AI_TOOLKIT, CLONEOFSIMO)


@pytest.mark.parametrize("its_format", FORMATS, ids=lambda each: each.key)
def test_a_table_names_options_that_there_are_and_a_reason_where_it_names_none(its_format: TrainerFormat) -> None:
    for rule in its_format.rules:
        assert rule.options or rule.why, rule.key
        for option in rule.options:
            assert is_option(option) or is_of_data_set(option) or is_of_subject(option), (rule.key, option)


def test_a_file_of_one_trainer_is_of_no_other() -> None:
    for raw, its_format, _, _ in SOURCES.values():
        document = read_document(raw, "the file")
        assert next(each.key for each in FORMATS if each.recognises(document)) == its_format.key


# What the scripts' own rules make of their variables.


def with_lines(base: bytes, **changes: str) -> Imported:
    lines = [f"${name} = {value}" for name, value in changes.items()]
    return imported(base.replace(b"<# ##### Config end", "\n".join([*lines, "<# ##### Config end"]).encode()))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"max_train_epochs": "7", "max_train_steps": "900"}, {"max_train_epochs": 7}),
        ({"max_train_epochs": "0", "max_train_steps": "900"}, {"max_train_epochs": None, "max_train_steps": 900}),
        ({"desired_training_time": "25", "max_train_epochs": "7"}, {"train_minutes": 25}),
        ({"scheduler": '"constant"', "lr_warmup_ratio": "0.3"}, {"lr_scheduler": "constant", "lr_warmup_steps": None}),
        ({"scheduler": '"cosine"', "lr_warmup_ratio": "1.7"}, {"lr_warmup_steps": "100%"}),
        ({"lr_warmup_ratio": "-1"}, {"lr_warmup_steps": "0"}),
        ({"max_token_length": "100"}, {"max_token_length": "75"}),
        ({"max_token_length": "150"}, {"max_token_length": "150"}),
        ({"is_random_seed": "0"}, {"seed": 1337}),
        ({"is_random_seed": "1"}, {"seed": None}),
        ({"mixed_precision": '"float"'}, {"mixed_precision": "no"}),
        ({"save_precision": '"no"'}, {"save_precision": "float"}),
        ({"is_sd_v2_ckpt": "1", "is_sd_v2_768_ckpt": "2"}, {"v_parameterization": "yes"}),
        ({"is_sd_v2_ckpt": "0", "is_sd_v2_768_ckpt": "1"}, {"v_parameterization": None}),
        ({"shuffle_caption": "0"}, {"shuffle_caption": False}),
        ({"vae_path": r'"D:\vae\kl.pt"'}, {"vae": r"D:\vae\kl.pt"}),
        ({"vae_path": r'"D:\vae\kl.pt"', "use_vae": "0"}, {"vae": None}),
    ],
)
def test_the_script_s_own_conditions_decide(changes: dict[str, str], expected: dict[str, object]) -> None:
    values = with_lines(sources.ANON_NEW, **changes).values
    assert {name: values.get(name) for name in expected} == expected


def test_the_end_of_the_script_s_command_is_in_the_settings() -> None:
    settings = imported(sources.ANON_NEW).settings
    assert (settings.min_bucket_reso, settings.max_bucket_reso, settings.enable_bucket) == (256, 1024, True)
    assert (settings.optimizer_type, settings.xformers, settings.caption_extension) == ("AdamW8bit", True, [".txt"])


def test_variables_stand_for_one_another_in_any_case_and_texts_are_joined() -> None:
    made = imported(sources.ANON_EDITED)
    assert (made.values["learning_rate"], made.values["unet_lr"]) == (4e-4, 4e-4)
    assert made.values["train_data_dir"] == r"D:\lora\set # 1"
    assert report(imported(sources.ANON_OLD), "log_prefix").value == '"hifumi_v1"'


def test_what_a_script_would_work_out_is_said_and_not_done() -> None:
    made = imported(sources.ANON_EDITED)
    for key in ("seed", "network_alpha"):
        assert report(made, key).fate == "without effect"
        assert "nothing is run here" in report(made, key).why
    legacy = imported(sources.LEGACY)
    assert "nothing is run here" in report(legacy, "max_train_steps").why
    assert (legacy.values["max_train_epochs"], legacy.values["lr_warmup_steps"]) == (7, "5%")
    assert "train_batch_size" in legacy.values
    modded = imported(sources.LEGACY_MODDED)
    assert report(modded, "$alpha_args").fate == "without effect"
    assert any("$alpha_args" in note for note in modded.report.notes)


def test_the_notes_own_snippet_has_the_notes_own_values_for_the_rest() -> None:
    made = imported(sources.NOTES)
    assert made.report.profile == "source notes 2023-02"
    settings = made.settings
    assert (settings.unet_lr, settings.text_encoder_lr, settings.lr_warmup_steps) == (4.5e-3, 5e-5, "10%")
    assert (settings.lr_scheduler_num_cycles, settings.network_alpha, settings.max_train_epochs) == (5, 1, 4)


# OneTrainer.


def onetrainer(**changes: object) -> Imported:
    values = {"training_method": "LORA", "model_type": "STABLE_DIFFUSION_15", "base_model_name": "m", **changes}
    return imported(json.dumps(values).encode())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text_encoder": {"stop_training_after": 4}, "epochs": 9}, {"text_encoder_stop": "4ep"}),
        ({"text_encoder": {"stop_training_after": 9}, "epochs": 9}, {"text_encoder_stop": "100%"}),
        (
            {"text_encoder": {"stop_training_after": 70, "stop_training_after_unit": "STEP"}},
            {"text_encoder_stop": "70"},
        ),
        (
            {"unet": {"stop_training_after": 3, "stop_training_after_unit": "EPOCH"}, "epochs": 9},
            {"unet_stop": "3ep"},
        ),
        (
            {"text_encoder": {"stop_training_after": 2, "stop_training_after_unit": "HOUR"}},
            {"text_encoder_stop": None},
        ),
        ({"train_text_encoder_epochs": 5, "epochs": 20}, {"text_encoder_stop": "5ep"}),
        ({"learning_rate": 1e-4, "learning_rate_scaler": "BATCH", "batch_size": 9}, {"learning_rate": 3e-4}),
        ({"learning_rate": 1e-4, "learning_rate_scaler": "NONE", "batch_size": 9}, {"learning_rate": 1e-4}),
        ({"learning_rate_warmup_steps": 0.2}, {"lr_warmup_steps": "20%"}),
        ({"learning_rate_warmup_steps": 90, "gradient_accumulation_steps": 3}, {"lr_warmup_steps": "30"}),
        (
            {"learning_rate_scheduler": "CONSTANT", "learning_rate_warmup_steps": 0},
            {"lr_scheduler": "constant", "lr_warmup_steps": "0"},
        ),
        ({"text_encoder": {"train": False}}, {"network_train_unet_only": True}),
        ({"unet": {"train": False}}, {"network_train_text_encoder_only": True}),
        ({"lora_rank": 8, "lora_alpha": 4, "layer_filter_preset": "attn-mlp"}, {"network_dim": 8, "conv_dim": None}),
        ({"lora_rank": 8, "lora_alpha": 4, "layer_filter_preset": "full"}, {"conv_dim": 8, "conv_alpha": 4}),
        ({"lora_rank": 8, "train_unet": True}, {"network_dim": 8, "conv_dim": None}),
        ({"text_encoder_layer_skip": 1}, {"clip_skip": 2}),
        ({"resolution": "640x832"}, {"resolution": "640,832"}),
        ({"mae_strength": 1.0, "mse_strength": 0.0}, {"loss_type": "l1"}),
        ({"clip_grad_norm": None}, {"max_grad_norm": 0}),
        ({"sample_after": 3, "sample_after_unit": "EPOCH"}, {"sample_every_n_epochs": 3}),
        ({"optimizer": {"optimizer": "SGD", "nesterov": False}}, {"optimizer_type": "torch.optim.SGD"}),
        ({"optimizer": "ADAMW_8BIT", "optimizer_weight_decay": 0.1}, {"optimizer_args": ["weight_decay=0.1"]}),
        ({"force_v_prediction": True}, {"v_parameterization": "yes"}),
    ],
)
def test_onetrainer_s_values_mean_what_they_do_there(changes: dict[str, object], expected: dict[str, object]) -> None:
    values = onetrainer(**changes).values
    assert {name: values.get(name) for name in expected} == pytest.approx(expected)


def test_concepts_are_folders_with_their_repeats_and_those_that_are_off_are_left_out() -> None:
    made = imported(sources.ONETRAINER_NEW)
    subsets = tomllib.loads(made.data_set_text)["datasets"][0]["subsets"]
    assert subsets == [
        {
            "image_dir": "D:/sets/school",
            "num_repeats": 3,
            "caption_extension": ".txt",
            "shuffle_caption": True,
            "keep_tokens": 2,
            "caption_tag_dropout_rate": 0.1,
        }
    ]
    assert made.values["validation_data_dir"] == "D:/sets/held-out"
    assert "not opened" in report(imported(sources.ONETRAINER_OLD), "concept_file_name").why


def test_what_cannot_be_trained_here_is_named_at_the_top_and_the_rest_is_taken() -> None:
    for raw, words in (
        (sources.ONETRAINER_EDITED, ("FINE_TUNE", "FLUX_DEV_1", "LOKR")),
        (sources.AI_TOOLKIT_EDITED, ("lokr", "flux")),
        (sources.DREAMBOOTH_OLD, ("use_lora",)),
    ):
        made = imported(raw)
        for word in words:
            assert any(word in note for note in made.report.notes), word
            assert any(line.startswith("# ") and word in line for line in made.text.split("\n")), word
        assert "learning_rate" in made.values


# ai-toolkit.


def test_each_resolution_and_each_folder_is_a_data_set() -> None:
    made = imported(sources.AI_TOOLKIT_NEW)
    datasets = tomllib.loads(made.data_set_text)["datasets"]
    assert [each["resolution"] for each in datasets] == [512, 768, 1024, 1024]
    assert [each["subsets"][0]["image_dir"] for each in datasets] == [r"D:\sets\school"] * 3 + [r"D:\sets\reg"]
    assert datasets[3]["subsets"][0]["is_reg"] is True
    assert (made.values["conv_dim"], made.values["conv_alpha"]) == (16, 8)


def test_only_the_first_process_of_a_job_is_read() -> None:
    job = json.loads(sources.AI_TOOLKIT_NEW)
    job["config"]["process"].append({"type": "sd_trainer", "network": {"linear": 99}})
    made = imported(json.dumps(job).encode())
    assert made.values["network_dim"] == 32
    assert report(made, "config.process[1].network.linear").fate == "without effect"
    assert any("several processes" in note for note in made.report.notes)


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ({"lr": 1e-4, "train_text_encoder": True}, {"learning_rate": 1e-4, "unet_lr": 1e-4, "text_encoder_lr": 1e-4}),
        ({"lr": 1e-4, "unet_lr": 2e-4}, {"unet_lr": 2e-4, "text_encoder_lr": None}),
        ({"steps": 700}, {"max_train_steps": 700, "max_train_epochs": None}),
        (
            {"lr_scheduler": "constant_with_warmup", "lr_scheduler_params": {"num_warmup_steps": 50}},
            {"lr_warmup_steps": "50"},
        ),
        ({"lr_scheduler": "linear"}, {"lr_scheduler": None}),
        ({"max_denoising_steps": 499, "min_denoising_steps": 100}, {"max_timestep": 500, "min_timestep": 100}),
        ({"disable_sampling": True}, {"sample_every_n_steps": None}),
    ],
)
def test_ai_toolkit_s_values_mean_what_they_do_there(train: dict[str, object], expected: dict[str, object]) -> None:
    values = imported(json.dumps({"train": train, "model": {"name_or_path": "m"}}).encode()).values
    assert {name: values.get(name) for name in expected} == expected


# sd_dreambooth_extension, and cloneofsimo/lora.


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"stop_text_encoder": 0.3}, {"text_encoder_stop": "30%"}),
        ({"stop_text_encoder": 1.0}, {"text_encoder_stop": None}),
        ({"stop_text_encoder": 0}, {"network_train_unet_only": True}),
        ({"lora_unet_rank": 6}, {"network_dim": 6, "network_alpha": 6}),
        ({"lora_unet_rank": 6, "use_lora_extended": True}, {"conv_dim": 6, "conv_alpha": 6}),
        ({"lr_warmup_steps": 90, "train_batch_size": 3}, {"lr_warmup_steps": "30"}),
        ({"lora_learning_rate": 3e-4, "learning_rate": 1e-6}, {"unet_lr": 3e-4, "learning_rate": None}),
        ({"optimizer": "8bit AdamW", "weight_decay": 0.2}, {"optimizer_args": ["weight_decay=0.2"]}),
        ({"num_train_epochs": 60, "save_embedding_every": 6}, {"max_train_epochs": 60, "save_every_n_epochs": 6}),
        ({"src": "D:/a.safetensors"}, {"pretrained_model_name_or_path": "D:/a.safetensors"}),
    ],
)
def test_the_extension_s_values_mean_what_they_do_there(
    changes: dict[str, object], expected: dict[str, object]
) -> None:
    base = {"use_lora": True, "lifetime_revision": 0, "stop_text_encoder": 1, "hflip": False, "num_train_epochs": 1}
    values = imported(json.dumps(base | changes).encode()).values
    assert {name: values.get(name) for name in expected} == expected


def test_the_extension_s_concepts_are_subsets_and_pictures_of_the_class_are_regularisation() -> None:
    subsets = tomllib.loads(imported(sources.DREAMBOOTH_NEW).data_set_text)["datasets"][0]["subsets"]
    assert [(each["image_dir"], each.get("is_reg", False)) for each in subsets] == [
        (r"D:\sets\hifumi", False),
        (r"D:\sets\school", False),
        (r"D:\sets\girls", True),
    ]
    old = tomllib.loads(imported(sources.DREAMBOOTH_OLD).data_set_text)["datasets"][0]["subsets"]
    assert [each["image_dir"] for each in old] == [r"C:\sets\a", r"C:\sets\reg"]


def test_the_scale_of_cloneofsimo_s_lora_is_alpha_by_rank() -> None:
    values = imported(sources.PTI).values
    assert (values["network_dim"], values["network_alpha"]) == (8, 16)
    assert (values["unet_lr"], values["text_encoder_lr"]) == (4e-4, 4e-5)
    assert imported(sources.CLONEOFSIMO_EDITED).values["network_alpha"] == 16


def test_the_subject_gets_the_trigger_and_the_test_prompts() -> None:
    document = read_document(sources.AI_TOOLKIT_OLD.replace(b"hifumi in a park", b"[trigger] in a park"), "job.yaml")
    subject = import_documents([document], subject="hifumi", exists=lambda path: False).subject
    assert subject is not None
    assert (subject.trigger, subject.prompts, subject.seeds) == ("hifumi", {"sample 1": "hifumi in a park"}, [42])


def test_files_of_concepts_are_read_beside_their_config_or_alone() -> None:
    concepts = b"""// of OneTrainer
[{"name": "a", "path": "/sets/a", "image": {}, "text": {"prompt_source": "sample"}, "repeats": 4.0}, {"path": "/sets/b"}]"""
    documents = [read_document(raw, name) for raw, name in ((sources.ONETRAINER_OLD, "config"), (concepts, "concepts"))]
    made = import_documents(documents, exists=lambda path: False)
    subsets = tomllib.loads(made.data_set_text)["datasets"][0]["subsets"]
    assert [(each["image_dir"], each.get("num_repeats")) for each in subsets] == [("/sets/a", 4), ("/sets/b", None)]
    assert made.values["network_dim"] == 16
    assert not made.report.of("unknown")
    of_extension = b'[{"instance_data_dir": "/sets/c", "instance_prompt": "hifumi", "num_class_images_per": 0}]'
    subsets = tomllib.loads(imported(of_extension).data_set_text)["datasets"][0]["subsets"]
    assert subsets == [{"image_dir": "/sets/c", "class_tokens": "hifumi"}]


def test_json_behind_a_comment_is_json() -> None:
    made = imported(b"// saved\n# twice\n" + sources.DREAMBOOTH_NEW)
    assert made.values["network_dim"] == 8


@pytest.mark.parametrize("more", ["$ext_args", "${ext_args[@]}", "$Ext_Args --seed=3"])
def test_variables_that_blocks_turn_into_options_are_taken_by_their_names(more: str) -> None:
    script = f"""$train_data_dir = "/sets/a"
$keep_tokens = 2
$train_unet_only = 1
$network_weights = ""
$lr = "1e-4"
$ext_args = [System.Collections.ArrayList]::new()
if ($keep_tokens) {{
  [void]$ext_args.Add("--keep_tokens=$keep_tokens")
}}
accelerate launch "./sd-scripts/train_network.py" `
  --train_data_dir=$train_data_dir --learning_rate=$lr `
  --xformers --shuffle_caption {more}
"""
    made = imported(script.encode())
    values = made.values
    assert (values["keep_tokens"], values["network_train_unet_only"], values["shuffle_caption"]) == (2, True, True)
    assert values["learning_rate"] == 1e-4
    assert any("$ext_args" in note for note in made.report.notes)
    assert len(made.report.keys) == 5 + 4 + 1 + more.count("--")


def test_a_bash_script_s_arrays_of_options_are_named_and_its_switches_stay_switches() -> None:
    script = b"""#!/bin/bash
keep_tokens=2
extArgs=()
if [[ $keep_tokens -ne 0 ]]; then extArgs+=("--keep_tokens $keep_tokens"); fi
accelerate launch train_network.py --train_data_dir=/sets/a \\
  --xformers --shuffle_caption ${extArgs[@]}
"""
    made = imported(script)
    assert (made.values["shuffle_caption"], made.values["keep_tokens"]) == (True, 2)
    assert any("extArgs" in note for note in made.report.notes)
