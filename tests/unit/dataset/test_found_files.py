"""Every file of the data folders, for other trainers to count."""

import os
from pathlib import Path

import pytest
from odd_folder import put

from trainer.dataset import found_files
from trainer.dataset.dataset_toml import read_dataset_toml
from trainer.dataset.found_files import found_data
from trainer.errors import DatasetError
from trainer.settings.model import Settings


def test_files_of_all_folders_are_there_with_the_sizes_of_pictures_and_without_hidden_ones(tmp_path: Path) -> None:
    put(tmp_path / "set" / "2_a" / "in", ["b.png"], (80, 48))
    put(tmp_path / "set" / "2_a", ["a.JPG", ".hidden.png"], (64, 64))
    (tmp_path / "set" / "2_a" / "a.txt").write_text("x")
    (tmp_path / "set" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "set" / "c.tif").write_bytes(b"II*\0")
    found = found_data(Settings(train_data_dir=str(tmp_path / "set")))
    assert {file.path: file.size for file in found.files} == {
        "2_a/a.JPG": (64, 64),
        "2_a/a.txt": None,
        "2_a/in/b.png": (80, 48),
        "broken.png": None,
        "c.tif": None,
    }
    assert (found.root, found.regularisation_root) == ("set", "")


def test_the_regularisation_folder_is_beside_them(tmp_path: Path) -> None:
    put(tmp_path / "set" / "1_a", ["a.png"], (64, 64))
    put(tmp_path / "reg" / "1_r", ["a.png"], (64, 64))
    found = found_data(Settings(train_data_dir=str(tmp_path / "set"), reg_data_dir=str(tmp_path / "reg")))
    assert [(file.path, file.regularisation) for file in found.files] == [("1_a/a.png", False), ("1_r/a.png", True)]
    assert found.regularisation_root == "reg"


def test_folders_of_a_data_set_file_stand_with_their_repeats_and_words(tmp_path: Path) -> None:
    put(tmp_path / "one", ["a.png"], (64, 64))
    put(tmp_path / "two", ["b.png"], (64, 64))
    config = tmp_path / "data.toml"
    config.write_text(
        "[[datasets]]\nresolution = 64\nbatch_size = 2\nmin_bucket_reso = 32\n[[datasets.subsets]]\n"
        f'image_dir = "{tmp_path / "one"}"\nnum_repeats = 3\nclass_tokens = "her/him"\n[[datasets.subsets]]\n'
        f'image_dir = "{tmp_path / "two"}"\nnum_repeats = 3\nclass_tokens = "her/him"\n'
    )
    settings = Settings(dataset_config=str(config))
    assert [file.path for file in found_data(settings).files] == ["3_her_him/a.png", "3_her_him 2/b.png"]
    file = read_dataset_toml(config, settings)
    assert file.settings.train_batch_size == 2
    assert file.stated == {"resolution", "train_batch_size", "min_bucket_reso"}


def test_a_folder_that_is_no_data_set_is_refused_before_its_pictures_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "1_a", [f"{n}.png" for n in range(4)], (64, 64))
    monkeypatch.setattr(found_files, "_MAX_FILES", 3)
    monkeypatch.setattr(found_files, "picture_size", lambda path: pytest.fail(f"{path} is read"))
    with pytest.raises(DatasetError, match="more than 3 files"):
        found_data(Settings(train_data_dir=str(tmp_path)))
    with pytest.raises(DatasetError, match="no such folder"):
        found_data(Settings(train_data_dir=str(tmp_path / "gone")))


def test_links_that_lead_back_up_end_at_once(tmp_path: Path) -> None:
    put(tmp_path / "1_a", ["a.png"], (64, 64))
    for number in range(12):
        os.symlink(tmp_path, tmp_path / "1_a" / f"again{number}")
    assert [file.path for file in found_data(Settings(train_data_dir=str(tmp_path))).files] == ["1_a/a.png"]
