"""Expected start and end of queued bakes."""

from typing import Any

import pytest
from bake_rows import bake_row

from trainer.journal.records import Bake, BakeState, Stage
from trainer.plan.queue_times import ExpectedTimes, expected_ends

NOW = 1_750_000_000.0
HOUR = 3600.0


def bake(number: int, hours: float | None = 1.0, **changes: Any) -> Bake:
    values: dict[str, Any] = {
        "number": number,
        "state": BakeState.QUEUED,
        "stage": None,
        "stage_total": 0,
        "pid": None,
        "created": NOW,
        "started": None,
        "total_steps": 100,
        "steps_per_epoch": 10,
        "place": float(number),
        "planned_seconds": None if hours is None else hours * HOUR,
    }
    return bake_row(**{**values, **changes})


def live(done: int, hours: float | None = 1.0) -> Bake:
    return bake(
        9, hours, state=BakeState.BAKING, stage=Stage.STEP, stage_done=done, stage_total=100, started=NOW - 0.5 * HOUR
    )


def test_bakes_follow_one_another() -> None:
    assert expected_ends([bake(1), bake(2, 2)], [], NOW) == {
        1: ExpectedTimes(NOW, NOW + HOUR),
        2: ExpectedTimes(NOW + HOUR, NOW + 3 * HOUR),
    }


def test_the_first_starts_when_the_running_one_ends() -> None:
    expected = expected_ends([bake(1)], [live(25)], NOW)
    assert expected[9] == ExpectedTimes(NOW - 0.5 * HOUR, NOW + 0.75 * HOUR)
    assert expected[1].start == NOW + 0.75 * HOUR


@pytest.mark.parametrize("planned", [None, 1.0])
def test_a_running_bake_is_expected_at_its_own_pace_whatever_was_planned(planned: float | None) -> None:
    assert expected_ends([], [live(20, planned)], NOW, {9: 90.0})[9].end == NOW + 2 * HOUR


def test_a_bake_of_neither_plan_nor_pace_leaves_all_open() -> None:
    expected = expected_ends([bake(1)], [live(20, None)], NOW)
    assert (expected[9].end, expected[1]) == (None, ExpectedTimes(None, None))


def test_one_of_unknown_length_leaves_those_behind_it_open() -> None:
    expected = expected_ends([bake(1, None), bake(2)], [], NOW)
    assert expected == {1: ExpectedTimes(NOW, None), 2: ExpectedTimes(None, None)}


def test_one_that_is_held_has_no_time_and_holds_nobody_up() -> None:
    expected = expected_ends([bake(1, held=True), bake(2)], [], NOW)
    assert expected == {1: ExpectedTimes(None, None), 2: ExpectedTimes(NOW, NOW + HOUR)}


def test_one_that_may_only_start_later_is_passed() -> None:
    expected = expected_ends([bake(1, not_before=NOW + 0.5 * HOUR), bake(2), bake(3)], [], NOW)
    assert [expected[2].start, expected[1].start, expected[3].start] == [NOW, NOW + HOUR, NOW + 2 * HOUR]


def test_the_card_waits_where_no_bake_may_start_yet() -> None:
    expected = expected_ends([bake(1, not_before=NOW + 2 * HOUR), bake(2, not_before=NOW + HOUR)], [], NOW)
    assert expected == {
        2: ExpectedTimes(NOW + HOUR, NOW + 2 * HOUR),
        1: ExpectedTimes(NOW + 2 * HOUR, NOW + 3 * HOUR),
    }


def test_a_bake_given_minutes_has_its_times_before_its_steps_are_measured() -> None:
    measured_later = {"total_steps": 0, "state": BakeState.STARTING, "stage": Stage.LOAD, "started": NOW}
    expected = expected_ends([bake(1)], [bake(9, 0.5, **measured_later)], NOW)
    assert expected[9] == ExpectedTimes(NOW, NOW + 0.5 * HOUR)
    assert expected[1] == ExpectedTimes(NOW + 0.5 * HOUR, NOW + 1.5 * HOUR)
