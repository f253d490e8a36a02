"""The studentized range against published tables, and Student's t as its case of two values."""

from math import inf, sqrt

import pytest

from trainer.doneness.studentized_range import largest_by_chance
from trainer.measures.student import quantile


@pytest.mark.parametrize(
    ("count", "degrees", "expected"),
    # Pearson & Hartley, Biometrika Tables for Statisticians, table 29: upper 5 % points.
    [(2, 1, 17.97), (10, 1, 49.07), (3, 10, 3.877), (5, 20, 4.232), (20, 120, 5.13), (2, inf, 2.772), (10, inf, 4.474)],
)
def test_quantiles_are_those_of_the_tables(count: int, degrees: float, expected: float) -> None:
    assert largest_by_chance(count, degrees) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("degrees", [1, 2.5, 7, 40, inf])
def test_two_values_give_students_t(degrees: float) -> None:
    assert largest_by_chance(2, degrees) / sqrt(2) == pytest.approx(quantile(0.95, degrees), rel=1e-3)


def test_more_values_and_fewer_degrees_need_a_larger_difference() -> None:
    counts = [largest_by_chance(count, 3) for count in (2, 3, 8, 40)]
    degrees = [largest_by_chance(6, degrees) for degrees in (1, 2, 5, 50, inf)]
    assert counts == sorted(counts)
    assert degrees == sorted(degrees, reverse=True)
