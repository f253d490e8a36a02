"""A terminal that goes away, stalls or is slow costs a bake nothing."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState


@pytest.fixture
def demo(make_bakery: Callable[[int], Path]) -> Path:
    """A demo whose bake is six epochs of eight steps."""
    return make_bakery(6)


def _bake(demo: Path) -> Bake:
    with Journal(demo / "journal.sqlite") as journal:
        return journal.bakes.read(1)


def _until(condition: Callable[[], object], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def _says_it_goes_on(demo: Path, pid: int) -> bool:
    line = f"the terminal was closed; the bake continues without a screen (pid {pid})"
    with Journal(demo / "journal.sqlite") as journal:
        told = any(entry.text == line for entry in journal.log.read(0, bake=1))
    return told and line in next(demo.glob("bakes/*/bake.log")).read_text()


def _all_is_there(demo: Path) -> bool:
    bake = _bake(demo)
    with Journal(demo / "journal.sqlite") as journal:
        losses = journal.curves.last_values(1)["loss"][0]
    return (bake.state, bake.stage_done, losses) == (BakeState.DONE, 48, 48)


@pytest.mark.long
def test_a_closed_terminal_costs_the_dashboards_bake_nothing(open_terminal, start, demo: Path) -> None:
    terminal = open_terminal(folder=demo)
    start(terminal)
    terminal.hang_up()
    assert terminal.wait_exit(120) == 0
    assert _says_it_goes_on(demo, terminal.process.pid)
    assert _all_is_there(demo)


def test_without_a_bake_a_closed_terminal_ends_the_process(open_terminal, demo: Path) -> None:
    terminal = open_terminal(folder=demo)
    terminal.wait_for("b bake", "steps ×")
    terminal.hang_up()
    assert terminal.wait_exit(30) == 0


@pytest.mark.long
def test_a_closed_terminal_costs_lora_tui_bake_nothing(open_terminal, demo: Path, own_home: Path) -> None:
    terminal = open_terminal("bake", "hifumi.toml", folder=demo)
    terminal.wait_for("epoch 1/6  step", seconds=90)
    terminal.hang_up()
    assert terminal.wait_exit(120) == 0
    assert _says_it_goes_on(demo, terminal.process.pid)
    assert _all_is_there(demo)
    assert "✓ bake 1 done" in (own_home / "state" / "lora-tui" / "lora-tui.log").read_text()


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that tells a tmux server of this test's own something."""
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed")
    # A socket's path may be no longer than 107 bytes.
    socket = Path(f"/tmp/lora-tui-{os.getpid()}.tmux")

    def tell(*words: str) -> str:
        command = [program, "-S", str(socket), "-f", "/dev/null", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    yield tell
    tell("kill-server")
    socket.unlink(missing_ok=True)


@pytest.mark.long
def test_a_killed_pane_costs_the_dashboards_bake_nothing(tmux: Callable[..., str], demo: Path) -> None:
    tmux("new-session", "-d", "-s", "bake", "-x", "120", "-y", "36", "-c", str(demo), f"{sys.executable} -m lora_tui")

    def wait_for(text: str) -> None:
        _until(lambda: text in tmux("capture-pane", "-p", "-t", "bake"), text)

    wait_for("steps ×")
    pid = int(tmux("display-message", "-p", "-t", "bake", "#{pane_pid}"))
    tmux("send-keys", "-t", "bake", "b")
    wait_for("note for this bake")
    tmux("send-keys", "-t", "bake", "Enter")
    wait_for("● baking")
    tmux("kill-pane", "-t", "bake")
    _until(lambda: _bake(demo).state is BakeState.DONE, "done")
    _until(lambda: not psutil.pid_exists(pid), "the process ends")
    assert _says_it_goes_on(demo, pid)
    assert _all_is_there(demo)
