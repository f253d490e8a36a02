"""The first frame stands before the libraries are touched, and quitting leaves nothing behind."""

import os
import sys
import time
from pathlib import Path

import psutil
from first_frame import TOUCHED
from pseudo_terminal import Terminal

from trainer.demo.workspace import make_demo

WATCH = Path(__file__).parents[1] / "support" / "first_frame.py"


def test_the_first_frame_comes_before_the_import_of_torch(tmp_path: Path) -> None:
    make_demo(tmp_path / "demo")
    mark = tmp_path / "mark"
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "36"}
    command = [sys.executable, str(WATCH), str(mark), "demo", str(tmp_path / "demo")]
    terminal = Terminal(command, 120, 36, tmp_path, env)
    try:
        terminal.wait_for("settings", "epochs", "b bake")
        end = time.monotonic() + 60
        while TOUCHED not in terminal.raw and time.monotonic() < end:
            terminal.pump(0.1)
        assert b"settings" in terminal.raw.partition(TOUCHED)[0]
        assert TOUCHED in terminal.raw
    finally:
        terminal.close()


def test_quitting_while_libraries_load_leaves_no_process(open_terminal, tmp_path: Path) -> None:
    terminal = open_terminal("demo", str(tmp_path / "demo"), fresh=True)
    terminal.wait_for("b bake")
    terminal.press("ctrl+q")
    assert terminal.wait_exit(20) == 0
    assert not [
        process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in (process.info["cmdline"] or [])
    ]


def test_the_terminal_is_given_back_as_it_was(open_terminal, tmp_path: Path) -> None:
    terminal = open_terminal("demo", str(tmp_path / "demo"), fresh=True)
    terminal.wait_for("b bake")
    terminal.press("ctrl+q")
    terminal.wait_exit(20)
    assert terminal.raw.count(b"\x1b[?1049h") == terminal.raw.count(b"\x1b[?1049l") == 1
    assert terminal.raw.rindex(b"\x1b[?25h") > terminal.raw.rindex(b"\x1b[?25l")
