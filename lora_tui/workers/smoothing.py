"""Running mean of a curve."""

from collections.abc import Sequence
from math import isfinite, nan

# A mean over this share of the curve to either side shows the trend and still follows a turn.
_SHARE = 0.05
_MIN_NEIGHBOURS = 8


def smooth(values: Sequence[float]) -> list[float]:
    """Return the mean of each value and its neighbours on both sides; nan is passed over and stays nan."""
    reach = max(_MIN_NEIGHBOURS, round(len(values) * _SHARE))
    sums, counts = [0.0], [0]
    for value in values:
        good = isfinite(value)
        sums.append(sums[-1] + (value if good else 0.0))
        counts.append(counts[-1] + good)
    means = []
    for place, value in enumerate(values):
        first, last = max(0, place - reach), min(len(values), place + reach + 1)
        means.append((sums[last] - sums[first]) / (counts[last] - counts[first]) if isfinite(value) else nan)
    return means
