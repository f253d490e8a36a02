"""Statistics of a few pictures: means with their intervals, and how well two groups of pictures are told apart by a number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from trainer.measures.intervals import quantile_975

_RESAMPLES = 4_000
# Up to so many ways to part the pictures each is tried, else that many at random: the smallest p is then a ten-thousandth.
_MOST_WAYS = 10_000
_NORMAL = NormalDist()


@dataclass(frozen=True)
class FewPictureEstimate:
    """A number with its 95 % interval over the pictures; without one where there are too few of them."""

    value: float
    low: float | None
    high: float | None


def mean_of(differences: Sequence[float], *, seed: int = 0) -> FewPictureEstimate:
    """Return the mean of what was measured picture by picture, with its bootstrap interval.

    The interval is that of the percentiles, taken further out by as much as a mean of so few values needs: from few pictures the plain
    one is too narrow (Hesterberg, What Teachers Should Know About the Bootstrap, 2015, section 4.4).

    Args:
        differences: one of each picture, at least one.
        seed: of the resampling.
    """
    values = np.asarray(differences, np.float64)
    if len(values) < 2:
        return FewPictureEstimate(float(values.mean()), None, None)
    means = _resampled_means(values, np.random.default_rng(seed))
    return FewPictureEstimate(float(values.mean()), *_interval(means, len(values)))


def difference_of_means(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> FewPictureEstimate:
    """Return the mean of `first` less that of `second`, of other pictures each, with its bootstrap interval as in mean_of."""
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    value, fewer = float(one.mean() - other.mean()), min(len(one), len(other))
    if fewer < 2:
        return FewPictureEstimate(value, None, None)
    random = np.random.default_rng(seed)
    return FewPictureEstimate(value, *_interval(_resampled_means(one, random) - _resampled_means(other, random), fewer))


def share_lower(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> FewPictureEstimate:
    """Return in which share of all pairs the first one's number is the lower, ties counted half: the area under the ROC curve.

    0.5 is what chance gives, 1 means that every number of `first` is lower than all of `second`.

    Args:
        first, second: numbers of other pictures each, at least one.
        seed: of the resampling that gives the interval.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    lower = (one[:, None] < other[None]) + 0.5 * (one[:, None] == other[None])
    fewer = min(lower.shape)
    if fewer < 2:
        return FewPictureEstimate(float(lower.mean()), None, None)
    random = np.random.default_rng(seed)
    rows = _weights(len(one), random)
    columns = _weights(len(other), random)
    shares = np.einsum("rm,mh,rh->r", rows, lower, columns, optimize=True)
    return FewPictureEstimate(float(lower.mean()), *_interval(shares, fewer))


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


def _weights(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Return how much each of `count` values counts in each resample, [resamples, count]."""
    return random.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES) / count


def _resampled_means(values: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    means: NDArray[np.float64] = _weights(len(values), random) @ values
    return means


def _interval(resampled: NDArray[np.float64], count: int) -> tuple[float, float]:
    """Return the 95 % interval of a statistic of `count` values from its resamples."""
    tail = _NORMAL.cdf(-math.sqrt(count / (count - 1)) * quantile_975(count - 1))
    low, high = np.quantile(resampled, (tail, 1 - tail))
    return float(low), float(high)
