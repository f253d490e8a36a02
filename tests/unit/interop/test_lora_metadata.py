"""A bake made again from a LoRA's metadata: our own files whole, sd-scripts' of 2023 and of today as far as they say it."""

import json
import random
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from baked_metadata import baked_metadata, baked_settings, data_of, other_value_here
from header_only import lora_file, write_header_only
from other_values import other_value
from sd_scripts_metadata import EDITED, NEW, OLD

from trainer.errors import SettingsError
from trainer.interop.documents import open_document
from trainer.interop.importer import Imported, import_documents
from trainer.interop.named_models import finder
from trainer.interop.record import SourceDocument, SourceKey
from trainer.interop.trainers.lora_data import found_again
from trainer.interop.trainers.lora_metadata import METADATA, optimizer_named
from trainer.interop.write_import import import_to
from trainer.optimizers import OPTIMIZERS
from trainer.plan.plan import Plan, make_plan
from trainer.profiles.registry import PROFILES
from trainer.settings.describe import field, fields
from trainer.settings.in_metadata import AS_SET
from trainer.settings.model import Settings
from trainer.workspace import make_workspace

# Of the length only what decides it is taken over.
LENGTH = "max_train_steps"


def document(metadata: Mapping[str, object]) -> SourceDocument:
    return SourceDocument("x.safetensors", "safetensors", tuple(map(SourceKey, metadata, metadata.values())), metadata)


def imported(metadata: Mapping[str, object]) -> Imported:
    return import_documents([document(metadata)])


def fates(result: Imported) -> dict[str, str]:
    return {key.key: key.fate for key in result.report.keys}


def differing(one: Settings, other: Settings) -> list[str]:
    names = [info.name for info in fields() if not info.stays_here]
    found = [name for name in names if getattr(one, name) != getattr(other, name)]
    return [name for name in found if name != LENGTH or one.max_train_epochs is None]


def plan_of(settings: Settings) -> Plan:
    return make_plan(settings, data_of(settings), family="sd1")


@pytest.mark.parametrize("part", range(10))
def test_every_setting_comes_back_from_the_file(part: int) -> None:
    # A tenth of them at a time: the two switches of the parts, and fp8 and int8, stand beside each other in the form.
    infos = [info for info in fields() if not info.stays_here][part::10]
    changes = {info.name: other_value_here(info) for info in infos}
    settings = baked_settings(**changes)
    again = imported(baked_metadata(**changes)).settings
    assert differing(again, settings) == []


@pytest.mark.parametrize("seed", range(6))
def test_many_settings_at_once_give_the_same_plan(seed: int) -> None:
    draw = random.Random(seed)
    names = [info for info in fields() if not info.stays_here]
    # fp8 and int8, the two switches of the parts, and stops of all parts exclude each other.
    alone = {"int8_base", "network_train_text_encoder_only", "unet_stop"}
    chosen = {info.name: other_value_here(info) for info in draw.sample(names, 40) if info.name not in alone}
    if seed % 3 == 0:
        chosen |= {"max_train_epochs": None, "max_train_steps": 33}
    settings = baked_settings(**chosen)
    again = imported(baked_metadata(**chosen)).settings
    assert differing(again, settings) == []
    assert plan_of(again) == plan_of(settings)


