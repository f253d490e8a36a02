"""A line that stalls, is slow or changes its size all the time costs a bake nothing."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pseudo_terminal import Terminal

from lora_tui.terminal.repaint import SLOW_BYTES
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState


def _step(demo: Path) -> int:
    with Journal(demo / "journal.sqlite") as journal:
        return journal.curves.last_values(1)["loss"][0]


def _state(demo: Path) -> BakeState:
    with Journal(demo / "journal.sqlite") as journal:
        return journal.bakes.read(1).state


def _await_step_after(demo: Path, step: int) -> None:
    """Wait until the journal knows a later step; how long one takes says more of what else the machine does."""
    end = time.monotonic() + 60
    while _step(demo) <= step:
        assert time.monotonic() < end, "the bake waits for the terminal"
        time.sleep(0.1)


@pytest.fixture
def baking(open_terminal, start, make_bakery: Callable[[int], Path]) -> tuple[Terminal, Path]:
    """A dashboard over a bake of 100 epochs, and its workspace."""
    demo = make_bakery(100)
    terminal = open_terminal(folder=demo)
    start(terminal)
    terminal.wait_for("it/s", seconds=60)
    return terminal, demo


def test_a_bake_continues_while_nobody_reads_the_terminal(baking: tuple[Terminal, Path]) -> None:
    terminal, demo = baking
    before = _step(demo)
    # What is painted meanwhile fills the line.
    time.sleep(4)
    halfway = _step(demo)
    assert before < halfway
    _await_step_after(demo, halfway)
    # The screen comes back by itself, and is as late as one frame, not as those seconds.
    terminal.press("space")
    terminal.wait_for("◌ paused")


@pytest.mark.long
def test_a_stalled_line_holds_up_no_order_to_end(baking: tuple[Terminal, Path]) -> None:
    terminal, demo = baking
    time.sleep(5)
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(60) == 143
    assert _state(demo) is BakeState.STOPPED


def _ends_with_keys(terminal: Terminal, size: tuple[int, int]) -> bool:
    lines = terminal.screen().splitlines()
    return len(lines) == size[1] and lines[-1].strip().startswith("space pause") and len(lines[-1]) == size[0]


def test_a_storm_of_resizes_ends_in_a_whole_screen(baking: tuple[Terminal, Path]) -> None:
    terminal, demo = baking
    before = _step(demo)
    # Through all arrangements; the last one is that of the last size.
    last: dict[tuple[int, int], tuple[str, ...]] = {
        (40, 10): ("▸1 settings", "2 curves", "space pause"),
        (80, 24): ("▸1 settings", "▸2 curves", "v view"),
        (120, 36): ("progress", "epochs", "space pause", "settings"),
    }
    for size, wanted in last.items():
        for turn in range(20):
            terminal.resize(30 + 7 * turn % 140, 6 + 5 * turn % 40)
            terminal.pump(0.02)
        terminal.resize(*size)
        # What an earlier size left on the screen may say the same elsewhere.
        end = time.monotonic() + 60
        while not _ends_with_keys(terminal, size) or not all(words in terminal.screen() for words in wanted):
            assert time.monotonic() < end, terminal.screen()
            terminal.pump(0.05)
    assert _state(demo) is BakeState.BAKING
    _await_step_after(demo, before)


@pytest.mark.long
def test_a_slow_line_is_noticed_and_spared_until_it_is_quick_again(baking: tuple[Terminal, Path]) -> None:
    terminal, demo = baking
    _read_slowly(terminal, lambda: "slow connection" in terminal.screen())
    # What was on its way when it was noticed is no figure.
    _read_slowly(terminal, seconds=8)
    before, began, step = len(terminal.raw), time.monotonic(), _step(demo)
    _read_slowly(terminal, seconds=40)
    seconds = time.monotonic() - began
    # One paint, the newest, may not be paid for yet; the longest is that of the lists. One trial takes a complete screen.
    assert (len(terminal.raw) - before - (12 + 40) * 1024) / seconds <= SLOW_BYTES
    assert len(terminal.raw) > before
    assert _step(demo) > step
    # A new size comes before anything else: one screen, and what the buffers hold.
    terminal.resize(110, 30)
    began = time.monotonic()
    _read_slowly(terminal, lambda: _is_whole(terminal), seconds=60)
    assert _is_whole(terminal)
    assert time.monotonic() - began < 20
    terminal.wait_until_gone("slow connection", seconds=150)
    terminal.wait_for("it/s")


@pytest.mark.long
def test_the_slow_mode_that_was_chosen_stays_until_it_is_left(baking: tuple[Terminal, Path]) -> None:
    terminal, _ = baking
    terminal.press("S")
    terminal.wait_for("slow connection")
    terminal.pump(40)
    assert "slow connection" in terminal.screen().splitlines()[0]
    terminal.press("S")
    terminal.wait_until_gone("slow connection", seconds=10)


@pytest.mark.long
def test_a_reader_that_comes_late_again_and_again_is_not_slow(baking: tuple[Terminal, Path]) -> None:
    terminal, _ = baking
    for _ in range(8):
        time.sleep(2.5)
        terminal.pump(0.3)
    terminal.wait_for("it/s")
    assert "slow connection" not in terminal.screen()


def _is_whole(terminal: Terminal) -> bool:
    """Whether the first and the last line of a slow dashboard stand where they belong."""
    first, *_, last = terminal.screen().splitlines()
    return first.startswith(" lora-tui") and "slow connection" in first and last.startswith(" space pause")


def _read_slowly(terminal: Terminal, until: Callable[[], object] = lambda: False, seconds: float = 120) -> None:
    """Read 4 KiB a second until something holds."""
    end = time.monotonic() + seconds
    while not until() and time.monotonic() < end:
        terminal.read(4096)
        time.sleep(1)
