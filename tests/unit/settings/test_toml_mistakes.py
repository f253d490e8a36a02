"""Mistakes in TOML and keys that nothing here knows, each with its line and what to do."""

import re

import pytest

from trainer.errors import SettingsError
from trainer.settings.absent_options import ABSENT_OPTIONS
from trainer.settings.describe import is_setting
from trainer.settings.toml_file import parse_settings


def refusal(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, "h.toml")
    assert "\n" not in caught.value.line()
    return caught.value.line()


@pytest.mark.parametrize("text", ["seed = 1\n[a]\nseed = 2\n", "[a]\nseed = 1\n[b]\nseed = 1\n"])
def test_a_key_in_two_tables_is_an_error(text: str) -> None:
    assert "seed: given twice" in refusal(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = 1\nseed = 2\n", ["h.toml line 2", "given twice"]),
        ("seed = 1\nunet_lr = \n", ["h.toml line 2", "invalid value"]),
        ("seed = 1\n[rates\n", ["h.toml line 2", "broken TOML"]),
        ("unet_lr 1e-4\n", ["h.toml line 1", "broken TOML"]),
        ("comment = 'no end", ["h.toml", "broken TOML"]),
        ("a = " + "[" * 5000, ["h.toml", "nested too deeply"]),
    ],
)
def test_broken_toml_names_file_line_and_what(text: str, said: list[str]) -> None:
    line = refusal(text)
    assert [part for part in said if part not in line] == []


def test_an_unknown_key_names_its_line_and_the_nearest_one() -> None:
    assert refusal("seed = 1\nunett_lr = 1e-4\n") == (
        "h.toml line 2: unett_lr: unknown setting `unett_lr`; did you mean `unet_lr`?"
    )


def test_all_unknown_keys_are_named_at_once_with_what_to_do_about_each() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings('[a]\nflip_aug = true\nseed = 1\n[b]\nwandb_run_name = "x"\nunett_lr = 1e-4\n', "h.toml")
    assert caught.value.line() == (
        "h.toml: 3 keys that lora-tui does not know there: `flip_aug`, `wandb_run_name`, `unett_lr`; "
        "remove them, or write what is meant in their place"
    )
    assert caught.value.details == (
        "line 2: flip_aug: remove it, or put mirrored pictures into the folder",
        "line 5: wandb_run_name: remove it: the journal records every bake's numbers",
        "line 6: unett_lr: did you mean `unet_lr`?",
    )


def test_no_option_that_is_absent_here_is_a_setting_and_those_named_in_its_place_are() -> None:
    assert not {name for name in ABSENT_OPTIONS if is_setting(name)}
    named = {
        word
        for advice in ABSENT_OPTIONS.values()
        if advice.startswith("write ")
        for word in re.findall(r"[a-z0-9]+(?:_[a-z0-9]+)+", advice)
    }
    assert len(named) > 10
    assert not {word for word in named if not is_setting(word)}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('"E:\\sets\\uniform"', "a backslash in double quotes; put a path with backslashes in single quotes"),
        ('"E:\\trees\\new"', "a backslash in double quotes; put a path with backslashes in single quotes"),
        ("False", "False does not exist in TOML; write false, in small letters"),
        ("yes # please", "yes does not exist in TOML; write true"),
        ("None", "None does not exist in TOML; leave the setting out"),
    ],
)
def test_habits_from_elsewhere_are_named(written: str, said: str) -> None:
    assert refusal(f"seed = 1\ntrain_data_dir = {written}\n").startswith(f"h.toml line 2: {said}")


@pytest.mark.parametrize("written", ["'E:\\trees\\new'", '"E:\\\\trees"', '"E:/trees" # or "E:\\trees"'])
def test_a_drive_that_is_written_right_is_read(written: str) -> None:
    assert parse_settings(f"train_data_dir = {written}\n", "h.toml").train_data_dir.startswith("E:")


def test_an_unknown_key_with_nothing_near_says_so() -> None:
    assert refusal("zzz = 1").endswith("unknown setting `zzz`; remove it")


@pytest.mark.parametrize(
    "written", ["""'they typed "E:\\new" here'""", '"""E:\\\\new"""', """'E:\\new' # not "E:\\new" """]
)
def test_a_quoted_drive_inside_another_text_is_read(written: str) -> None:
    assert r"E:\new" in parse_settings(f"training_comment = {written}\n", "h.toml").training_comment


def test_a_drive_that_breaks_inside_a_list_is_named_with_its_line() -> None:
    assert refusal('seed = 1\nnum_repeats = ["a=1",\n  "F:\\red=2"]\n').startswith("h.toml line 3: a backslash")
