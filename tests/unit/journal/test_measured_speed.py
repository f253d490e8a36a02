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
