"""A night in small: bakes in line, one of them fails, the terminal is closed; who comes back is told the story."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState


def test_the_digest_tells_the_night(open_terminal, start, make_bakery: Callable[[int], Path]) -> None:
    demo = make_bakery(3)
    evening = open_terminal(folder=demo)
    start(evening)
    for number in (2, 3):
        evening.press("b")
        evening.wait_for("why")
        evening.press("enter")
        evening.wait_for(f"bake {number:04d} waits in the queue")
    _lose_the_pictures_of(demo, 2)
    evening.hang_up()
    # The worst of three, for whoever waits for the process.
    assert evening.wait_exit(180) != 0
    with Journal(demo / "journal.sqlite") as journal:
        states = [journal.bake(number).state for number in (1, 2, 3)]
    assert states == [BakeState.DONE, BakeState.FAILED, BakeState.DONE]
    morning = open_terminal(folder=demo)
    morning.wait_for(
        "Since you last looked",
        "✓ 0001 hifumi  done",
        "✗ 0002 hifumi  failed",
        "✓ 0003 hifumi  done",
        "not as planned",
        "the terminal is gone; the bake goes on without a screen",
        seconds=60,
    )
    morning.press("enter")
    morning.wait_until_gone("Since you last looked")


def _lose_the_pictures_of(demo: Path, number: int) -> None:
    with sqlite3.connect(demo / "journal.sqlite") as connection:
        connection.execute(
            "UPDATE bake SET settings_toml = replace(settings_toml, ?, ?) WHERE number = ?",
            (f'train_data_dir = "{demo}/data"', f'train_data_dir = "{demo}/lost"', number),
        )
    connection.close()
