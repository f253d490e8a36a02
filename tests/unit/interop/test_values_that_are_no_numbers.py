"""Values that should be numbers and are not: refused by name, never taken for 0 or for a default."""

import json

import pytest

from trainer.interop.documents import read_document
from trainer.interop.importer import Imported, import_documents

GUI = {"LoRA_type": "Standard", "epoch": 4, "text_encoder_lr": 5e-5, "unet_lr": 1e-4, "lr_warmup": 10}
AI_TOOLKIT = {"type": "sd_trainer", "network": {"type": "lora", "linear": 8}, "save": {}, "sample": {}}


def imported(table: object) -> Imported:
    return import_documents([read_document(json.dumps(table).encode(), "x.json")], exists=lambda path: False)


@pytest.mark.parametrize(
    "key",
    ["text_encoder_lr", "unet_lr", "lr_warmup", "lr_warmup_steps", "noise_offset", "max_train_steps", "network_dim"],
)
@pytest.mark.parametrize("value", ["1e-4;", "about 5", ["x"]])
def test_the_gui_s_numbers(key: str, value: object) -> None:
    made = imported({**GUI, key: value})
    found = next(each for each in made.report.keys if each.key == key)
    assert (found.fate, found.to) == ("without effect", "")
    assert found.why
    assert not made.values.get("network_train_unet_only")
    assert not made.values.get("network_train_text_encoder_only")


@pytest.mark.parametrize(("group", "key"), [("save", "save_every"), ("sample", "width"), ("sample", "height")])
def test_ai_toolkit_s_numbers(group: str, key: str) -> None:
    process = {**AI_TOOLKIT, group: {"width": 768, "height": 768, "save_every": 20, key: "often"}}
    made = imported({"job": "extension", "config": {"name": "x", "process": [process]}})
    reports = [each for each in made.report.keys if each.key.split(".")[-1] in ("width", key)]
    assert any("often" in each.why for each in reports)
    assert "sample_resolution" not in made.values or group == "save"
    assert "save_every_n_steps" not in made.values or key != "save_every"


OTHERS = {
    "save_embedding_every": {
        "lora_unet_rank": 8,
        "lora_txt_rank": 4,
        "num_train_epochs": 9,
        "concepts_list": [],
        "hflip": False,
    },
    "warmup_lr_ratio": {"net_dim": 8, "img_folder": "x", "test_seed": 3, "base_model": "y"},
    "learning_rate_warmup_steps": {"training_method": "LORA", "model_type": "STABLE_DIFFUSION_15", "lora_rank": 8},
    "text_encoder_layer_skip": {"training_method": "LORA", "model_type": "STABLE_DIFFUSION_15", "lora_rank": 8},
}


@pytest.mark.parametrize("key", OTHERS)
@pytest.mark.parametrize("value", ["soon", [1, "x"]])
def test_the_numbers_of_other_trainers(key: str, value: object) -> None:
    made = imported({**OTHERS[key], key: value})
    found = next(each for each in made.report.keys if each.key == key)
    assert (found.fate, found.to) == ("without effect", "")
    assert "cannot be" in found.why


def test_a_note_at_the_top_names_what_no_setting_may_have() -> None:
    text = b"accelerate launch train_network.py --learning_rate=abc --network_dim 8 --resolution=70000 --seed 5 --clip_skip=99\n"
    report = import_documents([read_document(text, "the paste")]).report
    assert report.notes[0] == (
        "3 values cannot be taken: learning_rate, resolution, clip_skip; the reason stands with each"
    )
    assert {key.key: key.fate for key in report.keys}["network_dim"] == "taken"
    fine = import_documents([read_document(b"train_network.py --learning_rate=1e-4 --seed 5\n", "the paste")])
    assert not any("cannot be taken" in note for note in fine.report.notes)
