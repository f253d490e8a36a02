"""Commands of the user's that learn of a bake's end: real processes, real pipes."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from trainer.engine.user_command import finish_user_commands, run_user_command

DONE = {"event": "done", "bake": {"number": 12, "name": "hifumi"}, "workspace": Path("/w"), "text": "名前 done"}


class Log:
    """What a command wrote, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, text: str, level: str) -> None:
        self.lines.append((level, text))


def script(tmp_path: Path, code: str) -> str:
    """A command that runs `code`; the folder is its argument."""
    path = tmp_path / "hook.py"
    path.write_text(code)
    return f"{sys.executable} '{path}' {tmp_path}"


def ran(command: str, timeout: float = 20.0) -> list[tuple[str, str]]:
    """Run a command to its end and return what was logged."""
    log = Log()
    run_user_command(command, DONE, timeout=timeout, log=log)
    finish_user_commands(20.0)
    return log.lines


def gone(pid: int) -> bool:
    """Whether no process runs under `pid`; one that is dead but not yet fetched by its parent counts as gone."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_the_command_gets_the_event_as_json(tmp_path: Path) -> None:
    code = "import sys, pathlib; (pathlib.Path(sys.argv[1]) / 'got').write_text(sys.stdin.read())"
    assert ran(script(tmp_path, code)) == []
    got = json.loads((tmp_path / "got").read_text())
    assert got == {"event": "done", "bake": {"number": 12, "name": "hifumi"}, "workspace": "/w", "text": "名前 done"}


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    code = "import sys, json; print(json.dumps(sys.argv[2:]))"
    reported = ran(script(tmp_path, code) + " '$HOME a' ; touch x | y")
    assert reported == [("info", 'on_done: ["$HOME a", ";", "touch", "x", "|", "y"]')]


def test_a_home_folder_in_front_of_a_word_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "tell").write_text("#!/bin/sh\necho told $1\n")
    (tmp_path / "tell").chmod(0o755)
    assert ran("~/tell it") == [("info", "on_done: told it")]


def test_the_last_lines_of_both_outputs_are_logged_without_control_codes(tmp_path: Path) -> None:
    code = "import sys\nfor n in range(20000): print('line', n)\nsys.stdout.flush()\nprint('\\x1b[31mred', file=sys.stderr)"
    reported = ran(script(tmp_path, code))
    assert reported == [("info", f"on_done: line {n}") for n in range(19996, 20000)] + [
        ("info", r"on_done: \x1b[31mred")
    ]


def test_a_command_that_fails_says_its_exit_code(tmp_path: Path) -> None:
    assert ran(script(tmp_path, "import sys; sys.exit(7)")) == [("warning", "on_done: ended with exit code 7")]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/nowhere/tell it", "cannot be run: [Errno 2]"),
        ("/etc/passwd", "cannot be run: [Errno 13]"),
        ("say 'it", "cannot be run: No closing quotation"),
        ("say \0", "cannot be run: embedded null byte"),
    ],
)
def test_a_command_that_cannot_be_run_is_a_line_in_the_log(command: str, words: str) -> None:
    ((level, text),) = ran(command)
    assert (level, words in text) == ("warning", True)


@pytest.mark.parametrize("command", ["", "   "])
def test_a_blank_command_is_no_command(command: str) -> None:
    assert ran(command) == []


def test_a_command_that_takes_too_long_is_killed_with_what_it_started(tmp_path: Path) -> None:
    code = """
import subprocess, sys, pathlib, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
    reported = ran(script(tmp_path, code), timeout=3.0)
    assert reported[-1] == ("warning", "on_done: was killed after 3 s")
    assert gone(int(reported[0][1].split()[-1]))


def test_a_command_that_leaves_a_process_behind_is_not_waited_for(tmp_path: Path) -> None:
    code = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
"""
    reported = ran(script(tmp_path, code))
    left = int(reported[0][1].split()[-1])
    try:
        assert len(reported) == 1
        os.kill(left, 0)
    finally:
        os.kill(left, signal.SIGKILL)


def test_the_caller_does_not_wait(tmp_path: Path) -> None:
    # Only what the caller then writes lets the command end, so a run_hook that waited would come to its timeout.
    code = "import sys, time, pathlib\nwhile not (pathlib.Path(sys.argv[1]) / 'go').exists(): time.sleep(0.02)\nprint('went')"
    log = Log()
    run_user_command(script(tmp_path, code), DONE, timeout=20.0, log=log)
    (tmp_path / "go").touch()
    finish_user_commands(20.0)
    assert log.lines == [("info", "on_done: went")]


def test_what_still_runs_when_the_program_ends_is_killed(tmp_path: Path) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    log = Log()
    run_user_command(script(tmp_path, code), DONE, timeout=600.0, log=log)
    finish_user_commands(2.0)
    assert log.lines[-1] == ("warning", "on_done: was killed because lora-tui is closing")
    if len(log.lines) == 2:
        assert gone(int(log.lines[0][1].split()[-1]))


def test_a_log_that_takes_nothing_hurts_nobody(tmp_path: Path) -> None:
    def full(text: str, level: str) -> None:
        raise OSError(28, "No space left on device")

    run_user_command(script(tmp_path, "print('hello')"), DONE, log=full)
    finish_user_commands(20.0)
