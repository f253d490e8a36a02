import os
import subprocess
import sys
from dataclasses import replace

import pytest

from lora_tui.terminal.bake_process import process_text, terminal_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, NewBake


@pytest.fixture
def bake(tmp_path) -> Bake:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.bakes.add(
            NewBake(name="x", why="", settings_toml="", engine="theirs", total_steps=9, steps_per_epoch=3)
        )
        taken = journal.queue.claim("theirs", 4711, 5.0)
    assert taken is not None
    return taken


def test_a_bake_of_ours_is_nowhere_else(bake: Bake) -> None:
    assert process_text(bake, "theirs") == ""
    assert process_text(None, "ours") == ""


def test_a_bake_that_has_ended_is_nowhere(bake: Bake) -> None:
    assert process_text(replace(bake, state=BakeState.DONE), "ours") == ""


def test_a_bake_elsewhere_is_named_with_its_process(bake: Bake) -> None:
    where = process_text(bake, "ours", alive=lambda pid, started: True, terminal=lambda pid: "on pts/3")
    assert where == "in process 4711 on pts/3"


def test_a_process_that_is_gone_is_reported_as_gone(bake: Bake) -> None:
    assert process_text(bake, "ours", alive=lambda pid, started: False) == "its process 4711 is gone"


def test_a_process_that_reads_from_nothing_has_no_terminal() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdin=subprocess.DEVNULL)
    try:
        assert terminal_of(process.pid) == "without a terminal"
    finally:
        process.kill()
        process.wait()


def test_a_process_on_a_terminal_is_reported_with_it() -> None:
    master, slave = os.openpty()
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdin=slave)
    try:
        assert terminal_of(process.pid) == f"on {os.ttyname(slave).removeprefix('/dev/')}"
        os.close(slave)
        os.close(master)
        assert terminal_of(process.pid) == "without a terminal"
    finally:
        process.kill()
        process.wait()
