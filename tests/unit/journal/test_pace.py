"""The pace of bakes that were given minutes, beside the one their steps were worked out with."""

from collections.abc import Callable

import pytest

from trainer.journal.journal import Journal
from trainer.journal.pace import pace_line
from trainer.journal.records import Bake, BakeState

Queue = Callable[..., Bake]


def line_of(journal: Journal, queue: Queue, taken: float, state: BakeState = BakeState.DONE, steps: int = 1200) -> str:
    number = queue().number
    journal.bakes.fix_steps(number, settings_toml="", total_steps=steps, asked_minutes=40.0, step_seconds=1.9)
    journal.curves.add(number, "seconds_per_step", [(step, taken) for step in range(1, 101)])
    journal.bakes.set_state(number, BakeState.BAKING)
    journal.bakes.set_state(number, state)
    return pace_line(journal.curves, journal.bakes.read(number))


@pytest.mark.parametrize(
    ("taken", "line"),
    [
        (
            2.5,
            "a step took 2.50 s, and 1.90 s was expected: the steps took about 12 min longer than was planned for the 40 min",
        ),
        (
            1.4,
            "a step took 1.40 s, and 1.90 s was expected: the steps took about 10 min less than was planned for the 40 min",
        ),
        (2.1, ""),
        (1.7, ""),
    ],
)
def test_more_than_a_seventh_off_is_said(journal: Journal, queue: Queue, taken: float, line: str) -> None:
    assert line_of(journal, queue, taken) == line


def test_a_bake_that_was_stopped_did_not_use_its_minutes(journal: Journal, queue: Queue) -> None:
    assert line_of(journal, queue, 9.0, BakeState.STOPPED) == ""


def test_a_bake_without_minutes_or_without_steps_has_no_line(journal: Journal, queue: Queue) -> None:
    plain = queue()
    journal.curves.add(plain.number, "seconds_per_step", [(1, 5.0)])
    journal.bakes.set_state(plain.number, BakeState.DONE)
    assert pace_line(journal.curves, journal.bakes.read(plain.number)) == ""
    timed = queue()
    journal.bakes.fix_steps(timed.number, settings_toml="", total_steps=9, asked_minutes=1.0, step_seconds=1.0)
    journal.bakes.set_state(timed.number, BakeState.DONE)
    assert pace_line(journal.curves, journal.bakes.read(timed.number)) == ""


def test_the_digest_says_it_once(journal: Journal, queue: Queue) -> None:
    line = line_of(journal, queue, 2.5)
    assert [surprise for surprise in journal.digests.read(0.0).surprises if "was expected" in surprise] == [
        f"bake 1 hifumi: {line}"
    ]


def test_the_fixed_number_is_in_the_row(journal: Journal, queue: Queue) -> None:
    number = queue().number
    journal.bakes.fix_steps(number, settings_toml="x = 1", total_steps=77, asked_minutes=2.5, step_seconds=1.9)
    bake = journal.bakes.read(number)
    assert (bake.total_steps, bake.settings_toml, bake.asked_minutes, bake.expected_step_seconds) == (
        77,
        "x = 1",
        2.5,
        1.9,
    )
    assert bake.planned_seconds == 150.0
