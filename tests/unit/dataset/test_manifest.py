"""The record of exactly which data a bake saw."""

import gzip
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from trainer.dataset.manifest import manifest, manifest_bytes, write_manifest
from trainer.dataset.scan import DataSet, scan
from trainer.errors import DatasetError, WorkspaceError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "10_hifumi_chan").mkdir(parents=True)
    for name, colour in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (64, 48), colour).save(root / "10_hifumi_chan" / f"{name}.png")
    (root / "10_hifumi_chan" / "a.txt").write_text("halo \x1b[31m 宇宙")
    return root


def read(root: Path) -> DataSet:
    return scan(root, caption_extension=(".txt",))


def test_a_manifest_names_every_picture_with_its_hash_size_repeats_and_words(folder: Path) -> None:
    pictures = manifest(read(folder))["pictures"]
    content = (folder / "10_hifumi_chan" / "a.png").read_bytes()
    assert isinstance(pictures, list)
    assert pictures[0] == {
        "path": "10_hifumi_chan/a.png",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "width": 64,
        "height": 48,
        "repeats": 10,
        "caption": "halo \x1b[31m 宇宙",
    }
    assert [picture["caption"] for picture in pictures] == ["halo \x1b[31m 宇宙", "hifumi_chan"]


def test_equal_data_give_equal_bytes_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    os.utime(tmp_path / "copy" / "10_hifumi_chan" / "a.png", (1, 1))
    assert manifest_bytes(read(folder)) == manifest_bytes(read(tmp_path / "copy"))


def test_other_words_give_other_bytes(folder: Path) -> None:
    before = manifest_bytes(read(folder))
    (folder / "10_hifumi_chan" / "a.txt").write_text("no halo")
    assert manifest_bytes(read(folder)) != before


def test_a_written_manifest_reads_back(folder: Path, tmp_path: Path) -> None:
    data = read(folder)
    write_manifest(data, tmp_path / "data.json.gz")
    assert json.loads(gzip.decompress((tmp_path / "data.json.gz").read_bytes())) == manifest(data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.json.gz"]


def test_a_file_name_that_is_no_text_is_kept(folder: Path) -> None:
    name = os.fsdecode(b"gr\xfcn.png")
    shutil.copy(folder / "10_hifumi_chan" / "a.png", folder / "10_hifumi_chan" / name)
    pictures = json.loads(gzip.decompress(manifest_bytes(read(folder))))["pictures"]
    assert f"10_hifumi_chan/{name}" in [picture["path"] for picture in pictures]


def test_a_picture_gone_since_the_scan_is_named(folder: Path) -> None:
    data = read(folder)
    (folder / "10_hifumi_chan" / "b.png").unlink()
    with pytest.raises(DatasetError, match=r"b\.png: cannot be read any more"):
        manifest(data)


def test_a_place_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_manifest(read(folder), tmp_path / "nowhere" / "data.json.gz")
