from math import nan

import pytest

from lora_tui.wording import numbers

MIB = 1024**2


def test_an_hour_is_never_sixty_minutes() -> None:
    assert numbers.short_duration(3599) == "1h00"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(700 * 1024, "700 KiB"), (1_262_144, "1.2 MiB"), (144 * MIB, "144 MiB"), (2048 * MIB, "2.0 GiB")],
)
def test_a_file_size_has_the_unit_that_reads_best(amount: int, text: str) -> None:
    assert numbers.file_size(amount) == text


@pytest.mark.parametrize(
    ("value", "text"), [(2.5e-4, "2.5e-4"), (1e-4, "1.0e-4"), (0.0, "0"), (nan, "nan"), (1.0, "1.0e0")]
)
def test_a_rate_keeps_one_decimal(value: float, text: str) -> None:
    assert numbers.rate(value) == text


def test_unknown_values_have_a_dash() -> None:
    assert numbers.gib(None) == "N/A"
    assert numbers.loss(None) == ""
    assert numbers.loss(nan) == "nan"


def test_a_change_stands_with_its_error() -> None:
    assert numbers.change(-0.0312, 0.004) == "−0.031 ±0.004"
    assert numbers.change(0.002, None) == "+0.002"
    assert numbers.change(None, None) == ""


def test_speeds_keep_three_digits() -> None:
    assert [numbers.speed(value) for value in (0.0812, 1.2111, 40.04, 312.4)] == ["0.08", "1.21", "40.0", "312"]


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        ("1", "epochs", "epoch"),
        ("2", "epochs", "epochs"),
        ("1", "batches", "batch"),
        ("1", "times", "time"),
        ("1", "px", "px"),
    ],
)
def test_one_of_a_thing_has_its_unit_in_the_singular(value: str, unit: str, shown: str) -> None:
    assert numbers.unit_for(value, unit) == shown
