"""Where parts are done, and how their rates move that: the slope of ladders with its uncertainty, else a range that is assumed."""

from itertools import pairwise
from math import exp, log, sqrt
from random import Random

import pytest
from made_bakes import saved_epochs

from trainer.advice.around import around, spread_out
from trainer.advice.zones import ASSUMED_HIGH, ASSUMED_LOW, DoneAt, PartZone, RatePower, factor_for, power_of, zone_of
from trainer.doneness.record import DonenessLane, EpochState, LaneKind, Placed
from trainer.measures.wilson import wilson

LETTERS = {
    "r": EpochState.RAW,
    "f": EpochState.FORMING,
    "D": EpochState.DONE,
    "o": EpochState.OVER,
    "?": EpochState.UNKNOWN,
}


def zone(letters: str) -> PartZone | None:
    """Return the zone of a lane with these states, 100 steps apart."""
    placed = tuple(Placed(LETTERS[letter]) for letter in letters)
    return zone_of(DonenessLane(LaneKind.BODY, "unet", "U-Net", placed), saved_epochs(len(letters)))


@pytest.mark.parametrize(
    ("letters", "first", "last", "is_open"),
    [
        ("rfDDo", 300, 400, False),
        ("DDfDDDoo", 400, 600, False),
        ("rffD", 400, 400, True),
        ("rfff", 400, 400, True),
        ("rfoo", 200, 300, False),
    ],
)
def test_a_lane_is_done_in_its_longest_run_or_between_two_epochs(
    letters: str, first: int, last: int, is_open: bool
) -> None:
    found = zone(letters)
    assert found is not None
    assert (found.first, found.last, found.open, found.spacing) == (first, last, is_open, 100)
    assert first <= found.centre <= last


@pytest.mark.parametrize("letters", ["rrrr", "????", "ooo", ""])
def test_a_lane_that_is_raw_or_not_placed_has_no_zone(letters: str) -> None:
    assert zone(letters) is None


def bakes(p: float, rates: list[float], noise: float, random: Random, spacing: int = 10) -> list[DoneAt]:
    """Return bakes whose part is done after steps that go with 1 / rate^p, with noise of the logarithm."""
    found = []
    for rate in rates:
        centre = 400 * (rate / 1e-4) ** -p * exp(random.gauss(0, noise))
        step = max(spacing, spacing * round(centre / spacing))
        found.append(DoneAt(3, rate, PartZone("unet", "U-Net", step, step, "", spacing=spacing)))
    return found


@pytest.mark.parametrize("p", [0.4, 1.0, 1.8])
def test_the_exponent_is_found_with_an_interval_that_holds_it(p: float) -> None:
    random, held = Random(round(10 * p)), 0
    rates = [3e-5, 3e-5, 1e-4, 1e-4, 3e-4, 3e-4]
    for _ in range(100):
        power = power_of("U-Net", bakes(p, rates, 0.2, random))
        assert power.measured and "6 bakes of ladder 3" in power.words
        held += power.low <= p <= power.high
    assert wilson(held, 100)[1] >= 0.95


def test_without_a_ladder_the_range_of_the_exponent_is_the_uncertainty() -> None:
    power = power_of("text encoder", [])
    assert (power.low, power.high, power.measured) == (ASSUMED_LOW, ASSUMED_HIGH, False)
    assert "no ladder here tells how the rate of the text encoder" in power.words
    near = bakes(1, [1e-4, 1.1e-4], 0.0, Random(0))
    assert not power_of("U-Net", near).measured
    ended_early = [DoneAt(3, rate, PartZone("unet", "U-Net", 400, 400, "", open=True)) for rate in (1e-5, 1e-3)]
    assert not power_of("U-Net", ended_early).measured


def test_two_bakes_leave_what_the_spacing_of_the_epochs_leaves() -> None:
    fine = power_of("U-Net", bakes(1, [1e-4, 4e-4], 0.0, Random(0), spacing=1))
    coarse = power_of("U-Net", bakes(1, [1e-4, 4e-4], 0.0, Random(0), spacing=100))
    assert fine.low < 1 < fine.high and coarse.high - coarse.low > 10 * (fine.high - fine.low)


def test_a_rate_is_moved_by_the_root_of_the_ratio_and_its_range() -> None:
    late = PartZone("text_encoder", "text encoder", 800, 800, "")
    assert factor_for(late, 400, RatePower(0.5, 1.0, 2.0, "", measured=False)) == pytest.approx((sqrt(2), 2.0, 4.0))
    early = PartZone("text_encoder", "text encoder", 200, 200, "")
    assert factor_for(early, 400, RatePower(0.5, 1.0, 2.0, "", measured=False)) == pytest.approx((0.25, 0.5, sqrt(0.5)))
    assert factor_for(late, 400, RatePower(-0.1, 0.3, 0.7, "", measured=True)) is None
    assert log(2) > 0


def test_rungs_around_a_point_are_far_enough_apart_and_hold_the_settings_as_they_are() -> None:
    assert spread_out(around(0.5)) == (0.17, 0.5, 1.0, 1.5)
    assert spread_out(around(1.5)) == (0.5, 1.0, 1.5, 4.5)
    assert spread_out((1.05, 1.1, 3)) == (1.0, 3.0)
    for factors in ((0.25, 0.9, 8), (1, 1, 1), (0.1, 0.11, 0.12)):
        found = spread_out(factors)
        assert 1.0 in found and all(after / before >= 1.2 for before, after in pairwise(found))
