"""The command that is offered does what it says when a shell reads it."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lora_tui.terminal.copy_command import SshAddress, copy_command, print_command, this_machine


def test_an_ssh_session_gives_the_address_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "me")
    monkeypatch.setenv("LOGNAME", "me")
    assert this_machine({"SSH_CONNECTION": "10.0.0.2 51234 10.0.0.9 2222"}) == SshAddress("me@10.0.0.9", "2222")
    assert this_machine({"SSH_CONNECTION": "10.0.0.2 51234 10.0.0.9 22"}) == SshAddress("me@10.0.0.9", "")


def test_without_one_the_machine_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "oven")
    monkeypatch.setenv("LOGNAME", "me")
    assert this_machine({}) == SshAddress("me@oven", "")


@pytest.mark.parametrize(
    ("box", "command"),
    [
        (SshAddress("me@oven", ""), "scp me@oven:/w/grids/x.html ."),
        (SshAddress("me@oven", "2222"), "scp -P 2222 me@oven:/w/grids/x.html ."),
        (SshAddress("me@fe80::1", ""), "scp 'me@[fe80::1]:/w/grids/x.html' ."),
    ],
)
def test_the_copy_command(box: SshAddress, command: str) -> None:
    assert copy_command(Path("/w/grids/x.html"), box) == command


@pytest.mark.parametrize("folder", ["/w", "/my grids", "/it's $(touch gone)"])
def test_the_words_arrive_on_the_machine_as_they_were(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run the command in a shell, with an ssh that hands its words to another shell as the real one does."""
    monkeypatch.setattr(sys, "argv", ["lora-tui"])
    (tmp_path / "ssh").write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')
    (tmp_path / "lora-tui").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    for program in ("ssh", "lora-tui"):
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    command = print_command(["page", "7", "--in", folder, "--stdout"], "out file.html", SshAddress("me@oven", ""))
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "out file.html").read_text().splitlines() == ["page", "7", "--in", folder, "--stdout"]
    assert not (tmp_path / "gone").exists()


def test_the_program_is_named_so_that_no_path_need_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/__main__.py"])
    words = shlex.split(print_command(["page"], "x.html", SshAddress("me@oven", "22022")))
    assert words[:4] == ["ssh", "-p", "22022", "me@oven"]
    assert words[4:8] == [sys.executable, "-P", "-m", "lora_tui"]
