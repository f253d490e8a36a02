"""A webui's ui-config.json, read and written back."""

import json
from pathlib import Path

import pytest

from trainer.errors import GridError
from trainer.formats.webui_config import WebuiDefaults, has_schedules, read_ui_config, write_ui_config

TODAYS = {
    "txt2img/Prompt/visible": True,
    "txt2img/Prompt/value": "",
    "txt2img/Negative prompt/value": "lowres, 猫",
    "txt2img/Styles/value": ["myDefaultNegativePrompt"],
    "txt2img/Width/value": 512,
    "txt2img/Width/minimum": 64,
    "txt2img/Height/value": 768,
    "txt2img/CFG Scale/value": 7.0,
    "customscript/sampler.py/txt2img/Sampling method/value": "DPM++ 2M",
    "customscript/sampler.py/txt2img/Schedule type/value": "Karras",
    "customscript/sampler.py/txt2img/Sampling steps/value": 28,
    "customscript/seed.py/txt2img/Seed/value": -1,
    "customscript/additional_networks.py/txt2img/Enable/value": True,
    "img2img/Sampling steps/value": 20,
}
OF_2022 = {
    "txt2img/Sampling Steps/value": 20,
    "txt2img/Sampling method/value": "Euler a",
    "txt2img/CFG Scale/value": 11,
}


def config(tmp_path: Path, table: object) -> Path:
    path = tmp_path / "ui-config.json"
    path.write_text(table if isinstance(table, str) else json.dumps(table), encoding="utf-8")
    return path


def test_todays_defaults_are_read(tmp_path: Path) -> None:
    assert read_ui_config(config(tmp_path, TODAYS)) == WebuiDefaults(
        prompt="",
        negative_prompt="lowres, 猫",
        styles=("myDefaultNegativePrompt",),
        sampler="DPM++ 2M",
        schedule="Karras",
        steps=28,
        cfg_scale=7.0,
        width=512,
        height=768,
        seed=-1,
    )


def test_those_of_2022_are_read(tmp_path: Path) -> None:
    path = config(tmp_path, OF_2022)
    assert read_ui_config(path) == WebuiDefaults(sampler="Euler a", steps=20, cfg_scale=11.0)
    assert not has_schedules(path)


def test_a_current_key_goes_before_an_old_one(tmp_path: Path) -> None:
    path = config(tmp_path, {"txt2img/Sampling Steps/value": 20} | TODAYS)
    assert read_ui_config(path).steps == 28
    assert has_schedules(path)


@pytest.mark.parametrize("value", ["28", None, [28], True, 28.5, {"a": 1}])
def test_a_value_of_the_wrong_kind_counts_as_none(tmp_path: Path, value: object) -> None:
    table = {"customscript/sampler.py/txt2img/Sampling steps/value": value}
    assert read_ui_config(config(tmp_path, table)) == WebuiDefaults()


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "1e999", "\0"])
def test_a_file_that_is_not_a_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(GridError, match=r"ui-config\.json"):
        read_ui_config(config(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "found"), [(" \n", "nothing in it"), ('{\n"a": 1,\n}', r"not valid JSON \(line 3\)"), ("3", "not a table")]
)
def test_what_is_wrong_with_a_file_is_said_in_our_words(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(GridError, match=found):
        read_ui_config(config(tmp_path, text))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_a_value_that_is_not_a_number_counts_as_missing(tmp_path: Path, number: str) -> None:
    text = f'{{"txt2img/Width/value": {number}, "txt2img/CFG Scale/value": {number}}}'
    assert read_ui_config(config(tmp_path, text)) == WebuiDefaults()


def test_writing_changes_only_the_given_values_and_keeps_the_order(tmp_path: Path) -> None:
    path = config(tmp_path, TODAYS)
    write_ui_config(path, WebuiDefaults(negative_prompt="bad", steps=30, styles=()))
    after = json.loads(path.read_text(encoding="utf-8"))
    assert list(after) == list(TODAYS)
    assert after == TODAYS | {
        "txt2img/Negative prompt/value": "bad",
        "customscript/sampler.py/txt2img/Sampling steps/value": 30,
        "txt2img/Styles/value": [],
    }


def test_the_backup_is_the_file_as_it_was_and_a_second_one_leaves_it(tmp_path: Path) -> None:
    path = config(tmp_path, TODAYS)
    before = path.read_bytes()
    first = write_ui_config(path, WebuiDefaults(steps=30))
    between = path.read_bytes()
    second = write_ui_config(path, WebuiDefaults(steps=31))
    assert (first.read_bytes(), second.read_bytes()) == (before, between)
    assert first.name.startswith("ui-config.json.20")


def test_old_keys_are_written_where_they_stand(tmp_path: Path) -> None:
    path = config(tmp_path, OF_2022)
    write_ui_config(path, WebuiDefaults(steps=30, width=640))
    after = json.loads(path.read_text(encoding="utf-8"))
    assert after == OF_2022 | {"txt2img/Sampling Steps/value": 30, "txt2img/Width/value": 640}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = config(tmp_path, {})
    defaults = WebuiDefaults("a", "b", ("c",), "DPM++ 2M", "Karras", 30, 6.5, 640, 512, 7)
    write_ui_config(path, defaults)
    assert read_ui_config(path) == defaults


def test_a_broken_file_is_not_written_over(tmp_path: Path) -> None:
    path = config(tmp_path, "{")
    with pytest.raises(GridError):
        write_ui_config(path, WebuiDefaults(steps=30))
    assert [file.name for file in tmp_path.iterdir()] == ["ui-config.json"]
    assert path.read_text() == "{"
