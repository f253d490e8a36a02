"""Settings of a bake that behaves like another trainer: what is not set has that trainer's defaults."""

from pathlib import Path

import pytest

from lora_tui.forms.draft import SettingsDraft, open_draft
from lora_tui.widgets.field_note import field_facts
from trainer.errors import SettingsError
from trainer.profiles.registry import OURS, PROFILES
from trainer.settings.describe import default_text, field, fields, shown_default
from trainer.settings.model import Settings
from trainer.settings.toml_file import (
    apply_overrides,
    load_settings,
    merged_toml,
    parse_settings,
    save_settings,
    settings_toml,
    with_value,
    with_values,
)

ANON, ETS, GUI = "anon-1337 2023-02", "easy training scripts 2023-02", "kohya_ss 2023-02"
OTHERS = [key for key in PROFILES if key != OURS]


@pytest.mark.parametrize("key", OTHERS)
def test_every_default_of_a_profile_is_a_value_that_the_setting_takes(key: str) -> None:
    settings = Settings(behave_like=key)
    for name, value in PROFILES[key].defaults.items():
        assert getattr(settings, name) == value
    own = set(PROFILES[key].defaults) | {"behave_like"}
    assert {name for name in Settings.model_fields if getattr(settings, name) != getattr(Settings(), name)} <= own


def test_what_a_file_does_not_set_is_as_in_the_trainer() -> None:
    settings = parse_settings(f'behave_like = "{ANON}"\nnetwork_dim = 16\n', "x.toml")
    assert (settings.network_dim, settings.network_alpha, settings.unet_lr) == (16, 1.0, None)
    assert parse_settings("network_dim = 16\n", "x.toml") == Settings(network_dim=16)


@pytest.mark.parametrize("text", ["", OURS])
def test_our_own_ways_are_blank_or_our_name(text: str) -> None:
    assert parse_settings(f'behave_like = "{text}"', "x.toml") == Settings()


def test_an_unknown_trainer_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings('behave_like = "some trainer"', "x.toml")
    assert "x.toml line 1: behave_like" in caught.value.line()
    assert all(key in caught.value.expected for key in OTHERS)


def test_the_name_of_a_trainer_may_be_in_any_case() -> None:
    assert parse_settings('behave_like = "onetrainer 2026-08"', "x.toml").behave_like == "OneTrainer 2026-08"


