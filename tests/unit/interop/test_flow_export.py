"""Settings of a base that predicts a flow, written for sd-scripts and its GUI and read back: the same bake, or said what is lost."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from tiny_anima import tiny_anima, tiny_files

from trainer.interop.documents import read_document
from trainer.interop.export.export import Exported, export_settings
from trainer.interop.export.targets import TARGETS
from trainer.interop.importer import import_documents
from trainer.settings.model import Settings

WORDS = {"sd-scripts": "timestep_sampling", "kohya-gui": "anima_timestep_sampling"}


def exported(target: str, tmp_path: Path, **changes: object) -> Exported:
    given = {"pretrained_model_name_or_path": str(tiny_files()), "network_train_unet_only": True} | changes
    settings = Settings.model_validate(given)
    file = tmp_path / f"out{TARGETS[target].ending}"
    return export_settings(settings, tmp_path / "settings.toml", TARGETS[target], file, tmp_path / "data.toml")


def back(made: Exported) -> Settings:
    return import_documents([read_document(made.text.encode(), "the export")]).settings


def whys(made: Exported, fate: str) -> Mapping[str, str]:
    return {each.setting: each.why for each in made.report.settings if each.fate == fate}


@pytest.mark.parametrize("target", ["sd-scripts", "kohya-gui"])
@pytest.mark.parametrize(
    ("times", "word"),
    [
        ({}, "uniform"),
        ({"discrete_flow_shift": 3}, "sigma"),
        ({"discrete_flow_shift": 0.5}, "sigma"),
        ({"timestep_sampling": "logit_normal", "logit_std": 1.3}, "sigmoid"),
        ({"timestep_sampling": "logit_normal", "logit_std": 0.7, "discrete_flow_shift": 3}, "shift"),
        ({"timestep_sampling": "logit_normal", "logit_mean": 0.4, "discrete_flow_shift": 2}, "sigma"),
        (
            {"timestep_sampling": "logit_normal", "logit_mean": 0.4, "logit_std": 0.7, "discrete_flow_shift": 0.5},
            "sigma",
        ),
        ({"timestep_sampling": "logit_normal", "logit_mean": -0.4, "logit_std": 0.6}, "sigma"),
    ],
)
def test_times_come_back_as_they_were(target: str, times: Mapping[str, object], word: str, tmp_path: Path) -> None:
    made = exported(target, tmp_path, **times)
    found = back(made)
    wanted = Settings.model_validate(times)
    names = ("timestep_sampling", "logit_mean", "logit_std", "discrete_flow_shift")
    assert {name: getattr(found, name) for name in names} == {name: getattr(wanted, name) for name in names}
    assert f"{WORDS[target]}" in made.text
    assert f'"{word}"' in made.text
    assert not whys(made, "lost").keys() & set(names)


@pytest.mark.parametrize("target", ["sd-scripts", "kohya-gui"])
def test_files_parts_and_memory_come_back(target: str, tmp_path: Path) -> None:
    changes = {
        "train_llm_adapter": True,
        "network_train_unet_only": False,
        "unet_lr": 3e-5,
        "text_encoder_lr": 3e-5,
        "rank_dropout": 0.1,
        "blocks_to_swap": 2,
        "t5_tokenizer_path": "t5",
        "qwen3_tokenizer": "q",
    }
    made = exported(target, tmp_path, **changes)
    found = back(made)
    same = ("train_llm_adapter", "network_train_unet_only", "unet_lr", "text_encoder_lr", "rank_dropout")
    assert {name: getattr(found, name) for name in same} == {name: changes[name] for name in same}
    assert (found.blocks_to_swap, found.t5_tokenizer_path) == (2, "t5")
    assert Path(found.qwen3).name == "qwen_3_06b_base.safetensors"
    assert Path(found.vae).name == "qwen_image_vae.safetensors"
    assert "brings its own" in whys(made, "not needed")["qwen3_tokenizer"]
    assert {"qwen3", "vae"} <= whys(made, "translated").keys()
    assert not whys(made, "lost").keys() & {*same, "blocks_to_swap", "qwen3", "vae"}


def test_sd_scripts_gets_its_program_and_options(tmp_path: Path) -> None:
    made = exported("sd-scripts", tmp_path, network_train_unet_only=False, xformers=True)
    table = {name: value for section in tomllib.loads(made.text).values() for name, value in section.items()}
    assert "anima_train_network.py" in made.how
    assert table["network_module"] == "networks.lora_anima"
    assert table["network_train_unet_only"] is True
    assert (table["attn_mode"], table["split_attn"]) == ("xformers", True)
    assert table.keys().isdisjoint({"fp8_base", "text_encoder_lr", "min_timestep", "logit_std", "qwen3_tokenizer"})
    assert "text encoder too" in whys(made, "translated")["network_train_unet_only"]


def test_the_gui_gets_its_switch_and_kind(tmp_path: Path) -> None:
    table = json.loads(exported("kohya-gui", tmp_path).text)
    assert (table["LoRA_type"], table["anima_checkbox"], table["sdxl"]) == ("Anima", True, False)
    assert table["text_encoder_lr"] == 0
    assert Path(table["anima_qwen3"]).name == "qwen_3_06b_base.safetensors"
    trained = {
        "train_llm_adapter": True,
        "network_train_unet_only": False,
        "text_encoder_lr": 1e-4,
        "rank_dropout": 0.1,
    }
    more = json.loads(exported("kohya-gui", tmp_path, blocks_to_swap=2, **trained).text)
    assert more["blocks_to_swap"] == 2
    # What stands there takes the place of all that the widgets would make.
    assert "--network_args rank_dropout=0.1 train_llm_adapter=True" in more["additional_parameters"]
    assert "anima_blocks_to_swap" not in more
    plain = json.loads(exported("kohya-gui", tmp_path, pretrained_model_name_or_path="demo", vae="v").text)
    assert (plain["LoRA_type"], plain["anima_checkbox"], plain["anima_vae"]) == ("Standard", False, "")


def test_what_sd_scripts_cannot_do_is_lost_by_name(tmp_path: Path) -> None:
    lost = whys(
        exported(
            "sd-scripts",
            tmp_path,
            timestep_sampling="laplace",
            max_timestep=900,
            fp8_base=True,
            train_llm_adapter=True,
            network_train_unet_only=False,
            unet_lr=1e-4,
            text_encoder_lr=5e-5,
            llm_adapter_path="a.safetensors",
        ),
        "lost",
    )
    assert lost.keys() >= {"timestep_sampling", "max_timestep", "fp8_base", "text_encoder_lr", "llm_adapter_path"}
    idle = whys(exported("sd-scripts", tmp_path, min_snr_gamma=5, noise_offset=0.1), "not needed")
    assert "does not have" in idle["min_snr_gamma"]
    assert "plain noise" in idle["noise_offset"]


def test_a_folder_and_a_program_without_such_a_base_are_noted(tmp_path: Path) -> None:
    notes = exported("sd-scripts", tmp_path, pretrained_model_name_or_path=str(tiny_anima())).report.notes
    assert any("original files" in note for note in notes)
    other = exported("easy-training-scripts", tmp_path).report.notes
    assert any("no program of it trains Anima" in note for note in other)
