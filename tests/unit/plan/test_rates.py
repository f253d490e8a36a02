"""The schedules, against numbers by hand (facts: kohya.md section 6)."""

import math

import pytest

from trainer.errors import SettingsError
from trainer.plan.rates import factor

SCHEDULES = ("constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts")


def factors(name: str, steps: list[int], *, total: int = 100, warmup: int = 0, cycles: int = 1) -> list[float]:
    return [factor(name, step, total=total, warmup=warmup, cycles=cycles) for step in steps]


def test_constant_is_constant_whatever_the_warm_up() -> None:
    assert factors("constant", [0, 1, 50, 100], warmup=10) == [1, 1, 1, 1]


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "constant"])
def test_a_warm_up_rises_from_zero_on_the_first_update_to_the_peak(name: str) -> None:
    assert factors(name, [0, 1, 5, 9, 10], warmup=10) == pytest.approx([0, 0.1, 0.5, 0.9, 1])


@pytest.mark.parametrize("name", SCHEDULES)
def test_without_a_warm_up_the_first_update_is_at_the_peak(name: str) -> None:
    assert factors(name, [0]) == [1]


def test_constant_with_warmup_stays_at_the_peak() -> None:
    assert factors("constant_with_warmup", [10, 50, 100], warmup=10) == [1, 1, 1]


def test_linear_falls_evenly_from_the_end_of_the_warm_up_to_zero() -> None:
    assert factors("linear", [20, 40, 60, 80, 100], warmup=20) == pytest.approx([1, 0.75, 0.5, 0.25, 0])


def test_cosine_falls_by_half_a_wave() -> None:
    # 0.5 (1 + cos 60°) = 0.75, cos 90° gives 0.5, cos 120° gives 0.25
    assert factors("cosine", [10, 40, 55, 70, 100], warmup=10) == pytest.approx([1, 0.75, 0.5, 0.25, 0])


def test_restarts_jump_to_the_peak_at_equal_lengths_and_end_at_zero() -> None:
    steps = [0, 10, 20, 39, 40, 50, 79, 80, 120]
    low = 0.5 * (1 + math.cos(math.pi * 39 / 40))
    expected = [1, 0.5 * (1 + math.cos(math.pi / 4)), 0.5, low, 1, 0.5 * (1 + math.cos(math.pi / 4)), low, 1, 0]
    assert factors("cosine_with_restarts", steps, total=120, cycles=3) == pytest.approx(expected)


def test_restarts_count_from_the_end_of_the_warm_up() -> None:
    # 20 steps of warm-up, then two cycles of 40
    steps = [20, 40, 59, 60, 80, 100]
    low = 0.5 * (1 + math.cos(math.pi * 39 / 40))
    assert factors("cosine_with_restarts", steps, warmup=20, cycles=2) == pytest.approx([1, 0.5, low, 1, 0.5, 0])


def test_one_cycle_is_plain_cosine() -> None:
    steps = list(range(101))
    assert factors("cosine_with_restarts", steps, warmup=10) == pytest.approx(factors("cosine", steps, warmup=10))


@pytest.mark.parametrize("name", ["linear", "cosine", "cosine_with_restarts"])
def test_past_the_end_the_rate_stays_at_zero(name: str) -> None:
    assert factors(name, [100, 101, 1000], warmup=10, cycles=3) == [0, 0, 0]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_warm_up_as_long_as_the_bake_breaks_nothing(name: str) -> None:
    assert all(0 <= value <= 1 for value in factors(name, [0, 5, 10, 11], total=10, warmup=10))


def test_an_unknown_schedule_is_an_error() -> None:
    with pytest.raises(SettingsError, match="polynomial"):
        factor("polynomial", 0, total=1, warmup=0, cycles=1)
