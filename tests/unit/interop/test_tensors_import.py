"""LoRA files on disk as a source of settings: what tensors alone tell, and what is refused."""

from pathlib import Path

import pytest
from header_only import lora_file, write_header_only

from trainer.errors import ModelError
from trainer.interop.documents import open_document
from trainer.interop.importer import import_documents


def test_plain_tensors_say_what_they_are_and_what_is_not_known(tmp_path: Path) -> None:
    result = import_documents([open_document(lora_file(tmp_path / "x.safetensors", (8, 8, 16), dtype="BF16"))])
    expected = {
        "network_dim": 8,
        "network_alpha": 8.0,
        "conv_dim": 4,
        "conv_alpha": 4.0,
        "network_train_unet_only": True,
        "save_precision": "bf16",
    }
    assert dict(result.values) == expected
    notes = " | ".join(result.report.notes)
    assert "its layers fit SD1.x; which base it was trained on is not in the file" in notes
    assert "ranks from 8 to 16, most of them 8" in notes
    assert "not in the file: learning rates, steps, schedule" in notes
    assert result.report.of("unknown") == ()


@pytest.mark.parametrize(("cross", "base"), [(1024, "SD2.x"), (2048, "SDXL")])
def test_the_base_that_layers_fit_is_told_by_their_widths(tmp_path: Path, cross: int, base: str) -> None:
    result = import_documents([open_document(lora_file(tmp_path / "x.safetensors", cross=cross))])
    assert any(note.startswith(f"its layers fit {base};") for note in result.report.notes)


def test_what_metadata_say_of_ranks_wins_over_the_tensors(tmp_path: Path) -> None:
    path = lora_file(tmp_path / "x.safetensors", ss_network_dim="12", ss_network_alpha="None")
    result = import_documents([open_document(path)])
    assert (result.values["network_dim"], result.values["network_alpha"]) == (12, 0.0)


def test_a_file_that_is_no_lora_is_refused(tmp_path: Path) -> None:
    path = write_header_only(tmp_path / "x.safetensors", {"first_stage_model.encoder.conv_in.weight": (4, 4)})
    with pytest.raises(ModelError, match="no LoRA in the keys of kohya"):
        open_document(path)


@pytest.mark.parametrize("name", ["x.pt", "x.ckpt", "x.bin"])
def test_a_pickle_is_refused_with_the_way_out(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(ModelError, match=r"a pickle file; .*download the \.safetensors file of the same model"):
        open_document(tmp_path / name)


def test_a_file_of_cloneofsimo_is_read_and_its_embeddings_are_named(tmp_path: Path) -> None:
    from lora_on_disk import write_numbered_lora

    path = write_numbered_lora(tmp_path / "x.safetensors", rank=6)
    result = import_documents([open_document(path)])
    # Its scale is 1: alpha is the rank.
    assert (result.values["network_dim"], result.values["network_alpha"]) == (6, 6.0)
    assert result.values["network_train_unet_only"] is True
    assert result.report.of("unknown") == ()
    assert any("embeddings in the file are not read here: <s1>" in note for note in result.report.notes)
    assert result.settings.behave_like == "cloneofsimo lora 2023-02"


@pytest.mark.parametrize(("cross", "is_named"), [(768, False), (1024, True)])
def test_a_base_that_cannot_be_baked_on_is_named_by_the_words_or_the_widths(
    tmp_path: Path, cross: int, is_named: bool
) -> None:
    # ai-toolkit's word for SD1.5.
    path = lora_file(tmp_path / "x.safetensors", cross=cross, ss_base_model_version="sd_1.5", software="{}")
    notes = import_documents([open_document(path)]).report.notes
    assert any("it was trained on a base of the kind sd_1.5" in note for note in notes) == is_named


def test_keys_are_listed_in_the_same_order_however_they_stand_in_the_file(tmp_path: Path) -> None:
    names = [f"ss_{name}" for name in ("unet_lr", "network_dim", "zebra", "clip_skip")]
    lists = [
        [key.key for key in open_document(lora_file(tmp_path / f"{at}.safetensors", **dict.fromkeys(order, "2"))).keys]
        for at, order in enumerate((names, names[::-1]))
    ]
    assert lists[0] == lists[1] and lists[0][:4] == sorted(names)
