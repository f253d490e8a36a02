"""Intervals of averages over pictures."""

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer.measures.student import CONFIDENCE, quantile

Numbers: TypeAlias = NDArray[np.float64]

Interval: TypeAlias = tuple[float, float]
"""Its ends, the lower first."""

# An interval's width is then sure to about 2 %.
_RESAMPLES = 2000


def mean_interval(values: Sequence[float] | Numbers) -> Interval | None:
    """Return the 95 % interval of a mean over pictures; None for fewer than two, or no numbers.

    Student's: the standard error that the bootstrap comes to with ever more resamples, for so few values times sqrt(n / (n - 1)), on
    either side as many as his t has. Percentiles of the resamples would be too narrow: none lies beyond the extreme picture, so of
    two pictures they would hold the mean in half of all cases. Of values that are very skewed it holds the mean less often (82 of
    100 cases for four log-normal ones), as every interval of so few does.

    Args:
        values: of each picture; where each is a difference of the same picture the interval is a paired one.
    """
    return _around(*_mean_and_square(values), len(values) - 1)


def difference_interval(first: Sequence[float] | Numbers, second: Sequence[float] | Numbers) -> Interval | None:
    """Return the 95 % interval of the mean of `first` less that of `second`, of other pictures each; None likewise.

    As mean_interval, with the degrees of freedom of the fewer: whatever the two vary by, that is never too narrow (Mickey & Brown
    1966), where Welch's of two pictures against sixteen holds the difference in 88 of 100 cases.
    """
    means, squares, counts = zip(*((*_mean_and_square(values), len(values)) for values in (first, second)), strict=True)
    square = math.fsum(squares)
    return _around(means[0] - means[1], square, min(counts) - 1)


def ratio_interval(above: Sequence[float] | Numbers, below: Sequence[float] | Numbers) -> Interval | None:
    """Return the 95 % interval of the sum of `above` by the sum of `below` over pictures; None for fewer than two, or no numbers.

    As mean_interval, with the standard error of the bootstrap (Efron & Tibshirani 1993, "An Introduction to the Bootstrap",
    chapters 6 and 12).

    Args:
        above, below: of each picture, float64 [pictures].
    """
    tops, bottoms = np.asarray(above, np.float64), np.asarray(below, np.float64)
    count = len(tops)
    if count < 2 or not (np.isfinite(tops).all() and np.isfinite(bottoms).all()):
        return None
    # The same for the same count, so that shares of the same pictures hang together.
    chosen = np.random.default_rng(0).integers(0, count, size=(_RESAMPLES, count))
    sums = bottoms[chosen].sum(axis=1)
    if not (sums > 0).all():
        return None
    square = float((tops[chosen].sum(axis=1) / sums).var()) * count / (count - 1)
    return _around(float(tops.sum() / bottoms.sum()), square, count - 1)


def area_interval(area: float, first: int, second: int) -> Interval | None:
    """Return the 95 % interval of an area under the ROC curve; None where either kind has fewer than two.

    Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic", method 5: the areas from
    which the one found is no further than chance takes it, by Hanley and McNeil's variance (1982) at them. So it has a width even where
    every pair is told apart, which resamples of the pictures do not give.

    Args:
        area: 0 to 1.
        first, second: how many there are of each kind.
    """
    if min(first, second) < 2:
        return None
    often = quantile(CONFIDENCE, math.inf)
    fewer = (first + second) / 2 - 1

    def is_near(other: float) -> bool:
        terms = 1 + fewer * (1 - other) / (2 - other) + fewer * other / (1 + other)
        return abs(area - other) <= often * math.sqrt(other * (1 - other) * terms / (first * second))

    return _last_near(area, 0.0, is_near), _last_near(area, 1.0, is_near)


def _last_near(inside: float, outside: float, is_near: Callable[[float], bool]) -> float:
    """Return where between two places nearness ends."""
    if is_near(outside):
        return outside
    for _ in range(50):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_near(middle) else (inside, middle)
    return inside


def _mean_and_square(values: Sequence[float] | Numbers) -> tuple[float, float]:
    """Return the mean and its squared standard error, NaN of fewer than two values."""
    numbers = np.asarray(values, np.float64)
    if len(numbers) < 2:
        return (float(numbers[0]) if len(numbers) else math.nan), math.nan
    return float(numbers.mean()), float(numbers.var(ddof=1)) / len(numbers)


def _around(value: float, square: float, degrees: float) -> Interval | None:
    """Return the interval around a value with a squared standard error; None where either is no number."""
    if not (math.isfinite(value) and math.isfinite(square)):
        return None
    half = quantile(CONFIDENCE, degrees) * math.sqrt(square)
    return value - half, value + half
