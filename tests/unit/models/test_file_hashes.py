import hashlib
import json
import os
import random
import tracemalloc
from pathlib import Path

import pytest

from trainer.models import file_hashes
from trainer.models.file_hashes import FileHashes, hashes_of


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Five MiB in which no part is like another."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(random.Random(0).randbytes(5 * 2**20))
    os.utime(path, (1, 1))
    return path


def note_of(own_home: Path) -> Path:
    (note,) = (own_home / "cache/lora-tui/hashes").iterdir()
    return note


def test_the_short_hash_is_of_64_kib_from_1_mib_on_and_the_long_one_of_all(model: Path) -> None:
    content = model.read_bytes()
    assert hashes_of(model) == FileHashes(
        hashlib.sha256(content[2**20 : 2**20 + 2**16]).hexdigest()[:8], hashlib.sha256(content).hexdigest()
    )


def test_a_file_shorter_than_1_mib_has_the_short_hash_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x")
    found = hashes_of(tmp_path / "small")
    assert found is not None and found.legacy == "e3b0c442"


def test_a_folder_and_a_missing_file_have_sd_scripts_words(tmp_path: Path) -> None:
    assert hashes_of(tmp_path) == FileHashes("IsADirectory", "IsADirectory")
    assert hashes_of(tmp_path / "none") == FileHashes("NOFILE", "NOFILE")


def test_an_unchanged_file_is_read_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = hashes_of(model)
    monkeypatch.setattr(file_hashes, "_read", lambda *_: pytest.fail("read again"))
    assert hashes_of(model) == first


@pytest.mark.parametrize("way", ["in place", "in its place"])
def test_a_changed_file_is_read_again_though_its_size_and_time_are_the_same(model: Path, way: str) -> None:
    first = hashes_of(model)
    if way == "in its place":
        other = model.with_name("other")
        other.write_bytes(model.read_bytes())
        other.replace(model)
    with model.open("r+b") as file:
        file.write(b"changed")
    os.utime(model, (1, 1))
    second = hashes_of(model)
    assert second is not None and second != first
    assert second.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()


def test_a_file_of_this_moment_is_not_remembered(model: Path, own_home: Path) -> None:
    # Its time might not show that it is written to once more.
    os.utime(model)
    hashes_of(model)
    assert not (own_home / "cache/lora-tui/hashes").exists()


@pytest.mark.parametrize("damage", ["", "[]", "nothing", "{}"])
def test_a_damaged_note_is_made_again(model: Path, own_home: Path, damage: str) -> None:
    first = hashes_of(model)
    note_of(own_home).write_text(damage)
    assert hashes_of(model) == first
    assert json.loads(note_of(own_home).read_text())["size"] == 5 * 2**20


def test_a_note_whose_hash_is_no_hash_is_not_believed(model: Path, own_home: Path) -> None:
    first = hashes_of(model)
    note = note_of(own_home)
    note.write_text(json.dumps({**json.loads(note.read_text()), "sha256": "short"}))
    assert hashes_of(model) == first


def test_without_a_cache_folder_the_hashes_are_still_computed(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = hashes_of(model)
    assert found is not None and found.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()


def test_told_to_stop_it_gives_up_and_remembers_nothing(
    model: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_hashes, "_POLL_SECONDS", 0.0)
    assert hashes_of(model, lambda: True) is None
    assert not (own_home / "cache/lora-tui/hashes").exists()


def test_a_large_file_takes_no_memory_of_its_size(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(200 * 2**20)
    tracemalloc.start()
    hashes_of(large)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8 * 2**20
