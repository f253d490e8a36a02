"""The subject's trigger in the captions, and the programs of the user's own commands."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from check_inputs import caption, checked, data_set

from trainer.checks.commands import commands_missing
from trainer.checks.trigger import trigger_missing


def lacking(root: Path, trigger: str, **values: Any) -> tuple[str, ...]:
    bake = replace(checked(root, **values), trigger=trigger)
    return tuple(case for finding in trigger_missing(bake) for case in finding.cases)


@pytest.mark.parametrize("text", ["My Knight, castle", "castle, my_knight", r"my knight \(order\)", "x, MY  KNIGHT, y"])
def test_the_trigger_counts_in_any_spelling(text: str, tmp_path: Path) -> None:
    caption(data_set(tmp_path) / "3.png", text)
    assert lacking(tmp_path, "my_knight") == ()


def test_pictures_without_the_trigger_are_named(tmp_path: Path) -> None:
    folder = data_set(tmp_path)
    for name in ("1.png", "4.png"):
        caption(folder / name, "castle")
    assert lacking(tmp_path, "my_knight") == ("2_my_knight/1.png", "2_my_knight/4.png")


def test_what_every_caption_gets_counts(tmp_path: Path) -> None:
    data_set(tmp_path)
    assert len(lacking(tmp_path, "sketch")) == 6
    assert lacking(tmp_path, "sketch", caption_prefix="sketch,") == ()
    assert lacking(tmp_path, "sketch", caption_suffix="in a sketch") == ()


def test_the_folders_words_stand_in_for_a_missing_caption(tmp_path: Path) -> None:
    (data_set(tmp_path) / "0.txt").unlink()
    assert lacking(tmp_path, "my_knight") == ()


def test_without_a_trigger_nothing_is_missing(tmp_path: Path) -> None:
    data_set(tmp_path)
    assert lacking(tmp_path, "") == lacking(tmp_path, " ") == ()


def faults(root: Path, **commands: str) -> list[str]:
    data_set(root)
    return [f"{each.place}: {each.text}" for each in commands_missing(checked(root, **commands))]


def test_programs_that_are_there_are_not_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "tell me").write_text("#!/bin/sh\n")
    (tmp_path / "tell me").chmod(0o755)
    assert faults(tmp_path, on_done="sh -c true", on_trouble="'~/tell me' --quiet") == []


def test_programs_that_cannot_be_run_say_why(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    told = faults(tmp_path, on_done=f"{tmp_path}/script", on_trouble=f"{tmp_path}/gone now")
    assert told[0].endswith("script: it is not executable") and told[0].startswith("on_done: on_done cannot run ")
    assert told[1].endswith("gone: no such file") and told[1].startswith("on_trouble: ")
    assert faults(tmp_path, on_done=str(tmp_path)) == [f"on_done: on_done cannot run {tmp_path}: a folder"]
    assert "a name of 300 bytes" in faults(tmp_path, on_done="n" * 300)[0]