@pytest.mark.parametrize("key", PROFILES)
def test_a_bake_like_another_trainers_comes_back_with_all_that_was_set_otherwise(key: str) -> None:
    """Set by hand: everything to our own defaults, where that trainer has others."""
    stated = Settings().model_dump()
    same = ("behave_like", "resolution", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps", "train_batch_size")
    changes = {name: value for name, value in stated.items() if name not in (*same, "pretrained_model_name_or_path")}
    for chosen in ({}, changes):
        settings = baked_settings(**chosen, behave_like=key)
        result = imported(baked_metadata(**chosen, behave_like=key))
        assert differing(result.settings, settings) == []
        assert result.settings.behave_like == settings.behave_like


def test_what_is_blank_though_its_default_is_not_stays_blank() -> None:
    blank = {info.name: None for info in fields() if info.optional and info.default is not None}
    assert {"unet_lr", "max_train_epochs", "save_every_n_epochs"} <= set(blank)
    again = imported(baked_metadata(**blank, max_train_steps=20)).settings
    assert {name: getattr(again, name) for name in blank} == blank


def test_every_key_of_ours_has_one_fate_and_none_is_unknown() -> None:
    everything = {info.name: other_value_here(info) for info in fields() if info.name not in ("int8_base",)}
    everything |= {"network_train_text_encoder_only": False, "unet_stop": ""}
    metadata = baked_metadata(**everything | {"dataset_config": ""})
    report = imported(metadata).report
    assert [key.key for key in report.keys] == list(metadata)
    assert report.of("unknown") == ()
    assert report.count_line().startswith(f"{len(metadata)} keys: ")


def test_nothing_that_belongs_to_another_machine_is_taken_from_a_file() -> None:
    metadata = baked_metadata()
    held = json.loads(metadata[AS_SET]) | {
        "on_done": "touch here",
        "on_trouble": "touch there",
        "sample_prompts": "/home/somebody/prompts.txt",
        "train_data_dir": "/home/somebody",
        "no_such_setting": 1,
    }
    result = imported(metadata | {AS_SET: json.dumps(held)})
    assert (result.settings.on_done, result.settings.on_trouble, result.settings.sample_prompts) == ("", "", "")
    assert "touch" not in result.text
    assert result.settings.train_data_dir == ""


@pytest.mark.parametrize(
    "text", ["", "[]", "{", "null", '"x"', '{"network_dim": {"a": 1}, "seed": [], "unet_stop": "∞"}']
)
def test_a_damaged_list_of_our_settings_leaves_the_other_keys(text: str) -> None:
    result = imported(baked_metadata(network_dim=24) | {AS_SET: text})
    assert fates(result)[AS_SET] == "without effect" or result.settings.network_dim == 32
    if not text.startswith('{"'):
        assert result.settings.network_dim == 24


def test_a_file_of_2023_is_read() -> None:
    result = imported(OLD)
    expected = {
        "learning_rate": 1e-4,
        "unet_lr": None,
        "text_encoder_lr": 5e-5,
        "network_dim": 128,
        "network_alpha": 64.0,
        "max_train_epochs": 8,
        "lr_warmup_steps": "160",
        "train_batch_size": 3,
        "resolution": "512",
        "clip_skip": 2,
        "max_token_length": "225",
        "shuffle_caption": True,
        "keep_tokens": 1,
        "min_bucket_reso": 320,
        "optimizer_type": "AdamW8bit",
        "mixed_precision": "fp16",
        "output_name": "hifumi",
        "caption_extension": [".txt", ".caption"],
        "pretrained_model_name_or_path": "nai.safetensors",
    }
    assert {name: result.values[name] for name in expected} == expected
    assert result.report.profile == "sd-scripts 2023-02"
    assert result.report.of("unknown") == ()
    assert result.report.paths == {"nai.safetensors": ""}
    assert any(
        "2 folders: 10_school (50 pictures, 10 repeats), 5_gym (20 pictures, 5 repeats)" in note
        for note in result.report.notes
    )
    by_key = {key.key: key for key in result.report.keys}
    assert by_key["ss_flip_aug"].fate == "without effect"
    assert by_key["ss_flip_aug"].why


def test_a_file_of_today_is_read() -> None:
    result = imported(NEW)
    expected = {
        "text_encoder_lr": 5e-5,
        "text_encoder_lr2": 1e-5,
        "max_train_epochs": None,
        "max_train_steps": 1000,
        "lr_warmup_steps": "5%",
        "conv_dim": 4,
        "conv_alpha": 1.0,
        "loraplus_unet_lr_ratio": 16.0,
        "optimizer_type": "Prodigy",
        "optimizer_args": ["d_coef=0.8", "betas=0.9:0.99", "weight_decay=0.01"],
        "v_parameterization": "yes",
        "zero_terminal_snr": "yes",
        "min_timestep": 100,
        "max_timestep": 900,
        "enable_bucket": False,
    }
    assert {name: result.values[name] for name in expected} == expected
    assert result.report.profile == "sd-scripts 2026-02"
    # Its captions were the folder's words alone: the ending that it looked for found none.
    assert fates(result)["ss_tag_frequency"] == "without effect"
    assert result.report.of("unknown") == ()


def test_an_edited_file_is_read_as_far_as_it_goes() -> None:
    result = imported(EDITED)
    assert result.values["network_dim"] == 32
    assert [key.key for key in result.report.of("unknown")] == ["my.key", "ss_future_option"]
    assert "my.key" in result.text
    assert len(result.report.keys) == len(EDITED)
    assert fates(result)["ss_network_alpha"] == fates(result)["ss_max_train_steps"] == "without effect"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_is_known_by_the_class_that_files_name(name: str) -> None:
    assert optimizer_named(OPTIMIZERS[name].metadata_name) == name


def test_classes_of_other_packages_keep_their_paths() -> None:
    assert optimizer_named("lion_pytorch.lion_pytorch.Lion") == "Lion"
    assert optimizer_named("torch.optim.nadam.NAdam") == "torch.optim.nadam.NAdam"
    assert optimizer_named("dadaptation.dadapt_adam.DAdaptAdam") == "dadaptation.DAdaptAdam"


@pytest.mark.parametrize(
    ("steps", "epochs", "batches", "accumulated", "expected"),
    [
        ("155", "5", "31", "1", {"max_train_epochs": 5}),
        # Two batches a step: 16 steps an epoch.
        ("80", "5", "31", "2", {"max_train_epochs": 5}),
        # sd-scripts of 2023 did not divide: 5 epochs were asked for and 10 run, so only the steps are certain.
        ("155", "10", "31", "2", {"max_train_steps": 155}),
        ("100", "4", "31", "1", {"max_train_steps": 100}),
    ],
)
def test_a_length_is_epochs_where_they_are_whole(
    steps: str, epochs: str, batches: str, accumulated: str, expected: dict[str, int]
) -> None:
    values = imported(
        {
            "ss_max_train_steps": steps,
            "ss_num_epochs": epochs,
            "ss_num_batches_per_epoch": batches,
            "ss_gradient_accumulation_steps": accumulated,
        }
    ).values
    assert {name: value for name, value in values.items() if name.startswith("max_train") and value} == expected


def test_a_file_of_other_layers_is_named_and_its_metadata_are_read(tmp_path: Path) -> None:
    name = "lora_unet_mid_block_attentions_0_proj_in"
    shapes = {f"{name}.hada_w{half}_{side}": (4, 4) for half in "12" for side in "ab"}
    path = write_header_only(tmp_path / "x.safetensors", shapes, metadata=OLD)
    result = import_documents([open_document(path)])
    assert result.values["network_dim"] == 128
    assert any("it is a LoHa" in note and "plain LoRA" in note for note in result.report.notes)


def test_a_file_of_another_kind_without_metadata_is_taken_in_as_what_it_is(tmp_path: Path) -> None:
    name = "lora_unet_mid_block_attentions_0_proj_in"
    path = write_header_only(tmp_path / "x.safetensors", {f"{name}.lokr_w1": (2, 2), f"{name}.lokr_w2": (4, 4)})
    (fact,) = open_document(path).keys
    assert (fact.key, fact.value) == ("tensors.kind", f"it is a LoKr: {name}")


def test_the_base_is_found_in_the_workspace_by_its_hash(tmp_path: Path) -> None:
    from trainer.models.file_hashes import hashes_of

    base = write_header_only(tmp_path / "renamed.safetensors", {"a": (4, 4)})
    (tmp_path / "mine.toml").write_text(f'pretrained_model_name_or_path = "{base}"\n')
    found = hashes_of(base)
    assert found is not None
    hashes = {"ss_sd_model_name": "nai.safetensors", "ss_new_sd_model_hash": found.sha256}
    find = finder(tmp_path)
    result = import_documents([document(OLD | hashes)], find=find)
    assert result.values["pretrained_model_name_or_path"] == str(base)
    assert result.report.paths == {}
    # One of the same name whose hash is another is another model.
    other = {"ss_sd_model_name": "renamed.safetensors", "ss_new_sd_model_hash": "0" * 64}
    result = import_documents([document(OLD | other)], find=find)
    assert result.values["pretrained_model_name_or_path"] == "renamed.safetensors"
    assert result.report.paths == {"renamed.safetensors": ""}


def test_the_folders_of_a_bake_are_found_again(tmp_path: Path) -> None:
    (tmp_path / "10_school").mkdir()
    for number in range(50):
        (tmp_path / "10_school" / f"{number}.PNG").write_bytes(b"")
    assert found_again(OLD, tmp_path) == (
        "10_school is here with 50 pictures",
        f"5_gym is not in {tmp_path}",
    )
    (tmp_path / "5_gym").mkdir()
    assert found_again(OLD, tmp_path)[1] == "5_gym is here with 0 pictures; the bake had 20"
    assert found_again({"ss_dataset_dirs": '{"../x": {}}'}, tmp_path) == ("../x is not a folder's name",)


def test_no_row_stands_in_the_table_twice_and_each_says_what_it_does() -> None:
    keys = [rule.key for rule in METADATA.rules]
    assert len(set(keys)) == len(keys)
    assert [rule.key for rule in METADATA.rules if not rule.options and not rule.why] == []
    assert [option for rule in METADATA.rules for option in rule.options if option == ""] == []
    assert field("network_dim").default == Settings().network_dim
    assert other_value(field("seed")) == 43


def test_the_folders_are_looked_for_in_the_pictures_of_a_subject_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "subjects").mkdir()
    (tmp_path / "pictures" / "5_gym").mkdir(parents=True)
    (tmp_path / "subjects" / "hifumi.toml").write_text('train_data_dir = "pictures"\n')
    result = import_to([document(OLD)], tmp_path / "again.toml", subject="hifumi")
    assert result.values["subject"] == "hifumi"
    assert result.subject is None
    assert "5_gym is here with 0 pictures; the bake had 20" in result.report.notes
    assert any(note.startswith("10_school is not in ") for note in result.report.notes)
    assert import_to([document(OLD)], tmp_path / "again.toml", subject="another").subject is not None


