from itertools import combinations

import numpy as np
import pytest

from trainer.measures.few_pictures import chance_of_lower, difference_of_means, mean_of, share_lower


def test_the_share_of_lower_pairs_counts_ties_half() -> None:
    """Pairs of (1, 2) and (2, 3, 0): lower in 2 + 1, equal in one, higher in two."""
    assert share_lower([1.0, 2.0], [2.0, 3.0, 0.0]).value == pytest.approx((2 + 1 + 0.5) / 6)
    assert share_lower([-4.0, -3.0], [0.0, 1.0]).value == 1
    assert share_lower([5.0] * 3, [5.0] * 4).value == 0.5


@pytest.mark.parametrize(("first", "second"), [([3, 1, 2], [2, 9, 4, 2]), ([7, 7], [7, 1, 7]), ([1], [5, 6, 7])])
def test_p_is_the_share_of_ways_that_part_as_well(first: list[float], second: list[float]) -> None:
    both = [float(each) for each in (*first, *second)]
    shares = []
    for chosen in combinations(range(len(both)), len(first)):
        rest = [both[place] for place in range(len(both)) if place not in chosen]
        shares.append(share_lower([both[place] for place in chosen], rest).value)
    observed = share_lower(first, second).value
    assert chance_of_lower(first, second) == pytest.approx(np.mean(np.array(shares) >= observed - 1e-9))


def test_of_many_ways_ten_thousand_are_tried_and_the_observed_is_one_of_them() -> None:
    apart = chance_of_lower([float(each) for each in range(20)], [float(each) for each in range(50, 70)])
    assert apart == 1 / 10_000
    same = np.random.default_rng(3).normal(size=40).tolist()
    assert 0.05 < chance_of_lower(same[:20], same[20:]) < 0.95


@pytest.mark.parametrize("pictures", [4, 6, 12])
def test_an_interval_holds_the_truth_about_as_often_as_it_says(pictures: int) -> None:
    random = np.random.default_rng(pictures)
    held = 0
    for _ in range(200):
        estimate = mean_of(random.normal(2.0, 0.5, pictures).tolist())
        assert estimate.low is not None and estimate.high is not None
        held += estimate.low <= 2.0 <= estimate.high
    # Of 200 draws at 95 % fewer than 180 come once in a thousand; of four pictures the range itself holds 7 in 8 only.
    assert held >= (165 if pictures == 4 else 178)


def test_one_picture_has_no_interval() -> None:
    assert mean_of([3.0]).low is None and mean_of([3.0]).value == 3.0
    assert difference_of_means([3.0], [1.0, 2.0]).high is None
    assert share_lower([3.0], [1.0, 2.0]).low is None


def test_the_difference_is_of_the_means_and_its_interval_around_it() -> None:
    found = difference_of_means([1.0, 2.0, 3.0], [5.0, 7.0])
    assert found.value == pytest.approx(-4.0)
    assert found.low is not None and found.high is not None and found.low < -4 < found.high
    assert difference_of_means([1.0, 2.0, 3.0], [5.0, 7.0]) == found
