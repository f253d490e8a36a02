"""How sure a rate is."""

import pytest

from trainer.measures.wilson import wilson


@pytest.mark.parametrize(
    ("yes", "seen", "low", "high"),
    # Wilson's score interval at 95 %, by hand from the formula of the paper.
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (14, 36, 0.2478, 0.5514), (3, 36, 0.0287, 0.2183)],
)
def test_an_interval_is_wilsons(yes: int, seen: int, low: float, high: float) -> None:
    assert wilson(yes, seen) == pytest.approx((low, high), abs=2e-4)
