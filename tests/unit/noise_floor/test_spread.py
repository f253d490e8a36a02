"""Spreads of twins and claims about differences, against formulas by hand and against chance."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from trainer.noise_floor.record import Floor, Standing
from trainer.noise_floor.spread import Drawn, compare_change, compare_values, floor, spread_of
from trainer.noise_floor.words import counts, rests_on, words
from trainer.settings.random_numbers import RandomSource

INIT, ORDER, NOISE = RandomSource


def drawn(value: float, init: int = 1, order: int = 1, noise: int = 1) -> Drawn:
    return Drawn({INIT: init, ORDER: order, NOISE: noise}, value)


def twins(*values: float) -> list[Drawn]:
    """Bakes that share no seed."""
    return [drawn(value, at, at, at) for at, value in enumerate(values)]


def test_twins_that_share_nothing_have_the_variance_of_a_sample() -> None:
    spread = spread_of([twins(1.0, 2.0, 4.0)])
    assert spread.total is not None
    assert (spread.total.variance, spread.total.degrees, spread.total.bakes) == (pytest.approx(7 / 3), 2, 3)
    assert (dict(spread.by_source), spread.unknown) == ({}, ())


def test_families_are_pooled_around_means_of_their_own() -> None:
    spread = spread_of([twins(1.0, 3.0), twins(101.0, 103.0, 105.0), twins(7.0)])
    assert spread.total is not None
    assert (spread.total.variance, spread.total.degrees, spread.total.bakes) == (pytest.approx((2 + 8) / 3), 3, 5)


def test_an_exact_repeat_is_no_further_draw_and_has_a_spread_of_its_own() -> None:
    spread = spread_of([[*twins(1.0, 3.0), drawn(1.0, 0, 0, 0)]])
    assert spread.total is not None and spread.repeats is not None
    assert (spread.total.variance, spread.total.degrees) == (2, 1)
    assert (spread.repeats.variance, spread.repeats.bakes) == (0, 2)
    alone = spread_of([[drawn(1.0), drawn(1.0)]])
    assert alone.total is None and alone.repeats is not None
    assert floor(alone) is None


def test_each_source_has_its_share_where_twins_differ_in_it_alone() -> None:
    family = [drawn(0.0), drawn(2.0, init=2), drawn(4.0, order=2), drawn(0.0, noise=2)]
    spread = spread_of([family])
    assert {source: each.variance for source, each in spread.by_source.items()} == {INIT: 2, ORDER: 8, NOISE: 0}
    assert [spread.share(source) for source in RandomSource] == [0.2, 0.8, 0.0]
    assert spread.total is not None
    assert (spread.total.variance, spread.unknown) == (10, ())
    # Satterthwaite: (2 + 8)² / (2² + 8²).
    assert spread.total.degrees == pytest.approx(100 / 68)


def test_of_sources_that_nobody_varied_the_floor_says_so_and_claims_nothing() -> None:
    found = floor(spread_of([[drawn(0.0), drawn(1.0, order=2), drawn(0.4, order=3), drawn(0.7, order=4)]]))
    assert found is not None and found.unknown == (INIT, NOISE)
    inside, beyond = compare_values([0.0], [0.5], found), compare_values([0.0], [50.0], found)
    assert inside.standing is Standing.INSIDE
    assert (beyond.standing, beyond.times) == (Standing.UNKNOWN, None)
    assert words(beyond) == (
        "outside the noise of order, that of start values and noise not known: make a twin that varies all"
    )


def test_a_source_that_decides_nothing_is_not_missed() -> None:
    """As in forks: the start is the state's."""
    family = [
        Drawn({ORDER: order, NOISE: noise}, value) for order, noise, value in ((1, 1, 0.0), (2, 1, 1.0), (1, 2, 1.0))
    ]
    spread = spread_of([family])
    assert (spread.unknown, spread.share(ORDER), spread.share(INIT)) == ((), 0.5, None)


def test_a_difference_is_held_against_students_t_by_hand() -> None:
    """Two degrees of freedom: 4.303 · s · √2 of single bakes, 4.303 · s · √(1/1 + 1/3) of one against three."""
    noise = floor(spread_of([twins(0.0, 1.0, 2.0)]))
    one = compare_values([5.0], [5.0 + 2 * 4.30265 * math.sqrt(2)], noise)
    assert one.times == pytest.approx(2, abs=1e-4)
    three = compare_values([5.0], [6.0, 7.0, 8.0], noise)
    assert three.times == pytest.approx(2 / (4.30265 * math.sqrt(4 / 3)), abs=1e-4)
    assert (words(one), words(three)) == ("2.0 times outside the noise", "inside the noise")
    assert counts(three) == "1 bake against 3 bakes"


