import numpy as np
import pytest

from trainer.measures.intervals import ratio_interval


@pytest.mark.parametrize("pictures", [4, 16])
def test_an_interval_holds_the_true_ratio_about_95_times_in_a_hundred(pictures: int) -> None:
    draws = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        below = draws.uniform(1, 2, pictures)
        above = 0.4 * below + draws.normal(0, 0.3, pictures)
        low, high = ratio_interval(above, below) or (0.0, 0.0)
        held += low <= 0.4 <= high
    assert 0.90 <= held / 200 <= 1.0


def test_equal_pictures_have_an_interval_without_width() -> None:
    assert ratio_interval([3.0] * 5, [4.0] * 5) == (0.75, 0.75)


@pytest.mark.parametrize(
    ("above", "below"), [([1.0], [2.0]), ([], []), ([1.0, float("nan")], [1.0, 1.0]), ([0.0, 0.0], [0.0, 0.0])]
)
def test_no_interval_comes_of_a_single_picture_or_of_no_numbers(above: list[float], below: list[float]) -> None:
    assert ratio_interval(above, below) is None


def test_an_interval_is_the_same_whatever_was_drawn_before() -> None:
    above, below = [1.0, 2.0, 5.0, 3.0], [2.0, 2.5, 4.0, 3.0]
    first = ratio_interval(above, below)
    np.random.default_rng().normal()
    np.random.seed(9)
    assert ratio_interval(above, below) == first
