"""Terminals that are not as usual: with few colours, without a cursor, without UTF-8, with an output that leads elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pseudo_terminal import Terminal

Open = Callable[..., Terminal]


@pytest.fixture
def open_as(tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens the dashboard on a terminal of its own, with some of the environment changed."""
    opened: list[Terminal] = []

    def run(*command: str, folder: Path = tmp_path, fresh: bool = False, **env: str) -> Terminal:
        usual = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "COLORTERM")}
        usual |= {"LANG": "C.UTF-8", "LORA_TUI_PREDICT": "off", "TERM": "xterm-256color", **env}
        command = command or (sys.executable, "-m", "lora_tui")
        terminal = Terminal(command, 100, 30, folder, usual, fresh=fresh)
        opened.append(terminal)
        return terminal

    yield run
    for terminal in opened:
        terminal.close()


def _grounds(raw: bytes) -> set[bytes]:
    return set(re.findall(rb"48;5;(\d+)", raw)) | set(re.findall(rb"[\[;](4[0-7]|10[0-7])(?=[;m])", raw))


def test_tmux_over_ssh_gets_the_numbers_of_the_theme_s_file(open_as: Open) -> None:
    terminal = open_as(TERM="tmux-256color")
    terminal.wait_for("no loss yet")
    assert b"48;2;" not in terminal.raw and b"38;2;" not in terminal.raw
    # The ground, title and keys, and the scrollbar's track, of ember.
    assert {b"233", b"235"} <= _grounds(terminal.raw)


def test_a_plain_xterm_gets_sixteen_colours(open_as: Open) -> None:
    terminal = open_as(TERM="xterm")
    terminal.wait_for("no loss yet")
    assert b"48;5;" not in terminal.raw and b"48;2;" not in terminal.raw
    assert {b"40", b"44"} <= _grounds(terminal.raw)


@pytest.mark.parametrize("kind", ["dumb", "DUMB", "unknown", "dumb-emacs-ansi"])
def test_a_terminal_that_cannot_place_text_is_refused_in_a_line(open_as: Open, kind: str) -> None:
    terminal = open_as(TERM=kind)
    assert terminal.wait_exit() == 2
    (line,) = terminal.raw.decode().replace("\r", "").splitlines()
    assert f"TERM={kind}" in line and "lora-tui bake" in line and "xterm-256color" in line


@pytest.mark.skipif(shutil.which("tic") is None, reason="needs terminfo's compiler")
@pytest.mark.parametrize("paper", ["hc, ", ""])
def test_a_terminal_that_terminfo_knows_to_print_only_is_refused(open_as: Open, tmp_path: Path, paper: str) -> None:
    entry = f"teletype|prints lines,\n\tam, {paper}cols#80,\n\tcud1=\\n, cr=\\r, ind=\\n,\n"
    (tmp_path / "teletype.ti").write_text(entry)
    subprocess.run(["tic", "-o", str(tmp_path / "kinds"), str(tmp_path / "teletype.ti")], check=True)
    assert open_as(TERM="teletype", TERMINFO=str(tmp_path / "kinds")).wait_exit() == 2


def test_a_kind_of_terminal_that_nobody_knows_may_be_able_to(open_as: Open) -> None:
    open_as(TERM="best-of-all").wait_for("no loss yet")


def test_a_bake_on_a_terminal_that_cannot_place_text_prints_lines(open_as: Open, make_bakery) -> None:
    root = make_bakery(1)
    terminal = open_as(sys.executable, "-m", "lora_tui", "bake", "hifumi.toml", folder=root, TERM="dumb")
    assert terminal.wait_exit(120) == 0
    assert b"\x1b" not in terminal.raw and b"step" in terminal.raw


@pytest.mark.parametrize(("wrong", "name"), [("</dev/null", "input"), ("| cat", "output"), (">out.txt", "output")])
def test_a_screen_that_would_lead_elsewhere_is_refused_in_a_line(open_as: Open, wrong: str, name: str) -> None:
    script = f"set -o pipefail; {sys.executable} -m lora_tui {wrong}; echo ended $?"
    terminal = open_as("bash", "-c", script, fresh=True)
    text = terminal.wait_for("ended 2")
    assert f"standard {name} is not a terminal" in text.replace("\n", "")


def test_errors_that_lead_to_a_file_leave_the_screen_where_it_was(open_as: Open, tmp_path: Path) -> None:
    terminal = open_as("bash", "-c", f"{sys.executable} -m lora_tui 2>errors.txt; echo ended $?", fresh=True)
    terminal.wait_for("no loss yet")
    terminal.press("ctrl+q")
    terminal.wait_for("ended 0")
    assert (tmp_path / "errors.txt").read_bytes() == b""


def test_keys_that_are_not_utf_8_do_not_end_the_screen(open_as: Open) -> None:
    terminal = open_as()
    terminal.wait_for("no loss yet")
    os.write(terminal.fileno(), b"\xe4\xff\xc3")
    terminal.press("?")
    terminal.wait_for("start a bake with")


def test_a_screen_in_another_encoding_shows_what_that_has(open_as: Open) -> None:
    terminal = open_as(LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", fresh=True)
    terminal.wait_for("no loss yet")
    assert terminal.raw.isascii()
    assert "- settings " in terminal.screen() and "-----" in terminal.screen()


def test_a_screen_that_is_asked_for_ascii_sends_nothing_else(open_as: Open) -> None:
    terminal = open_as(sys.executable, "-m", "lora_tui", "--ascii", fresh=True)
    terminal.wait_for("no loss yet")
    assert terminal.raw.isascii()
