from collections.abc import Callable

from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState

Queue = Callable[..., Bake]


def baked(journal: Journal, bake: Bake, seconds: list[float], state: BakeState = BakeState.DONE) -> None:
    with MetricWriter(journal.path, bake.number) as metrics:
        for step, value in enumerate(seconds, start=1):
            metrics.put(step, {"seconds_per_step": value})
    journal.bakes.set_state(bake.number, state)


def test_the_speed_is_the_median_of_the_newest_fitting_bake(journal: Journal, queue: Queue) -> None:
    baked(journal, queue(settings_toml="dim 8"), [9.0])
    baked(journal, queue(settings_toml="dim 8"), [30.0, 1.0, 2.0, float("nan"), 1.5, 2.5])
    baked(journal, queue(settings_toml="dim 128"), [5.0])
    assert journal.curves.measured_speed(lambda toml: toml == "dim 8") == 2.0


def test_bakes_that_broke_or_were_not_measured_give_no_speed(journal: Journal, queue: Queue) -> None:
    baked(journal, queue(), [7.0], BakeState.STOPPED)
    baked(journal, queue(), [3.0], BakeState.FAILED)
    baked(journal, queue(), [])
    assert journal.curves.measured_speed(lambda toml: True) == 7.0


def test_without_a_fitting_bake_there_is_no_speed(journal: Journal, queue: Queue) -> None:
    baked(journal, queue(), [7.0])
    assert journal.curves.measured_speed(lambda toml: False) is None
