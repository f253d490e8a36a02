"""The manifest of a bake's data."""

import gzip
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from trainer.dataset.manifest import (
    ListedModel,
    Manifest,
    manifest_bytes,
    manifest_of,
    read_manifest,
    write_manifest,
)
from trainer.dataset.read import read_data
from trainer.dataset.records import DataSet
from trainer.errors import DatasetError, WorkspaceError
from trainer.settings.model import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "10_hifumi_chan").mkdir(parents=True)
    for name, colour in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (64, 48), colour).save(root / "10_hifumi_chan" / f"{name}.png")
    (root / "10_hifumi_chan" / "a.txt").write_text("halo \x1b[31m 宇宙")
    return root


def read(root: Path, **settings: object) -> DataSet:
    return read_data(Settings.model_validate({"train_data_dir": str(root), **settings}))


def listed(root: Path, **settings: object) -> Manifest:
    return manifest_of(read(root, **settings), None, {})


def written_of(root: Path, **settings: object) -> bytes:
    return manifest_bytes(listed(root, **settings))


def test_a_manifest_names_every_picture_with_its_hash_size_repeats_and_words(folder: Path) -> None:
    pictures = json.loads(gzip.decompress(written_of(folder)))["pictures"]
    content = (folder / "10_hifumi_chan" / "a.png").read_bytes()
    assert pictures[0] == {
        "path": "10_hifumi_chan/a.png",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "width": 64,
        "height": 48,
        "repeats": 10,
        "caption": "halo \x1b[31m 宇宙",
        "is_reg": False,
        "group": 0,
        "mask": None,
    }
    assert [picture["caption"] for picture in pictures] == ["halo \x1b[31m 宇宙", "hifumi_chan"]


def test_equal_data_give_equal_bytes_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    os.utime(tmp_path / "copy" / "10_hifumi_chan" / "a.png", (1, 1))
    assert written_of(folder) == written_of(tmp_path / "copy")


def test_regularisation_and_masks_are_recorded_without_the_place_they_lie_in(folder: Path, tmp_path: Path) -> None:
    for place in ("one", "two"):
        Image.new("L", (64, 48), 255).save(_made(tmp_path / place / "masks" / "a.png"))
        Image.new("L", (64, 48), 0).save(tmp_path / place / "masks" / "b.png")
        Image.new("RGB", (64, 64)).save(_made(tmp_path / place / "reg" / "1_girl" / "c.png"))

    def written(place: str) -> bytes:
        masks, reg = str(tmp_path / place / "masks"), str(tmp_path / place / "reg")
        return written_of(folder, reg_data_dir=reg, masked_loss=True, conditioning_data_dir=masks)

    before = written("one")
    assert before == written("two")
    pictures = json.loads(gzip.decompress(before))["pictures"]
    mask = hashlib.sha256((tmp_path / "one" / "masks" / "a.png").read_bytes()).hexdigest()
    assert [(each["path"], each["is_reg"]) for each in pictures][1:] == [
        ("10_hifumi_chan/b.png", False),
        ("1_girl/c.png", True),
    ]
    assert (pictures[0]["mask"], pictures[2]["mask"]) == (mask, None)
    Image.new("L", (64, 48), 128).save(tmp_path / "two" / "masks" / "a.png")
    assert written("two") != before


def test_transparency_as_a_mask_is_recorded(folder: Path) -> None:
    assert [picture.mask for picture in listed(folder, alpha_mask=True).pictures] == ["alpha", "alpha"]


def test_another_data_set_file_for_the_same_pictures_is_another_manifest(folder: Path, tmp_path: Path) -> None:
    written = set()
    for size in (512, 512, 768):
        file = tmp_path / "data.toml"
        text = f"[[datasets]]\nresolution = {size}\n[[datasets.subsets]]\nimage_dir = 'data/10_hifumi_chan'\n"
        file.write_text(text)
        written.add(written_of(folder, dataset_config=str(file)))
    assert len(written) == 2


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_other_words_give_other_bytes(folder: Path) -> None:
    before = written_of(folder)
    (folder / "10_hifumi_chan" / "a.txt").write_text("no halo")
    assert written_of(folder) != before


def test_a_written_manifest_reads_back(folder: Path, tmp_path: Path) -> None:
    models = {"vae": ListedModel("1f" * 32, 5), "pretrained_model_name_or_path": ListedModel("2f" * 32, 7, {"a": "3f"})}
    manifest = manifest_of(read(folder), read(folder, num_repeats="10_hifumi_chan=3"), models)
    write_manifest(manifest_bytes(manifest), tmp_path / "data.json.gz")
    assert read_manifest((tmp_path / "data.json.gz").read_bytes(), "it") == manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.json.gz"]


def test_a_file_name_that_is_not_text_is_kept(folder: Path) -> None:
    name = os.fsdecode(b"gr\xfcn.png")
    shutil.copy(folder / "10_hifumi_chan" / "a.png", folder / "10_hifumi_chan" / name)
    pictures = json.loads(gzip.decompress(written_of(folder)))["pictures"]
    assert f"10_hifumi_chan/{name}" in [picture["path"] for picture in pictures]


def test_a_picture_gone_since_the_scan_is_named(folder: Path) -> None:
    data = read(folder)
    (folder / "10_hifumi_chan" / "b.png").unlink()
    with pytest.raises(DatasetError, match=r"b\.png: can no longer be read"):
        manifest_of(data, None, {})


def test_a_place_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_manifest(written_of(folder), tmp_path / "nowhere" / "data.json.gz")


def test_a_manifest_of_the_first_version_reads_and_knows_no_models(folder: Path) -> None:
    values = json.loads(gzip.decompress(written_of(folder)))
    old = {key: values[key] for key in ("config", "pictures")} | {"format": 1}
    manifest = read_manifest(gzip.compress(json.dumps(old).encode()), "it")
    assert manifest.pictures == listed(folder).pictures
    assert not manifest.knows_models and listed(folder).knows_models


def test_a_damaged_manifest_is_refused_in_one_short_line(folder: Path) -> None:
    whole = written_of(folder)
    values = json.loads(gzip.decompress(whole))
    del values["pictures"][1]["sha256"]
    wrong: list[object] = [values, [], {"format": 2, "config": 1, "pictures": []}, {"format": "2"}, {"x": "y" * 10_000}]
    for content in (b"", b"\x1f\x8b", whole[:-9], *(gzip.compress(json.dumps(each).encode()) for each in wrong)):
        with pytest.raises(WorkspaceError, match="damaged list of data") as caught:
            read_manifest(content, "bakes/0001-x/data.json.gz")
        assert len(caught.value.line()) < 500
    newer = gzip.compress(json.dumps({"format": 99}).encode())
    with pytest.raises(WorkspaceError, match="upgrade this one"):
        read_manifest(newer, "it")
