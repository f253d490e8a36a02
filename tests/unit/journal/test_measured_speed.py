import sqlite3
from collections.abc import Callable

import pytest

from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState

Queue = Callable[..., Bake]


def baked(journal: Journal, bake: Bake, seconds: list[float], state: BakeState = BakeState.DONE) -> None:
    with MetricWriter(journal.path, bake.number) as metrics:
        for step, value in enumerate(seconds, start=1):
            metrics.put(step, {"seconds_per_step": value})
    journal.bakes.set_state(bake.number, state)


def speed_of(journal: Journal, fits: Callable[[str], bool]) -> float | None:
    found = journal.curves.measured_speed(fits)
    return None if found is None else found.seconds


def test_the_speed_is_the_mean_of_the_newest_fitting_bake_without_its_first_steps(
    journal: Journal, queue: Queue
) -> None:
    baked(journal, queue(settings_toml="dim 8"), [9.0])
    baked(journal, queue(settings_toml="dim 8"), [30.0, 1.0, 2.0, float("nan"), 1.5, 2.5])
    baked(journal, queue(settings_toml="dim 128"), [5.0])
    assert speed_of(journal, lambda toml: toml == "dim 8") == pytest.approx(2.0)


def test_a_step_that_waited_for_something_else_does_not_count(journal: Journal, queue: Queue) -> None:
    baked(journal, queue(), [40.0, 9.0, 9.0, *[1.0, 2.0] * 10, 3600.0])
    assert speed_of(journal, lambda toml: True) == pytest.approx(1.5)


def test_a_speed_says_where_it_was_measured(journal: Journal, queue: Queue) -> None:
    bake = queue()
    journal.bakes.set_device(bake.number, "a GPU")
    journal.bakes.set_setup_seconds(bake.number, 12.5)
    baked(journal, bake, [1.0] * 30)
    found = journal.curves.measured_speed(lambda toml: True)
    assert found is not None
    assert (found.steps, found.bake, found.setup_seconds, found.device) == (30, bake.number, 12.5, "a GPU")
    assert found.ended == journal.bakes.read(bake.number).ended
    assert journal.curves.measured_speed(lambda toml: True, lambda device: device == "cpu") is None


def test_bakes_that_broke_or_were_not_measured_give_no_speed(journal: Journal, queue: Queue) -> None:
    baked(journal, queue(), [7.0], BakeState.STOPPED)
    baked(journal, queue(), [3.0], BakeState.FAILED)
    baked(journal, queue(), [])
    assert speed_of(journal, lambda toml: True) == 7.0


def test_without_a_fitting_bake_there_is_no_speed(journal: Journal, queue: Queue) -> None:
    baked(journal, queue(), [7.0])
    assert journal.curves.measured_speed(lambda toml: False) is None


def timed(journal: Journal, bake: Bake, took: float, setup: float) -> None:
    """Let a bake of 30 steps of a second have taken so long in all, and so long before its first step."""
    baked(journal, bake, [1.0] * 30)
    journal.bakes.set_setup_seconds(bake.number, setup)
    with sqlite3.connect(journal.path) as connection:
        connection.execute("UPDATE bake SET started = 1000.0, ended = ? WHERE number = ?", (1000.0 + took, bake.number))


def test_what_was_done_between_the_steps_is_shared_out_among_them(journal: Journal, queue: Queue) -> None:
    timed(journal, queue(), took=100.0, setup=10.0)
    found = journal.curves.measured_speed(lambda toml: True)
    assert found is not None
    assert found.between_seconds == pytest.approx(2.0)


@pytest.mark.parametrize("what", ["paused", "resumed", "timed itself", "no start"])
def test_a_bake_that_did_something_else_does_not_tell_what_that_took(journal: Journal, queue: Queue, what: str) -> None:
    bake = queue()
    timed(journal, bake, took=100.0, setup=10.0)
    change = {
        "paused": f"INSERT INTO mark (bake, step, seconds, kind, text) VALUES ({bake.number}, 5, 1.0, 'order', 'pause')",
        "resumed": "UPDATE bake SET attempt = 2",
        "timed itself": "UPDATE bake SET asked_minutes = 40",
        "no start": "UPDATE bake SET started = NULL",
    }
    with sqlite3.connect(journal.path) as connection:
        connection.execute(change[what])
    found = journal.curves.measured_speed(lambda toml: True)
    assert found is not None
    assert (found.seconds, found.between_seconds) == (1.0, None)
