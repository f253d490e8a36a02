"""Signals to the dashboard and to `lora-tui bake`."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState


@pytest.mark.long
def test_sigint_asks_as_the_quit_key_does(open_terminal, start, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(100)
    terminal = open_terminal(folder=demo)
    start(terminal)
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for("is running", "cancel")
    terminal.press("s")
    assert terminal.wait_exit(60) == 0
    with Journal(demo / "journal.sqlite") as journal:
        assert journal.bakes.read(1).state is BakeState.STOPPED


def test_ctrl_z_freezes_no_bake_and_says_what_does_help(open_terminal, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(100)
    terminal = open_terminal("bake", "hifumi.toml", folder=demo)
    terminal.wait_for("epoch 1/100  step", seconds=90)
    terminal.press("\x1a")
    terminal.wait_for("ctrl+z is ignored", "epoch 2/100", seconds=60)
    terminal.press("\x03")
    assert terminal.wait_exit(60) == 130
    with Journal(demo / "journal.sqlite") as journal:
        assert journal.bakes.read(1).state is BakeState.STOPPED
        assert journal.results.checkpoints(1)


def test_ctrl_c_before_the_bake_started_leaves_at_once(open_terminal, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(1)
    terminal = open_terminal("bake", "hifumi.toml", folder=demo, fresh=True)
    terminal.wait_for("loading libraries", seconds=60)
    terminal.press("\x03")
    assert terminal.wait_exit(30) == 130
    with Journal(demo / "journal.sqlite") as journal:
        assert (journal.bakes.read(1).state, journal.bakes.read(1).started) == (BakeState.STOPPED, None)
