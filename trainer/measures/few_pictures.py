"""Statistics of a few pictures: means with their intervals, and how well two groups of pictures are told apart by a number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from trainer.measures.intervals import Interval, area_interval, difference_interval, mean_interval

# Up to so many ways to part the pictures each is tried, else that many at random: the smallest p is then a ten-thousandth.
_MOST_WAYS = 10_000


@dataclass(frozen=True)
class FewPictureEstimate:
    """A number with its 95 % interval over the pictures; without one where there are too few of them."""

    value: float
    low: float | None
    high: float | None


def mean_of(differences: Sequence[float]) -> FewPictureEstimate:
    """Return the mean of what was measured picture by picture.

    Args:
        differences: one of each picture, at least one.
    """
    return _estimate(float(np.mean(differences)), mean_interval(differences))


def difference_of_means(first: Sequence[float], second: Sequence[float]) -> FewPictureEstimate:
    """Return the mean of `first` less that of `second`, of other pictures each."""
    return _estimate(float(np.mean(first) - np.mean(second)), difference_interval(first, second))


def share_lower(first: Sequence[float], second: Sequence[float]) -> FewPictureEstimate:
    """Return in which share of all pairs the first one's number is the lower, ties counted half: the area under the ROC curve.

    0.5 is what chance gives, 1 means that every number of `first` is lower than all of `second`.

    Args:
        first, second: numbers of other pictures each, at least one.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    lower = (one[:, None] < other[None]) + 0.5 * (one[:, None] == other[None])
    area = float(lower.mean())
    return _estimate(area, area_interval(area, len(one), len(other)))


def chance_of_lower(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> float:
    """Return the permutation p of `share_lower`: how often it is as large where the pictures are parted at random.

    All ways to part them are tried where there are at most 10,000, else as many at random with the observed one among them; so it
    is never below 1 in the number of ways.
    """
    values = np.concatenate([np.asarray(first, np.float64), np.asarray(second, np.float64)])
    ranks = _midranks(values)
    observed = ranks[: len(first)].sum()
    # A lower number has a lower rank. The slack is for sums in another order; ranks are multiples of a half.
    if math.comb(len(values), len(first)) <= _MOST_WAYS:
        sums = _sums_of_all_ways(ranks, len(first))
        return float(np.mean(sums <= observed + 0.25))
    random = np.random.default_rng(seed)
    shuffled = random.permuted(np.tile(ranks, (_MOST_WAYS - 1, 1)), axis=1)[:, : len(first)].sum(axis=1)
    return float((1 + np.count_nonzero(shuffled <= observed + 0.25)) / _MOST_WAYS)


def _sums_of_all_ways(ranks: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    places = islice(combinations(range(len(ranks)), count), _MOST_WAYS)
    sums: NDArray[np.float64] = ranks[np.array(list(places))].sum(axis=1)
    return sums


def _midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the place of each value among all, from 1; equal ones share the mean of their places."""
    below = (values[None] < values[:, None]).sum(axis=1)
    equal = (values[None] == values[:, None]).sum(axis=1)
    ranks: NDArray[np.float64] = below + (equal + 1) / 2
    return ranks


def _estimate(value: float, interval: Interval | None) -> FewPictureEstimate:
    return FewPictureEstimate(value, *(interval or (None, None)))
