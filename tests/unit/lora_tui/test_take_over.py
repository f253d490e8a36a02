"""Trainers taken over in a draft, one after the other, and ours again."""

from pathlib import Path

import pytest
from odd_folder import put

from lora_tui.actions.parity import take_over
from lora_tui.forms.draft import SettingsDraft, open_draft
from trainer.settings.toml_file import settings_toml

KOHYA, EASY, OURS = "kohya_ss 2023-02", "easy training scripts 2023-02", "lora-tui"
# network_dim is also the default of kohya_ss.
ASKED = 'pretrained_model_name_or_path = "demo"\ntrain_data_dir = "set"\nnetwork_dim = 8\nmax_train_epochs = 6\n'


@pytest.fixture(params=["a file of a few settings", "a file of all settings"])
def draft(request: pytest.FixtureRequest, tmp_path: Path) -> SettingsDraft:
    put(tmp_path / "set" / "2_a", ["a.png"], (64, 64))
    path = tmp_path / "hat.toml"
    path.write_text(ASKED)
    if request.param == "a file of all settings":
        path.write_text(settings_toml(open_draft(path).now))
    return open_draft(path)


def taken(draft: SettingsDraft, *keys: str) -> SettingsDraft:
    for key in keys:
        draft = draft.changed(take_over(draft, key).changes)
    return draft


@pytest.mark.parametrize("keys", [(KOHYA,), (KOHYA, EASY), (EASY, KOHYA, "anon-1337 2023-02")])
def test_ours_again_is_what_was_there_before(draft: SettingsDraft, keys: tuple[str, ...]) -> None:
    there = taken(draft, *keys)
    assert there.now.behave_like == keys[-1] and there.now != draft.now
    assert taken(there, OURS).now == draft.now


def test_a_second_trainer_brings_its_own_defaults_and_none_of_the_first(draft: SettingsDraft) -> None:
    assert taken(draft, KOHYA, EASY).now == taken(draft, EASY).now


def test_what_is_edited_after_a_trainer_was_taken_holds_for_the_next(draft: SettingsDraft) -> None:
    edited = taken(draft, KOHYA).typed("text_encoder_lr", "3e-6")
    after = taken(edited, EASY).now
    assert (after.text_encoder_lr, after.unet_lr, after.seed) == (3e-6, None, 23)


def test_a_value_that_comes_back_has_its_reason(draft: SettingsDraft) -> None:
    lines = take_over(taken(draft, KOHYA), OURS).lines
    assert {"seed", "unet_lr", "behave_like"} <= {line.name for line in lines}
    assert all(line.why for line in lines)
