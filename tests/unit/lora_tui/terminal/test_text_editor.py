"""The user's editor as the environment names it, and another program in the foreground."""

import os
import signal
import sys
from pathlib import Path

import pytest

from lora_tui.terminal.foreground import ForegroundProgram
from lora_tui.terminal.text_editor import EditorEnd, editor_command
from trainer.errors import TerminalError


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with two programs to edit with."""
    for name in ("neat", "my ed"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("variables", "command"),
    [
        ({"EDITOR": "neat"}, ["neat"]),
        ({"EDITOR": "none-such", "VISUAL": "neat -w"}, ["neat", "-w"]),
        ({"EDITOR": "neat", "VISUAL": " "}, ["neat"]),
        ({"VISUAL": "'my ed' --wait"}, ["my ed", "--wait"]),
    ],
)
def test_visual_comes_before_editor_and_may_have_options(tools: Path, variables: dict, command: list[str]) -> None:
    assert list(editor_command({**variables, "PATH": str(tools)})) == command


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, ("$VISUAL", "$EDITOR", "export EDITOR=nano")),
        ({"EDITOR": "none-such --wait"}, ("$EDITOR", "none-such")),
        ({"VISUAL": "'neat"}, ("$VISUAL", "'neat")),
        ({"VISUAL": "''"}, ("$VISUAL",)),
    ],
)
def test_without_an_editor_the_variable_is_named(tools: Path, variables: dict, said: tuple[str, ...]) -> None:
    with pytest.raises(TerminalError) as error:
        editor_command({**variables, "PATH": str(tools)})
    assert [word for word in said if word not in error.value.line()] == []


@pytest.mark.parametrize(
    ("code", "said"), [(0, ""), (1, "vi ended with exit code 1"), (-9, "vi was ended by signal 9")]
)
def test_an_end_that_is_no_good_one_is_said(code: int, said: str) -> None:
    assert EditorEnd("vi", code, 60).trouble == said


def test_an_editor_that_is_back_at_once_cannot_have_been_typed_in() -> None:
    assert EditorEnd("code", 0, 0.1).at_once
    assert not EditorEnd("vi", 0, 30).at_once


def test_a_program_gets_folder_descriptors_and_environment_and_its_exit_code_comes_back(tmp_path: Path) -> None:
    read, write = os.pipe()
    keyboard = os.open(os.devnull, os.O_RDONLY)
    try:
        command = [sys.executable, "-c", "import os; print(os.getcwd(), os.environ['WORD']); raise SystemExit(7)"]
        program = ForegroundProgram(command, tmp_path, keyboard, write, {**os.environ, "WORD": "hello"})
        assert program.wait() == 7
        assert os.read(read, 1000).decode().split() == [os.path.realpath(tmp_path), "hello"]
    finally:
        for number in (read, write, keyboard):
            os.close(number)


def test_a_program_that_a_signal_ended_has_its_number(tmp_path: Path) -> None:
    keyboard = os.open(os.devnull, os.O_RDWR)
    # Under `nohup` it is ignored, and what is ignored stays so in a program that is started.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        program = ForegroundProgram(["/bin/sh", "-c", "sleep 30"], tmp_path, keyboard, keyboard)
        program.hang_up()
        assert program.wait() == -1
    finally:
        signal.signal(signal.SIGHUP, before)
        os.close(keyboard)
