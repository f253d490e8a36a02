"""Confidence intervals of rates."""

import math

# 95 % of a normal distribution lie within this many standard deviations.
_Z = 1.959964


def wilson(yes: int, seen: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a rate: Wilson's, which also holds for few pictures and for none or all.

    Wilson 1927, J. Am. Stat. Assoc. 22; 0 to 1 where none was seen.
    """
    if not seen:
        return 0.0, 1.0
    rate, spread = yes / seen, _Z * _Z / seen
    middle = (rate + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(rate * (1 - rate) / seen + spread / (4 * seen)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
