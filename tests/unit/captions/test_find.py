"""Caption files of pictures: found by the settings' rules, with all pictures that share one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from captioned import captioned, files_in, ways_of

from trainer.captions.find import CaptionWays, caption_files, found_pictures
from trainer.dataset.read import read_data
from trainer.dataset.records import CaptionRules
from trainer.errors import DatasetError
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings

DataMaker = Callable[[str], Path]


def test_a_caption_that_is_shared_counts_all_its_pictures_also_those_that_are_not_chosen(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a_1_2_3_4": None, "a_5_6_7_8": None, "b": "own"})
    (folder / "a.txt").write_text("both")
    files = {file.path.name: file for file in files_in(folder)}
    assert (files["a.txt"].pictures, files["a.txt"].chosen, files["b.txt"].pictures) == (2, 2, 1)
    ways = ways_of(folder)
    (one,) = caption_files([each for each in found_pictures(ways) if each.path.name == "a_5_6_7_8.png"], ways)
    assert (one.path, one.exists, one.pictures, one.chosen) == (folder / "a.txt", True, 2, 1)
    assert one.picture == folder / "a_5_6_7_8.png"


def test_two_links_to_one_caption_are_one_file(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "x", "b": None})
    (folder / "b.txt").symlink_to("a.txt")
    (file,) = files_in(folder)
    assert (file.pictures, file.chosen) == (2, 2)
    ways = ways_of(folder)
    (file,) = caption_files(found_pictures(ways)[1:], ways)
    assert file.path == folder / "b.txt"


def test_a_picture_without_a_caption_has_the_folders_words_and_a_place_for_its_own(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "10_hifumi chan", {"a": None, "b": "x"})
    ways = CaptionWays.of_folder(tmp_path)
    first, second = caption_files(found_pictures(ways), ways)
    assert (first.path, first.exists, first.words) == (folder / "a.txt", False, "hifumi chan")
    assert (second.path, second.exists, second.words) == (folder / "b.txt", True, "")


def test_endings_are_tried_in_their_order_and_in_any_case(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": None, "b": None})
    (folder / "a.caption").write_text("x")
    (folder / "b.TXT").write_text("x")
    (folder / "b.caption").write_text("x")
    assert [file.path.name for file in files_in(folder)] == ["a.caption", "b.TXT"]


def test_settings_mean_the_pictures_that_a_bake_reads_and_those_held_out(tmp_path: Path, make_data: DataMaker) -> None:
    path = make_data("validation_data_dir = 'held'\nreg_data_dir = 'reg'\nenable_wildcard = true\nkeep_tokens = 1\n")
    settings = resolve(load_settings(path), path)
    ways = CaptionWays.of(settings)
    found = found_pictures(ways)
    assert [str(each.path.relative_to(tmp_path)) for each in found] == ["data/2_x/a.png", "reg/1_y/b.png", "held/c.png"]
    assert all(file.rules.wildcards and file.rules.keep_tokens == 1 for file in caption_files(found, ways))
    assert [each.path.name for each in found_pictures(ways, folder="1_y")] == ["b.png"]
    with pytest.raises(DatasetError, match="no folder `3_z` with pictures; expected one of 1_y, 2_x"):
        found_pictures(ways, folder="3_z")


def test_a_data_set_file_has_endings_and_rules_of_its_own(tmp_path: Path, make_data: DataMaker) -> None:
    captioned(tmp_path / "other", {"d": None})
    (tmp_path / "other" / "d.tags").write_text("x")
    (tmp_path / "set.toml").write_text(
        "[[datasets]]\n[[datasets.subsets]]\nimage_dir = 'data/2_x'\n"
        "[[datasets.subsets]]\nimage_dir = 'other'\ncaption_extension = '.tags'\nkeep_tokens_separator = '|||'\n"
    )
    path = make_data("dataset_config = 'set.toml'\n")
    ways = CaptionWays.of(resolve(load_settings(path), path))
    files = {file.path.name: file.rules for file in caption_files(found_pictures(ways), ways)}
    assert files == {"a.txt": CaptionRules(), "d.tags": CaptionRules(keep_separator="|||")}


def test_the_pictures_of_a_bake_can_be_edited_as_they_are(tmp_path: Path, make_data: DataMaker) -> None:
    """What read_data finds is what is found here, without opening a picture."""
    from PIL import Image

    path = make_data("")
    Image.new("RGB", (64, 64)).save(tmp_path / "data" / "2_x" / "a.png")
    settings = resolve(load_settings(path), path)
    found = found_pictures(CaptionWays.of(settings))
    assert [(each.path, each.folder, each.caption_file) for each in found] == [
        (each.path, each.folder, each.caption_file) for each in read_data(settings).pictures
    ]


def test_a_trainer_that_reads_no_captions_is_said_so(tmp_path: Path) -> None:
    captioned(tmp_path / "data", {"a": "x"})
    ways = ways_of(tmp_path / "data")
    pictures = [each.__class__(each.path, each.folder, "", None, None) for each in found_pictures(ways)]
    with pytest.raises(DatasetError, match="reads no caption files; leave it blank"):
        caption_files(pictures, ways)


def test_no_picture_and_no_caption_is_opened(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "data", {"a": "x"})
    (folder / "a.txt").unlink()
    os.mkfifo(folder / "a.txt")
    assert len(files_in(folder)) == 1


@pytest.fixture
def make_data(tmp_path: Path) -> DataMaker:
    """Return a function that writes settings and the folders that they may name."""
    captioned(tmp_path / "data" / "2_x", {"a": "x"})
    captioned(tmp_path / "reg" / "1_y", {"b": None})
    captioned(tmp_path / "held", {"c": "x"})

    def make(more: str) -> Path:
        path = tmp_path / "x.toml"
        path.write_text(f"pretrained_model_name_or_path = 'demo'\ntrain_data_dir = 'data'\n{more}")
        return path

    return make