def test_a_lora_of_a_bake_here_is_of_the_subject_that_the_bake_was_of(tmp_path: Path) -> None:
    """Its metadata do not name it."""
    workspace = make_workspace(tmp_path)
    workspace.journal_path.touch()
    (tmp_path / "sets" / "5_gym").mkdir(parents=True)
    subject = workspace.subjects / "kazusa_2.toml"
    subject.write_text('train_data_dir = "sets"\n')
    bake = workspace.bake_folder(7, "x")
    bake.mkdir(parents=True)
    source = replace(document(OLD), folder=str(bake))
    assert "subject" not in import_to([source], tmp_path / "again.toml").values
    (bake / "settings.toml").write_text('subject = "kazusa_2"\n')
    result = import_to([source], tmp_path / "again.toml")
    assert (result.values["subject"], result.subject) == ("kazusa_2", None)
    assert "5_gym is here with 0 pictures; the bake had 20" in result.report.notes
    assert "subject" not in import_to([source], tmp_path / "again.toml", subject="").values
    # Not one that is gone, nor that of a folder elsewhere that looks like a bake's.
    elsewhere = tmp_path / "other" / "bakes" / "0007-x"
    elsewhere.mkdir(parents=True)
    (elsewhere / "settings.toml").write_text('subject = "kazusa_2"\n')
    assert "subject" not in import_to([replace(source, folder=str(elsewhere))], tmp_path / "again.toml").values
    subject.unlink()
    assert "subject" not in import_to([source], tmp_path / "again.toml").values


