from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest

from trainer.measures.few_pictures import FewPictureEstimate, chance_of_lower, difference_of_means, mean_of, share_lower


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


def _held(found: FewPictureEstimate, truth: float) -> bool:
    assert found.low is not None and found.high is not None
    return found.low <= truth <= found.high


@pytest.mark.parametrize("pictures", [2, 3, 4, 12])
def test_a_mean_s_interval_holds_the_truth_as_often_as_it_says(pictures: int) -> None:
    draws = np.random.default_rng(pictures).normal(2.0, 0.5, (1000, pictures))
    held = sum(_held(mean_of(values.tolist()), 2.0) for values in draws)
    # At 95 % fewer than 929 or more than 970 come once in five hundred.
    assert 929 <= held <= 970


@pytest.mark.parametrize(("members", "kept", "spread"), [(2, 2, 1.0), (2, 16, 1.0), (4, 4, 3.0), (12, 3, 0.3)])
def test_a_difference_s_interval_holds_the_truth_as_often_as_it_says(members: int, kept: int, spread: float) -> None:
    random = np.random.default_rng(members * kept)
    held = 0
    for _ in range(1000):
        first, second = random.normal(1.0, 1.0, members), random.normal(3.0, spread, kept)
        held += _held(difference_of_means(first.tolist(), second.tolist()), -2.0)
    # It is wider than it need be where both vary alike.
    assert held >= 929


@pytest.mark.parametrize("apart", [0.0, 1.0, 3.0])
@pytest.mark.parametrize(("members", "kept"), [(2, 2), (4, 4), (16, 4)])
def test_an_area_s_interval_holds_the_truth_as_often_as_it_says(members: int, kept: int, apart: float) -> None:
    random = np.random.default_rng(int(members + 10 * apart))
    truth, held = NormalDist().cdf(apart / np.sqrt(2)), 0
    for _ in range(400):
        first, second = random.normal(-apart, 1.0, members), random.normal(0.0, 1.0, kept)
        held += _held(share_lower(first.tolist(), second.tolist()), truth)
    assert held >= 364


def test_an_area_of_1_is_not_sure_to_be_1() -> None:
    """Of four and four: by hand, 1 - A = 1.96 sqrt(A (1 - A) (1 + 3 (1 - A) / (2 - A) + 3 A / (1 + A)) / 16) at A = 0.582."""
    found = share_lower([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0])
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.582, abs=0.001)


def test_one_picture_has_no_interval() -> None:
    assert mean_of([3.0]).low is None and mean_of([3.0]).value == 3.0
    assert difference_of_means([3.0], [1.0, 2.0]).high is None
    assert share_lower([3.0], [1.0, 2.0]).low is None


def test_the_difference_is_of_the_means_and_its_interval_around_it() -> None:
    found = difference_of_means([1.0, 2.0, 3.0], [5.0, 7.0])
    assert found.value == pytest.approx(-4.0)
    assert found.low is not None and found.high is not None and found.low < -4 < found.high
    assert difference_of_means([1.0, 2.0, 3.0], [5.0, 7.0]) == found