def test_values_that_twins_agree_on_to_the_last_digit_are_outside_where_they_differ() -> None:
    noise = floor(spread_of([twins(0.25, 0.25)]))
    assert compare_values([0.25], [0.25], noise).standing is Standing.INSIDE
    apart = compare_values([0.25], [0.26], noise)
    assert (apart.standing, apart.times, apart.probability) == (Standing.OUTSIDE, math.inf, 0.0)
    assert words(apart) == "outside the noise: twins are the same to the last digit"


@pytest.mark.parametrize("grain", [1.0, 1 / 16])
def test_neighbouring_counts_may_be_chance_though_twins_agree(grain: float) -> None:
    noise = floor(spread_of([twins(*[8 * grain] * 4)]))
    assert compare_values([8 * grain], [9 * grain], noise, grain=grain).standing is Standing.INSIDE
    assert compare_values([8 * grain], [32 * grain], noise, grain=grain).standing is Standing.OUTSIDE
    assert compare_change(grain, noise, grain=grain).standing is Standing.INSIDE
    assert compare_change(24 * grain, noise, grain=grain).standing is Standing.OUTSIDE


def test_a_share_of_none_against_all_is_no_count() -> None:
    noise = floor(spread_of([twins(0.0, 0.0, 0.0)]))
    assert compare_values([0.0], [1.0], noise, grain=1 / 16).standing is Standing.OUTSIDE


@pytest.mark.parametrize(
    ("first", "second", "standing"),
    [
        (-math.inf, -math.inf, Standing.INSIDE),
        (-math.inf, 0.3, Standing.OUTSIDE),
        (0.3, -math.inf, Standing.OUTSIDE),
    ],
)
def test_the_logarithm_of_nothing_is_a_value_like_others(first: float, second: float, standing: Standing) -> None:
    """A part that does not train is 0 long."""
    assert compare_values([first], [second], floor(spread_of([twins(0.1, 0.2, 0.15)]))).standing is standing
    some = floor(spread_of([twins(-math.inf, 0.2)]))
    assert compare_values([first], [second], some).standing is Standing.INSIDE


def test_without_twins_nothing_is_claimed() -> None:
    found = compare_values([1.0], [1e9], None, pictures=4)
    assert (found.standing, found.times, found.probability) == (Standing.UNKNOWN, None, None)
    assert words(found) == "noise not known: make a twin"
    assert counts(replace(found, first_bakes=3, second_bakes=3)) == "3 bakes × 4 seeds on each side"


def test_what_is_borrowed_is_said_with_every_claim() -> None:
    noise = Floor(spread=1.0, bakes=2, degrees=1, borrowed_from=31, pictures=8)
    assert words(compare_values([0.0], [1.0], noise)) == "inside the noise borrowed from 31, same data"
    assert words(compare_values([0.0], [40.0], noise)) == "2.2 times outside the noise borrowed from 31, same data"
    assert words(compare_values([0.0], [18.5], noise)) == "just outside the noise borrowed from 31, same data"
    assert words(compare_values([0.0], [9e5], noise)).startswith("50,0")
    assert rests_on(noise) == "2 bakes × 8 pictures, borrowed from 31, same data"


def _gauss(chance: random.Random) -> float:
    return chance.gauss(3.0, 0.7)


def _log_of_ratio(chance: random.Random) -> float:
    return math.log(chance.lognormvariate(0.0, 2.0))


def _count(chance: random.Random) -> float:
    return float(chance.choice([6, 7, 7, 7, 8]))


def _share_of_8(chance: random.Random) -> float:
    return sum(chance.random() < 0.07 for _ in range(8)) / 8


GRAINS = {_count: 1.0, _share_of_8: 1 / 8}


@pytest.mark.parametrize("value", [_gauss, _log_of_ratio, _count, _share_of_8])
@pytest.mark.parametrize("many", [2, 3, 5])
def test_a_stranger_with_the_same_noise_is_called_different_once_in_twenty_at_most(
    value: Callable[[random.Random], float], many: int
) -> None:
    """1,000 bakes, each against one of a family of 2, 3 or 5 twins whose spread is all that is known."""
    chance = random.Random(f"{value.__name__} {many}")
    claims = 0
    for _ in range(1000):
        family = [value(chance) for _ in range(many)]
        noise = floor(spread_of([twins(*family)]))
        compared = compare_values(family[:1], [value(chance)], noise, grain=GRAINS.get(value, 0.0))
        claims += compared.standing is Standing.OUTSIDE
    # Three standard errors of 50 in 1,000.
    assert claims <= 50 + 3 * math.sqrt(50 * 0.95)


def test_of_twenty_pairs_of_twins_at_most_one_is_called_different() -> None:
    for seed in range(50):
        chance = random.Random(seed)
        claims = 0
        for _ in range(20):
            values = [chance.gauss(0, 1) for _ in range(chance.choice([2, 3, 4]))]
            noise = floor(spread_of([twins(*values)]))
            claims += compare_values(values[:1], values[1:2], noise).standing is Standing.OUTSIDE
        assert claims <= 1
