"""Student's t and Fisher's F against the tables in books."""

import math

import pytest

from trainer.measures.student import above_f, quantile, two_sided

# Fisher and Yates, Statistical Tables: two-sided 5 % and 1 %.
FIVE_PERCENT = {
    1: 12.706,
    2: 4.303,
    3: 3.182,
    4: 2.776,
    5: 2.571,
    7: 2.365,
    10: 2.228,
    20: 2.086,
    30: 2.042,
    120: 1.980,
}
ONE_PERCENT = {1: 63.657, 2: 9.925, 3: 5.841, 5: 4.032, 10: 3.169, 30: 2.750}


@pytest.mark.parametrize(("degrees", "value"), FIVE_PERCENT.items())
def test_at_95_percent(degrees: int, value: float) -> None:
    assert quantile(0.95, degrees) == pytest.approx(value, abs=6e-4)


@pytest.mark.parametrize(("degrees", "value"), ONE_PERCENT.items())
def test_at_99_percent(degrees: int, value: float) -> None:
    assert quantile(0.99, degrees) == pytest.approx(value, abs=6e-4)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 4.0, 12.7, 700.0])
def test_one_and_two_degrees_have_closed_forms(t: float) -> None:
    assert two_sided(t, 1) == pytest.approx(1 - 2 / math.pi * math.atan(t), abs=1e-12)
    assert two_sided(-t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), abs=1e-12)


def test_many_degrees_are_the_normal_distribution_and_parts_of_a_degree_lie_between() -> None:
    for degrees in (1e7, math.inf):
        assert two_sided(1.959964, degrees) == pytest.approx(0.05, abs=1e-6)
    assert quantile(0.95, math.inf) == pytest.approx(1.959964, abs=1e-6)
    assert quantile(0.95, 3) < quantile(0.95, 2.5) < quantile(0.95, 2)
    assert two_sided(math.inf, 4) == 0.0
    assert two_sided(0.0, 4) == 1.0


@pytest.mark.parametrize("degrees", [1, 1.5, 4, 33, 1000])
def test_the_quantile_is_the_other_way_round(degrees: float) -> None:
    for confidence in (0.05, 0.5, 0.9, 0.999):
        assert two_sided(quantile(confidence, degrees), degrees) == pytest.approx(1 - confidence, rel=1e-9)


@pytest.mark.parametrize(
    ("ratio", "above", "below", "probability"),
    # Tables of Fisher's F.
    [(5.192, 4, 5, 0.05), (9.552, 2, 3, 0.05), (161.45, 1, 1, 0.05), (6.422, 4, 9, 0.01), (0.0, 3, 7, 1.0)],
)
def test_f_has_the_probabilities_of_its_tables(ratio: float, above: float, below: float, probability: float) -> None:
    assert above_f(ratio, above, below) == pytest.approx(probability, rel=0.01)


def test_f_with_one_degree_above_is_the_square_of_t() -> None:
    for t, degrees in ((0.5, 1), (2.3, 4.5), (6.0, 20)):
        assert above_f(t * t, 1, degrees) == pytest.approx(two_sided(t, degrees))
    assert above_f(float("inf"), 3, 4) == 0