def test_what_no_bake_writes_is_passed_over_and_long_tables_of_tags_are_read(tmp_path: Path) -> None:
    tags = {"10_a": {f"tag {number}": number for number in range(3000)}}
    assert imported({"ss_tag_frequency": json.dumps(tags)}).values["caption_extension"] == [".txt", ".caption"]
    groups = [{"subsets": [{"image_dir": f"{number}_a", "num_repeats": 1} for number in range(4000)]}]
    result = imported({"ss_datasets": json.dumps(groups), AS_SET: "[" * 10_000, "ss_optimizer": "a.B(" + "x=(1," * 300})
    assert fates(result)["ss_datasets"] == fates(result)[AS_SET] == "without effect"
    many = lora_file(tmp_path / "x.safetensors", **{f"k{number}": "" for number in range(10_001)})
    with pytest.raises(SettingsError, match="more than 10,000 keys"):
        open_document(many)


def test_a_list_of_groups_is_a_data_set_file() -> None:
    groups = [
        {
            "resolution": [512, 768],
            "batch_size_per_device": 2,
            "enable_bucket": True,
            "tag_frequency": {"10_a": {"x": 1}},
            "subsets": [
                {"image_dir": "10_a", "num_repeats": 10, "img_count": 3, "class_tokens": None, "shuffle_caption": True},
                {"image_dir": "reg", "num_repeats": 1, "is_reg": True, "color_aug": False},
            ],
        }
    ]
    result = imported({"ss_datasets": json.dumps(groups)})
    assert tomllib.loads(result.data_set_text) == {
        "datasets": [
            {
                "resolution": [512, 768],
                "batch_size": 2,
                "enable_bucket": True,
                "subsets": [
                    {"image_dir": "10_a", "num_repeats": 10, "shuffle_caption": True},
                    {"image_dir": "reg", "num_repeats": 1, "is_reg": True},
                ],
            }
        ]
    }
    (key,) = result.report.keys
    assert 'image_dir = "10_a"' in key.to
    assert 'image_dir = "reg"' in key.to


