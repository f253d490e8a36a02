"""Repeats of a folder: as a setting, or as its name, with an undo."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from check_inputs import data_set, draw

from trainer.errors import SettingsError, WorkspaceError
from trainer.jobs.folder_repeats import RENAMES, FolderRenames, effect_line, with_repeats
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, NewBake
from trainer.settings.model import Settings
from trainer.settings.toml_file import save_settings, settings_toml
from trainer.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return data_set(tmp_path, "data")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


@pytest.fixture
def renames(tmp_path: Path, journal: Journal) -> FolderRenames:
    return FolderRenames(Workspace(tmp_path), journal)


def settings(folder: Path, **values: object) -> Settings:
    given = {"train_data_dir": str(folder.parent), "pretrained_model_name_or_path": "demo", **values}
    return Settings.model_validate(given)


def save(folder: Path, **values: object) -> None:
    save_settings(settings(folder, **values), folder.parents[1] / "x.toml")


def queue(journal: Journal, asked: Settings, state: BakeState = BakeState.QUEUED) -> int:
    new = NewBake(name="x", why="", settings_toml=settings_toml(asked), engine="e", total_steps=4, steps_per_epoch=4)
    number = journal.bakes.add(new).number
    if state is not BakeState.QUEUED:
        journal.bakes.set_state(number, state)
    return number


def refusal(renames: FolderRenames, folder: Path, repeats: int = 5) -> str:
    with pytest.raises((SettingsError, WorkspaceError)) as caught:
        renames.set_repeats(folder, repeats)
    assert folder.is_dir() or not folder.exists()
    return caught.value.line()


@pytest.mark.parametrize(
    ("folder", "repeats", "before", "after"),
    [
        ("10_school", 4, [], ["10_school=4"]),
        ("10_school", 10, ["10_school=4"], []),
        ("10_school", 0, ["2_x=3", "10_school=4"], ["2_x=3", "10_school=0"]),
        ("0_school", 0, [], ["0_school=0"]),
        ("flat", 3, ["a=1"], ["a=1", "flat=3"]),
    ],
)
def test_repeats_are_an_entry_of_the_setting(folder: str, repeats: int, before: list[str], after: list[str]) -> None:
    assert with_repeats(Settings(num_repeats=before), folder, repeats) == after
    assert Settings(num_repeats=after).num_repeats == after


def test_a_data_set_file_has_repeats_of_its_own(folder: Path) -> None:
    assert with_repeats(Settings(dataset_config="/x/data.toml"), "10_a", 10) == ["10_a=10"]


@pytest.mark.parametrize(("name", "repeats"), [("a=b", 3), ("a", -1), ("a", 10_001)])
def test_what_the_setting_cannot_hold_is_refused(name: str, repeats: int) -> None:
    with pytest.raises(SettingsError):
        with_repeats(Settings(), name, repeats)


def test_a_folder_is_renamed_and_named_back(renames: FolderRenames, folder: Path, tmp_path: Path) -> None:
    names = sorted(os.listdir(folder))
    effect = renames.set_repeats(folder, 7)
    renamed = folder.with_name("7_my_knight")
    assert sorted(os.listdir(renamed)) == names and not folder.exists()
    assert effect_line(effect) == "2_my_knight is called 7_my_knight now"
    # Also after a restart.
    with Journal(tmp_path / "journal.sqlite") as journal:
        again = FolderRenames(Workspace(tmp_path), journal)
        assert [each.standing for each in again.renames()] == ["renamed"]
        again.undo()
        assert sorted(os.listdir(folder)) == names
        with pytest.raises(SettingsError):
            again.undo()


def test_several_are_undone_one_after_the_other(renames: FolderRenames, folder: Path) -> None:
    renames.set_repeats(folder, 3)
    renames.set_repeats(folder.with_name("3_my_knight"), 4)
    renames.undo()
    renames.undo()
    assert folder.is_dir()


def test_a_folder_without_a_number_gets_one(renames: FolderRenames, folder: Path) -> None:
    plain = draw(folder.parent / "plain" / "a.png", 1).parent
    renames.set_repeats(plain, 2)
    assert plain.with_name("2_plain").is_dir()


@pytest.mark.parametrize("is_done", [False, True])
def test_a_killed_rename_counts_as_what_became_of_it(is_done: bool, renames: FolderRenames, folder: Path) -> None:
    entry = {
        "before": str(folder),
        "after": str(folder.with_name("9_my_knight")),
        "seconds": 1.0,
        "standing": "renaming",
    }
    (folder.parents[1] / RENAMES).write_text(json.dumps([entry]))
    if is_done:
        folder.rename(folder.with_name("9_my_knight"))
        renames.undo()
    assert folder.is_dir()
    with pytest.raises(SettingsError):
        renames.undo()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"num_repeats": ["2_my_knight=5"]}, "num_repeats"),
        ({"exclude_pictures": ["2_my_knight/0.png"]}, "exclude_pictures"),
        ({"validation_outfit": "2_my_knight"}, "validation_outfit"),
        ({"dataset_config": "sets.toml"}, "dataset_config"),
    ],
)
def test_a_folder_that_settings_name_is_not_renamed(
    values: dict[str, object], words: str, renames: FolderRenames, folder: Path
) -> None:
    (folder.parents[1] / "sets.toml").write_text(f"[[datasets]]\n[[datasets.subsets]]\nimage_dir = '{folder}'\n")
    save(folder, **values)
    assert f"x.toml: {words}" in refusal(renames, folder)
    (folder.parents[1] / "x.toml").unlink()
    renames.set_repeats(folder, 5)


def test_a_folder_that_is_a_subjects_outfit_is_not_renamed(renames: FolderRenames, folder: Path) -> None:
    subject = folder.parents[1] / "subjects" / "x.toml"
    subject.parent.mkdir()
    subject.write_text('[outfits]\n2_my_knight = "armour"\n')
    assert "outfits" in refusal(renames, folder)


@pytest.mark.parametrize("state", [BakeState.STARTING, BakeState.BAKING, BakeState.PAUSED])
def test_a_folder_that_a_running_bake_reads_is_not_renamed(
    state: BakeState, renames: FolderRenames, folder: Path, journal: Journal
) -> None:
    queue(journal, settings(folder), state)
    assert "bake 1 running on it" in refusal(renames, folder)
    other = data_set(folder.parents[1], "other")
    renames.set_repeats(other, 5)


def test_bakes_that_wait_are_named_and_read_the_new_repeats(
    renames: FolderRenames, folder: Path, journal: Journal
) -> None:
    queue(journal, settings(folder))
    queue(journal, settings(folder), BakeState.PARKED)
    queue(journal, settings(folder), BakeState.DONE)
    effect = renames.set_repeats(folder, 5)
    assert effect.waiting == (1, 2)
    assert "bakes 1, 2, not running, will read it so" in effect_line(effect)


@pytest.mark.parametrize("repeats", [0, -3, 10_001, 2])
def test_repeats_that_are_none_or_the_same_are_refused(repeats: int, renames: FolderRenames, folder: Path) -> None:
    refusal(renames, folder, repeats)


def test_nothing_is_replaced(renames: FolderRenames, folder: Path) -> None:
    folder.with_name("5_my_knight").mkdir()
    assert "5_my_knight" in refusal(renames, folder)
    with pytest.raises(SettingsError):
        renames.set_repeats(folder / "0.png", 5)
    assert (folder / "0.png").is_file()
    (folder.parent / "9_link").symlink_to(folder)
    refusal(renames, folder.parent / "9_link")


def test_a_damaged_record_says_so(renames: FolderRenames, folder: Path) -> None:
    (folder.parents[1] / RENAMES).write_text('[{"before": 3}]')
    assert RENAMES in refusal(renames, folder)
    assert folder.is_dir()