def test_an_override_names_the_trainer_whose_defaults_count(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(f'behave_like = "{GUI}"\nnetwork_dim = 32\n')
    # 32 is our own default, and the file asks for it.
    settings = load_settings(file, [f"behave_like={ANON}", "seed=7"])
    assert (settings.network_dim, settings.learning_rate, settings.seed) == (32, 1e-3, 7)
    assert load_settings(file, ["behave_like="]) == Settings(network_dim=32)


def test_another_trainer_takes_over_what_stands_at_the_default_of_the_one_before() -> None:
    edited = with_value(Settings(network_dim=77), "behave_like", ANON)
    assert (edited.network_dim, edited.network_alpha, edited.lr_scheduler) == (77, 1.0, "linear")
    assert with_value(edited, "behave_like", "") == Settings(network_dim=77)
    assert apply_overrides(Settings(), [f"behave_like={ANON}", "network_alpha=16"]).network_alpha == 16.0
    assert apply_overrides(Settings(), [f"behave_like={ANON}"]) == Settings(behave_like=ANON)


def test_changes_that_are_named_one_by_one_change_no_others() -> None:
    assert with_values(Settings(), {"behave_like": ANON, "seed": 5}).model_dump() == {
        **Settings().model_dump(),
        "behave_like": ANON,
        "seed": 5,
    }


def test_turning_through_all_trainers_in_the_form_keeps_what_was_set(tmp_path: Path) -> None:
    # 128 and 1 are defaults of some that are turned past.
    save_settings(Settings(network_dim=128, network_alpha=1.0, seed=23), tmp_path / "x.toml")
    draft = open_draft(tmp_path / "x.toml")
    for key in [*OTHERS, ""]:
        draft = draft.typed("behave_like", key)
    assert draft.unsaved == frozenset()


def test_an_edit_between_two_trainers_is_kept() -> None:
    draft = SettingsDraft(Path("x.toml"), Settings(), Settings())
    draft = draft.typed("behave_like", ANON).typed("network_alpha", "8").typed("behave_like", ETS)
    assert (draft.now.network_alpha, draft.now.network_dim, draft.now.clip_skip) == (8.0, 128, 2)
    assert draft.reset("behave_like").now == Settings(network_alpha=8.0)


@pytest.mark.parametrize("key", OTHERS)
def test_settings_of_every_trainer_are_read_back_equal(key: str) -> None:
    for settings in (
        Settings(behave_like=key),
        # Ours, and blank where the trainer has a value.
        with_values(
            Settings(behave_like=key), {info.name: info.default for info in fields() if info.name != "behave_like"}
        ),
        with_values(
            Settings(behave_like=key), {"unet_lr": None, "max_train_epochs": None, "save_every_n_epochs": None}
        ),
    ):
        assert parse_settings(settings_toml(settings), "x.toml") == settings
        for text in (
            "",
            "network_dim = 16\nunet_lr = 5e-5\n",
            f'behave_like = "{GUI}"\nnetwork_alpha = 4\n',
            "[data]\n",
        ):
            assert parse_settings(merged_toml(text, settings, "x.toml"), "x.toml") == settings


def test_a_file_says_no_more_than_what_differs_from_the_trainer_s_defaults() -> None:
    merged = merged_toml("# mine\nnetwork_dim = 16\n", Settings(behave_like=ANON, network_dim=16, seed=5), "x.toml")
    assert merged.splitlines() == ["# mine", "network_dim = 16", f'behave_like = "{ANON}"', "seed = 5"]


def test_the_form_tells_whose_default_it_is_and_why() -> None:
    note = "\n".join(line.plain for line in field_facts(field("network_alpha", ANON), 200))
    assert "default: 1 (of anon-1337 script 1.13)" in note
    assert PROFILES[ANON].reasons["network_alpha"] in note
    plain = "\n".join(line.plain for line in field_facts(field("network_alpha"), 200))
    assert "anon-1337" not in plain and "default: 16" in plain
    assert "not known" in field("learning_rate", "legacy ps script 2023-02").default_of


def test_an_error_names_the_trainer_s_default() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(f'behave_like = "{ANON}"\nnetwork_dim = 0\n', "x.toml")
    assert caught.value.way_out == "the default is 128" != f"the default is {shown_default('network_dim')}"


@pytest.mark.parametrize("key", OTHERS)
def test_every_default_in_the_form_is_what_a_blank_file_means(key: str) -> None:
    settings = Settings(behave_like=key)
    for info in fields(key):
        if info.name != "behave_like":
            assert info.default == getattr(settings, info.name)
            assert default_text(info) == shown_default(info.name, key)


def test_a_default_that_follows_from_what_is_set_does_so_until_it_is_set_itself() -> None:
    popup = 'behave_like = "easy training scripts popup 2023-02"\n'
    assert parse_settings(popup, "").network_alpha == 64
    assert parse_settings(popup + "network_dim = 24\n", "").network_alpha == 12
    assert parse_settings(popup + "network_dim = 64\nnetwork_alpha = 64\n", "").network_alpha == 64
    command_line = popup.replace(" popup", "") + "network_dim = 24\n"
    assert parse_settings(command_line, "").network_alpha == 64


def test_a_blank_field_of_cycles_follows_the_epochs_and_a_typed_one_holds() -> None:
    gui = f'behave_like = "{GUI}"\nmax_train_epochs = 6\n'
    blank, typed = parse_settings(gui, ""), parse_settings(gui + "lr_scheduler_num_cycles = 1\n", "")
    assert (blank.lr_scheduler_num_cycles, typed.lr_scheduler_num_cycles) == (6, 1)
    longer = [apply_overrides(settings, ["max_train_epochs=9"]) for settings in (blank, typed)]
    assert [settings.lr_scheduler_num_cycles for settings in longer] == [9, 1]
    assert with_value(blank, "behave_like", "").lr_scheduler_num_cycles == 1
    assert parse_settings(merged_toml(gui, longer[0], ""), "").lr_scheduler_num_cycles == 9