def test_a_bake_of_an_older_version_is_read_without_the_list_of_settings() -> None:
    metadata = {key: value for key, value in baked_metadata(network_dim=24, unet_stop="1ep").items() if key != AS_SET}
    result = imported(metadata)
    assert (result.values["network_dim"], result.values["unet_stop"]) == (24, "1ep")
    assert result.report.profile == ""
    assert any(note.startswith("the metadata of an older version do not say ") for note in result.report.notes)


def test_the_times_of_a_flow_that_sd_scripts_writes_are_read() -> None:
    flow = {
        "ss_network_module": "networks.lora_anima",
        "ss_base_model_version": "anima",
        "ss_weighting_scheme": "uniform",
        "ss_logit_mean": "0.0",
        "ss_logit_std": "1.0",
        "ss_mode_scale": "1.29",
        "ss_timestep_sampling": "shift",
        "ss_sigmoid_scale": "1.3",
        "ss_discrete_flow_shift": "3.0",
        "ss_network_args": '{"train_llm_adapter": "True"}',
        "ss_unet_lr": "3e-05",
        "modelspec.prediction_type": "epsilon",
    }
    result = imported(NEW | flow)
    settings = result.settings
    assert (settings.timestep_sampling, settings.logit_std, settings.logit_mean) == ("logit_normal", 1.3, 0.0)
    assert (settings.discrete_flow_shift, settings.train_llm_adapter, settings.text_encoder_lr) == (3.0, True, 3e-5)
    assert settings.v_parameterization == "auto"
    assert not any("a base of the kind" in note for note in result.report.notes)
    sigmoid = imported(NEW | flow | {"ss_timestep_sampling": "sigmoid"}).settings
    assert (sigmoid.timestep_sampling, sigmoid.discrete_flow_shift) == ("logit_normal", 1.0)
