"""PEFT's adapter configs as settings: today's and old ones, edited by hand, in their folders and alone."""

import json
from pathlib import Path

import pytest
from header_only import write_header_only

from trainer.errors import SettingsError
from trainer.interop.documents import open_document, read_document
from trainer.interop.importer import Imported, import_documents
from trainer.interop.trainers.peft_config import PEFT

# PEFT 0.3 of 2023.
OLD = {
    "base_model_name_or_path": "runwayml/stable-diffusion-v1-5",
    "bias": "none",
    "fan_in_fan_out": False,
    "inference_mode": True,
    "init_lora_weights": True,
    "layers_pattern": None,
    "layers_to_transform": None,
    "lora_alpha": 27,
    "lora_dropout": 0.1,
    "modules_to_save": None,
    "peft_type": "LORA",
    "r": 16,
    "revision": None,
    "target_modules": ["to_q", "to_v", "query", "value"],
    "task_type": None,
}
EDITED = '\ufeff{"peft_type": "LORA",\r\n "r": "8", "lora_alpha": "4",\r\n "mine": 3, "target_modules": "to_.*"}\r\n'


def folder(path: Path, config: dict[str, object], rank: int = 16) -> Path:
    (path / "adapter_config.json").write_text(json.dumps(config))
    name = "base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v"
    shapes = {f"{name}.lora_A.weight": (rank, 768), f"{name}.lora_B.weight": (320, rank)}
    write_header_only(path / "adapter_model.safetensors", shapes, dtype="F32")
    return path


def imported(path: Path) -> Imported:
    return import_documents([open_document(path)])


def test_a_folder_of_2023_is_read_with_its_tensors(tmp_path: Path) -> None:
    result = imported(folder(tmp_path, OLD))
    assert dict(result.values) == {
        "network_dim": 16,
        "network_alpha": 27.0,
        "network_dropout": 0.1,
        "network_train_unet_only": True,
        "save_precision": "float",
        "pretrained_model_name_or_path": "runwayml/stable-diffusion-v1-5",
    }
    assert result.report.of("unknown") == ()
    assert "its scale is alpha / rank, 27 / 16 = 1.688; here it is network_alpha / network_dim" in result.report.notes
    assert "its layers fit SD1.x" in result.report.notes


def test_every_key_that_peft_writes_is_known(tmp_path: Path) -> None:
    from peft import LoraConfig

    config = LoraConfig(r=4, lora_alpha=8, use_rslora=True, target_modules=["to_q"], rank_pattern={"a.b": 2})
    config.save_pretrained(tmp_path)
    result = imported(folder(tmp_path, json.loads((tmp_path / "adapter_config.json").read_text()), rank=4))
    assert result.report.of("unknown") == ()
    # alpha / √4 = alpha × 2 / 4.
    assert (result.values["network_dim"], result.values["network_alpha"]) == (4, 16.0)
    assert any("alpha / √rank, 8 / √4 = 4" in note for note in result.report.notes)
    assert any("dim_from_weights" in note for note in result.report.notes)


def test_an_edited_config_is_read_alone() -> None:
    result = import_documents([read_document(EDITED.encode(), "the paste")])
    assert result.report.title == PEFT.title
    assert (result.values["network_dim"], result.values["network_alpha"]) == (8, 4.0)
    assert [key.key for key in result.report.of("unknown")] == ["mine"]
    assert result.report.count_line().startswith("5 keys: ")


@pytest.mark.parametrize(
    ("change", "note"),
    [({"use_dora": True}, "it is a DoRA; the settings"), ({"peft_type": "LOHA"}, "it is a LOHA; the settings")],
)
def test_another_kind_of_adapter_is_named(tmp_path: Path, change: dict[str, object], note: str) -> None:
    assert any(each.startswith(note) for each in imported(folder(tmp_path, OLD | change)).report.notes)


def test_convolutions_among_the_targets_get_layers(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps(OLD | {"target_modules": ["to_q", "conv1"]}))
    assert imported(tmp_path).values["conv_dim"] == 16


def test_a_folder_of_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"a folder; expected .*adapter_config\.json"):
        open_document(tmp_path)


def test_a_folder_of_diffusers_is_the_lora_in_it(tmp_path: Path) -> None:
    folder(tmp_path, OLD)
    (tmp_path / "adapter_config.json").unlink()
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "pytorch_lora_weights.safetensors")
    assert imported(tmp_path).values["network_dim"] == 16


def test_an_empty_table_is_blank_and_one_with_entries_has_its_reason() -> None:
    raw = b'{"peft_type": "LORA", "r": 8, "lora_alpha": 8, "target_modules": ["to_q"], "alpha_pattern": {}, "rank_pattern": {"to_q": 4}}'
    made = import_documents([read_document(raw, "adapter_config.json")])
    why = {each.key: each.why for each in made.report.keys}
    assert why["alpha_pattern"] == "blank"
    assert "dim_from_weights" in why["rank_pattern.to_q"]
