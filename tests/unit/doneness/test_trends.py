"""Looking ahead along a bake: the best value that still comes, found in one pass over any number of epochs."""

from math import inf
from random import Random

import pytest

from trainer.doneness.series import Point, difference
from trainer.doneness.trends import _best_ahead


@pytest.mark.parametrize("better", [1, -1])
def test_the_best_ahead_is_the_one_farthest_by_the_noise_of_where_one_stands(better: int) -> None:
    random = Random(better)
    points = [
        Point(10 * at, random.choice((0.1, 0.2, random.random())), 0.0, random.choice((0.01, 0.05, None)), inf)
        for at in range(1, 200)
    ]
    found = _best_ahead(better, points)
    known = 0
    for point in points:
        ahead = [difference(point, other, 9) for other in points if other.step > point.step]
        best = max(filter(None, ahead), key=lambda apart: better * apart.value, default=None)
        known += best is not None
        other = found.get(point.step)
        assert (difference(point, other, 9) if other is not None else None) == best
    assert known > 100
