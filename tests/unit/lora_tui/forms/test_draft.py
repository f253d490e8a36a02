from pathlib import Path

import pytest

from lora_tui.forms.draft import SettingsDraft, changed_since, open_draft
from trainer.errors import SettingsError
from trainer.settings.model import Settings
from trainer.settings.toml_file import save_settings


@pytest.fixture
def draft(tmp_path: Path) -> SettingsDraft:
    save_settings(Settings(subject="x"), tmp_path / "x.toml")
    return open_draft(tmp_path / "x.toml")


def test_a_file_just_read_has_no_edits(draft: SettingsDraft) -> None:
    assert draft.unsaved == frozenset()


def test_an_edit_is_unsaved_until_it_is_undone(draft: SettingsDraft) -> None:
    edited = draft.typed("network_dim", "64")
    assert edited.unsaved == {"network_dim"}
    assert edited.typed("network_dim", "32").unsaved == frozenset()


def test_a_wrong_text_names_its_field_and_changes_nothing(draft: SettingsDraft) -> None:
    with pytest.raises(SettingsError) as caught:
        draft.typed("network_dim", "many")
    assert caught.value.where == "network_dim"
    assert draft.unsaved == frozenset()


def test_put_back_takes_the_file_s_value(draft: SettingsDraft) -> None:
    edited = draft.typed("unet_lr", "").typed("seed", "7")
    assert edited.reset("unet_lr").unsaved == {"seed"}


def test_a_missing_file_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        open_draft(tmp_path / "nowhere.toml")


def test_what_differs_from_the_last_bake_is_named() -> None:
    assert changed_since(Settings(seed=1), Settings(seed=2), Settings(seed=2)) == {"seed"}


def test_a_blank_path_that_means_the_same_folder_does_not_differ() -> None:
    ran = Settings(train_data_dir="/pictures")
    assert changed_since(ran, Settings(), Settings(train_data_dir="/pictures")) == frozenset()


def test_a_blank_path_that_means_another_folder_differs() -> None:
    ran = Settings(train_data_dir="/pictures")
    assert changed_since(ran, Settings(), Settings(train_data_dir="/others")) == {"train_data_dir"}


def test_while_a_blank_is_not_known_it_is_not_called_different() -> None:
    assert changed_since(Settings(train_data_dir="/pictures", seed=1), Settings(), None) == {"seed"}


def test_without_a_bake_nothing_differs() -> None:
    assert changed_since(None, Settings(seed=2), None) == frozenset()
