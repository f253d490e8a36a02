"""Student's t distribution, the probability of a value and the value of a probability; and Fisher's F beside it."""

import math
from functools import lru_cache

CONFIDENCE = 0.95
"""Of 100 intervals so many hold what they are of, and of 100 pairs of twins so many are inside the noise."""

# Of the continued fraction; it converges in some ten terms for every number of degrees.
_MOST_TERMS = 500
_SMALLEST = 1e-300
_ACCURACY = 1e-15


def two_sided(t: float, degrees: float) -> float:
    """Return the probability that |T| is at least |t|.

    Args:
        t: any number; inf has probability 0.
        degrees: degrees of freedom, above 0; need not be whole; inf for the normal distribution.
    """
    if math.isinf(t):
        return 0.0
    if math.isinf(degrees):
        return math.erfc(abs(t) / math.sqrt(2))
    # P(|T| >= t) = I_x(ν/2, 1/2) with x = ν / (ν + t²) (Abramowitz and Stegun 26.5.27).
    return _regularized_beta(degrees / (degrees + t * t), degrees / 2, 0.5)


@lru_cache(maxsize=4096)
def quantile(confidence: float, degrees: float) -> float:
    """Return the t that |T| stays below with probability `confidence`: 12.706 for 0.95 with one degree of freedom.

    Args:
        confidence: above 0 and below 1.
        degrees: as two_sided has them.
    """
    wanted = 1 - confidence
    low, high = 0.0, 1.0
    while two_sided(high, degrees) > wanted:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, degrees) > wanted else (low, middle)
    return high


def above_f(ratio: float, above: float, below: float) -> float:
    """Return the probability that F, the ratio of two estimates of one variance, is at least `ratio`.

    Args:
        ratio: 0 or more; inf has probability 0.
        above, below: degrees of freedom of the two estimates, above 0; need not be whole.
    """
    if math.isinf(ratio):
        return 0.0
    # P(F >= f) = I_x(below / 2, above / 2) with x = below / (below + above · f) (Abramowitz and Stegun 26.6.2).
    return _regularized_beta(below / (below + above * max(0.0, ratio)), below / 2, above / 2)


def _regularized_beta(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    # The fraction converges fast on this side of the mean; on the other I_x(a, b) = 1 - I_(1-x)(b, a).
    if x > (a + 1) / (a + b + 2):
        return 1 - _regularized_beta(1 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / a / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction 1 + d1/(1 + d2/(1 + …)) of the incomplete beta function (Abramowitz and Stegun 26.5.8).

    Evaluated from the front with the ratios of successive numerators and denominators (Lentz 1976).
    """
    value = numerators = 1.0
    denominators = 0.0
    for term in range(1, _MOST_TERMS):
        half = term // 2
        if term % 2:
            weight = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            weight = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        denominators = 1 / _away_from_zero(1 + weight * denominators)
        numerators = _away_from_zero(1 + weight / numerators)
        value *= numerators * denominators
        if abs(numerators * denominators - 1) < _ACCURACY:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST
