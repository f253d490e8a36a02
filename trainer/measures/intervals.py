"""Intervals of averages over pictures, by the bootstrap."""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.float64]

RESAMPLES = 2000
"""Resamples of an interval: its width is then sure to about 2 %."""

_NORMAL_975 = 1.96
# 97.5 % quantiles of Student's t for 1, 2, … 30 degrees of freedom; beyond it is within 4 % of the normal distribution's.
_T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
    2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def resampled(count: int, seed: int = 0) -> NDArray[np.intp]:
    """Return which pictures each resample has, [RESAMPLES, count], the same for the same count and seed.

    Two averages of the same pictures take the same resamples, so that the interval of their difference is a paired one.
    """
    return np.random.default_rng(seed).integers(0, count, size=(RESAMPLES, count))


def ratio_interval(above: Sequence[float] | Numbers, below: Sequence[float] | Numbers) -> tuple[float, float] | None:
    """Return the 95 % interval of the sum of `above` by the sum of `below` over pictures; None for fewer than two, or no numbers.

    The bootstrap's standard error over the pictures, for so few of them times sqrt(n / (n - 1)), on either side as many as
    Student's t has (Efron & Tibshirani 1993, "An Introduction to the Bootstrap", chapters 6 and 12). Percentiles of the resamples
    would be too narrow for the four pictures of a folder: none lies beyond the extreme picture.

    Args:
        above, below: of each picture, float64 [pictures]; for an average `below` is ones.
    """
    tops, bottoms = np.asarray(above, np.float64), np.asarray(below, np.float64)
    count = len(tops)
    if count < 2 or not (np.isfinite(tops).all() and np.isfinite(bottoms).all()):
        return None
    chosen = resampled(count)
    sums = bottoms[chosen].sum(axis=1)
    if not (sums > 0).all():
        return None
    error = float((tops[chosen].sum(axis=1) / sums).std()) * math.sqrt(count / (count - 1))
    ratio = float(tops.sum() / bottoms.sum())
    half = quantile_975(count - 1) * error
    return ratio - half, ratio + half


def quantile_975(degrees: int) -> float:
    """Return what Student's t of so many degrees of freedom stays below in 97.5 of 100 cases; above 30 the normal distribution's."""
    return _T_975[degrees - 1] if degrees <= len(_T_975) else _NORMAL_975
