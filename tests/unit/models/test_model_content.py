"""Contents of models: the hash of all that is read of them, and of nothing else."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from replaced_file import ReplacedFile

from trainer.errors import ModelError
from trainer.families.registry import FAMILIES
from trainer.models.file_hashes import hashes_of
from trainer.models.identify import model_place
from trainer.models.model_content import ModelContent, content_of_model, files_of_model, marks_of_model
from trainer.settings.subject import DEMO_BASE


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A copy of the demo's base, a diffusers folder."""
    return Path(shutil.copytree(model_place(DEMO_BASE), tmp_path / "base"))


def content(place: Path) -> ModelContent:
    found = content_of_model(place)
    assert found is not None
    return found


def test_a_files_content_is_its_sha256(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"abc")
    found = content(path)
    assert (found.sha256, found.size, dict(found.parts)) == (hashlib.sha256(b"abc").hexdigest(), 3, {})
    assert found.hashes == hashes_of(path)


def test_every_file_in_a_folder_that_a_bake_reads_counts(base: Path) -> None:
    first, marks = content(base), marks_of_model(base)
    read = [path for path in base.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert set(first.parts) == {path.relative_to(base).as_posix() for path in read}
    folders = {name for record in FAMILIES.values() for name in record.folders}
    assert {name.split("/")[0] for name in first.parts} - {"model_index.json"} <= folders
    for path in read:
        name = path.relative_to(base).as_posix()
        with ReplacedFile(path):
            now = content(base)
            assert now.sha256 != first.sha256 and marks_of_model(base) != marks, name
            assert {part for part in now.parts if now.parts[part] != first.parts[part]} == {name}
        assert content(base).sha256 == first.sha256


def test_what_lies_beside_a_folders_parts_does_not_count(base: Path, tmp_path: Path) -> None:
    first = content(base)
    (base / "README.md").write_text("x")
    (base / "all_in_one.safetensors").write_bytes(b"x" * 99)
    (base / "safety_checker").mkdir()
    (base / "safety_checker" / "model.safetensors").write_bytes(b"x")
    # The full weights are preferred.
    (base / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"x")
    (base / "vae" / "diffusion_pytorch_model.bin").write_bytes(b"x")
    assert content(base) == first
    assert content(Path(shutil.copytree(base, tmp_path / "elsewhere"))) == first


def test_a_vaes_folder_is_known_by_its_config_and_weights(base: Path) -> None:
    vae = base / "vae"
    assert set(content(vae).parts) == {"config.json", "diffusion_pytorch_model.safetensors"}
    before = content(vae).sha256
    (vae / "config.json").write_text(json.dumps(json.loads((vae / "config.json").read_text()) | {"scaling_factor": 1}))
    assert content(vae).sha256 != before


def test_the_config_beside_a_lora_of_peft_counts_and_beside_another_file_does_not(tmp_path: Path) -> None:
    lora, other, config = (
        tmp_path / name for name in ("adapter_model.safetensors", "b.safetensors", "adapter_config.json")
    )
    for path in (lora, other):
        path.write_bytes(b"abc")
    alone = content(lora)
    config.write_text('{"lora_alpha": 8}')
    both = content(lora)
    config.write_text('{"lora_alpha": 4}')
    assert len({alone.sha256, both.sha256, content(lora).sha256}) == 3
    assert list(files_of_model(lora)) == ["adapter_model.safetensors", "adapter_config.json"]
    # Metadata name the file itself.
    assert both.hashes == alone.hashes
    assert content(other).sha256 == alone.sha256


def test_nothing_has_no_content(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "none", tmp_path / "empty", Path("a\0b")):
        with pytest.raises(ModelError, match="neither a file nor a folder"):
            content_of_model(place)


def test_asked_to_stop_it_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.models.file_hashes._POLL_SECONDS", 0.0)
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"abc")
    assert content_of_model(path, lambda: True) is None
