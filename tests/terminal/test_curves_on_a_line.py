"""What the curves on the full screen send to a terminal while a bake runs, and once it stands still."""

from collections.abc import Callable
from pathlib import Path

import pytest

# At 120 × 40 and one frame a second.
MOST = 10 * 1024


@pytest.mark.long
def test_the_curves_of_a_running_bake_send_little_and_those_of_a_paused_one_nothing(
    open_terminal, start, make_bakery: Callable[[int], Path]
) -> None:
    terminal = open_terminal(columns=120, lines=40, folder=make_bakery(200))
    start(terminal)
    terminal.wait_for("it/s", seconds=60)
    terminal.press("z")
    terminal.wait_for("following", "gradient norm")
    terminal.press("0")
    terminal.wait_for("time of a step")
    terminal.pump(2)
    before = len(terminal.raw)
    terminal.pump(20)
    assert 0 < (len(terminal.raw) - before) / 20 <= MOST
    terminal.press("escape")
    terminal.wait_for("● baking")
    terminal.press("space")
    terminal.wait_for("◌ paused", seconds=60)
    terminal.press("z")
    terminal.wait_for("gradient norm")
    terminal.pump(3)
    before = len(terminal.raw)
    terminal.pump(6)
    assert len(terminal.raw) == before
