"""Bursts of keys, the long ones on a busy machine: text behind a key that opens something does nothing but in what it opens."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bursts import ENTER, random_text
from pseudo_terminal import Terminal

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState

# Keys of the Bake screen that open something; of those in the second line only while a bake runs, else they cannot.
_OPENERS = ("/", "b", "p", "f", "Q", "n", "o", "i", "E", "C", "g", "?", "\x10", ENTER)
_OPENERS_WHILE_BAKING = ("x", "L", "T", "B", "\x11")
# In the help of the Bake screen alone, and in view at once.
_HELP = "start a bake with these settings"


@pytest.fixture
def busy() -> Iterator[None]:
    """Two other programs want all the processor time there is, where the machine is not as busy already."""
    wanted = 2 if os.getloadavg()[0] < 4 else 0
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(wanted)]
    yield
    for program in spinning:
        program.kill()
        program.wait()


def _leave_everything(terminal: Terminal) -> None:
    """Close what is open, until the Bake screen answers a key of its own."""
    for _ in range(8):
        terminal.press("escape", "escape", "escape")
        terminal.press("?")
        try:
            terminal.wait_for(_HELP, seconds=10)
        except AssertionError:
            assert terminal.process.poll() is None
            continue
        # Alone, so that it is not taken for the start of a sequence.
        terminal.press("escape")
        terminal.wait_until_gone(_HELP)
        return
    raise AssertionError(f"nothing leads back to the Bake screen:\n{terminal.screen()}")


def _burst(terminal: Terminal, draw: random.Random, openers: tuple[str, ...]) -> str:
    """Type an opener and a text behind it at once, then leave what it opened; return what was typed."""
    typed = draw.choice(openers) + random_text(draw)
    terminal.type_at_once(typed)
    # Sometimes escape comes before the dialog does.
    terminal.pump(draw.choice((0.0, 0.05, 0.3)))
    _leave_everything(terminal)
    return typed


def _burst_idle(terminal: Terminal, demo: Path, seeds: range) -> None:
    path = demo / "hifumi.toml"
    before = path.read_bytes()
    terminal.wait_for("b bake", "steps ×")
    for seed in seeds:
        typed = _burst(terminal, random.Random(seed), _OPENERS + _OPENERS_WHILE_BAKING[:-1])
        with Journal(demo / "journal.sqlite") as journal:
            done = journal.bakes.latest(), journal.grids.latest()
        assert done == ([], []), f"{typed!r} queued something"
        assert path.read_bytes() == before, f"{typed!r} wrote the settings"
        assert list(demo.glob("*.toml")) == [path], f"{typed!r} made a subject"
        assert terminal.process.poll() is None, f"{typed!r} ended the program"


def _burst_baking(terminal: Terminal, demo: Path, seeds: range) -> None:
    for seed in seeds:
        typed = _burst(terminal, random.Random(seed), _OPENERS + _OPENERS_WHILE_BAKING)
        with Journal(demo / "journal.sqlite") as journal:
            (bake,) = journal.bakes.latest()
            orders = journal.orders.read(bake.number)
        assert (bake.state, orders) == (BakeState.BAKING, []), f"{typed!r} gave an order"
        assert terminal.process.poll() is None, f"{typed!r} ended the program"


def test_bursts(open_terminal, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(2)
    _burst_idle(open_terminal(folder=demo), demo, range(4))


def test_bursts_while_baking(open_terminal, start, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(2000)
    terminal = open_terminal(folder=demo)
    start(terminal)
    _burst_baking(terminal, demo, range(3))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_240_bursts(open_terminal, make_bakery: Callable[[int], Path], busy: None) -> None:
    demo = make_bakery(2)
    _burst_idle(open_terminal(folder=demo), demo, range(1000, 1240))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_60_bursts_while_baking(open_terminal, start, make_bakery: Callable[[int], Path], busy: None) -> None:
    demo = make_bakery(9000)
    terminal = open_terminal(folder=demo)
    start(terminal)
    _burst_baking(terminal, demo, range(2000, 2060))


def test_a_setting_is_found_and_edited_in_one_write(open_terminal, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(2)
    terminal = open_terminal(folder=demo)
    terminal.wait_for("b bake", "steps ×")
    terminal.type_at_once(f"/gradient_accumulation{ENTER}{ENTER}\x7f3{ENTER}")
    terminal.wait_for("hifumi.toml *", "─ gradient_accumulation_steps")
    terminal.press("ctrl+s")
    terminal.wait_until_gone("hifumi.toml *")
    assert "gradient_accumulation_steps = 3" in (demo / "hifumi.toml").read_text()
    with Journal(demo / "journal.sqlite") as journal:
        assert journal.bakes.latest() == []


def test_enter_behind_a_key_starts_no_bake(open_terminal, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(2)
    terminal = open_terminal(folder=demo)
    terminal.wait_for("b bake", "steps ×")
    terminal.type_at_once(f"ba note{ENTER}{ENTER}")
    terminal.wait_for("a note", "enter: start")
    terminal.pump(1)
    with Journal(demo / "journal.sqlite") as journal:
        assert journal.bakes.latest() == []
    terminal.press("enter")
    terminal.wait_for("● baking", seconds=90)
