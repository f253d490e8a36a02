"""Quantiles of the studentized range: how far apart chance alone brings the most distant of several equal values.

Tukey 1953, "The problem of multiple comparisons": of n independent normal values with one mean and the standard deviation σ, and
an estimate s of σ with ν degrees of freedom, (largest - smallest) / s. Whoever compares every epoch with every other needs it:
the best of many epochs is far from the others by chance alone. For two values it is √2 times Student's t.
"""

from functools import lru_cache
from math import erf, inf, lgamma, log, sqrt

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# Beyond eight standard deviations a normal distribution holds 1e-15.
_Z: Numbers = np.linspace(-8.0, 8.0, 161)
_DENSITY: Numbers = np.exp(-_Z * _Z / 2) / sqrt(2 * np.pi)
_TABLE_AT: Numbers = np.linspace(-8.0, 8.0, 4001)
_TABLE: Numbers = np.array([(1 + erf(at / sqrt(2))) / 2 for at in _TABLE_AT])
# Of a range of eight powers of ten: six digits.
_HALVINGS = 26
# From here on s is σ, to three digits of the quantile.
_MANY = 1000.0


@lru_cache(maxsize=4096)
def largest_by_chance(count: int, degrees: float = inf, share: float = 0.95) -> float:
    """Return the quantile: in `share` of all cases the range stays below it, in units of s.

    Args:
        count: how many values; at least 2.
        degrees: degrees of freedom of s; at least 1, inf where σ itself is known.
        share: 0 to 1.
    """
    low, high = 1e-3, 1e5
    for _ in range(_HALVINGS):
        middle = sqrt(low * high)
        low, high = (middle, high) if _below(middle, count, degrees) < share else (low, middle)
    return high


def _below(range_over_s: float, count: int, degrees: float) -> float:
    """Return the probability of a range below `range_over_s` times s."""
    if degrees >= _MANY:
        return float(_range_below(np.array([range_over_s]), count)[0])
    # s / σ is a chi divided by √ν; its logarithm is spread evenly enough to be summed over.
    logs: Numbers = np.linspace(-14.0, 2.5, 250)
    s: Numbers = np.exp(logs)
    constant = log(2) + degrees / 2 * log(degrees / 2) - lgamma(degrees / 2)
    density: Numbers = np.exp(constant + degrees * logs - degrees * s * s / 2)
    return float(np.trapezoid(density * _range_below(range_over_s * s, count), logs))


def _range_below(ranges: Numbers, count: int) -> Numbers:
    """Return the probability that the range of `count` standard normal values is below each of `ranges`."""
    between = np.interp(_Z, _TABLE_AT, _TABLE)[None, :] - np.interp(
        _Z[None, :] - ranges[:, None], _TABLE_AT, _TABLE, left=0.0, right=1.0
    )
    return np.asarray(count * np.trapezoid(_DENSITY[None, :] * between ** (count - 1), _Z, axis=1), dtype=np.float64)
