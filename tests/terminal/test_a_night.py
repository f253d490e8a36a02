"""Three bakes are queued, one goes wrong, the terminal is lost; in the morning the digest tells all of it."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import preloaded
import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.settings.toml_file import load_settings, save_settings

NAMES = ("hifumi", "saori", "azusa")

# At the first step half of each layer has a gradient of zero, which AdamW then divides by zero.
WRONG = {"optimizer_args": ["eps=0"], "on_bad_steps": "stop", "max_bad_steps": 3}


def _queue_three(demo: Path) -> None:
    """Queue three bakes of which the second cannot go well, while no dashboard is up."""
    settings = load_settings(demo / "hifumi.toml")
    for name in NAMES:
        wrong = WRONG if name == "saori" else {}
        save_settings(settings.model_copy(update={"output_name": name, **wrong}), demo / f"{name}.toml")
    command = [sys.executable, "-m", "lora_tui", "queue", "add", *(str(demo / f"{name}.toml") for name in NAMES)]
    assert preloaded.run(command, cwd=demo, env=dict(os.environ)).returncode == 0


def _states(demo: Path) -> list[BakeState]:
    with Journal(demo / "journal.sqlite") as journal:
        return [journal.bakes.read(number).state for number in (1, 2, 3)]


@pytest.mark.long
def test_the_digest_shows_a_night_without_a_terminal(open_terminal, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(3)
    _queue_three(demo)
    evening = open_terminal(folder=demo)
    evening.wait_for("0001 hifumi", "0003 azusa", "earlier session", "run them here", seconds=60)
    evening.press("t")
    evening.wait_for("● baking", seconds=90)
    evening.hang_up()
    # The worst of the three gives the process its exit code.
    assert evening.wait_exit(180) != 0
    assert _states(demo) == [BakeState.DONE, BakeState.FAILED, BakeState.DONE]

    morning = open_terminal(folder=demo)
    screen = morning.wait_for("Since you last looked", "esc: close", "b bake", seconds=60)
    ends = re.findall(r"([✓✗]) (000\d) (\w+) +(\w+)", screen)
    assert ends == [
        ("✓", "0001", "hifumi", "done"),
        ("✗", "0002", "saori", "failed"),
        ("✓", "0003", "azusa", "done"),
    ]
    # The count comes with the readings, which are not asked for after every step.
    assert re.search(r"bake 2 saori failed: stage step: \d+ steps in a row had no finite gradient", screen)
    # Told once: who closes it and opens the screen again has heard it.
    morning.press("enter")
    morning.wait_until_gone("Since you last looked")
    morning.press("ctrl+q")
    assert morning.wait_exit(20) == 0
    again = open_terminal(folder=demo)
    again.wait_for("b bake", "steps ×", seconds=60)
    again.pump(1)
    assert "Since you last looked" not in again.screen()
