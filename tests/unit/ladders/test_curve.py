"""What a measure over the rungs of a ladder is called: rarely anything of noise alone, and the right thing of what is there."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from made_ladders import PLAIN, RATIO, curve_of, over_rungs

from trainer.ladders.curve import curves_of
from trainer.ladders.record import AnswerKind, LadderCurve
from trainer.noise_floor.record import Floor

Noise = Callable[[np.random.Generator, int], np.ndarray]

CLAIMS = set(AnswerKind) - {AnswerKind.INSIDE, AnswerKind.OPEN}
NOISES: dict[str, Noise] = {
    "normal": lambda chance, count: chance.standard_normal(count),
    "heavy-tailed": lambda chance, count: chance.standard_t(2, count),
    "log-normal": lambda chance, count: np.exp(chance.standard_normal(count)),
}
LADDERS = 100


def of_noise(chance: np.random.Generator, noise: Noise, means: Sequence[float], twins: int) -> list[list[float]]:
    return [[float(mean + value) for value in noise(chance, twins)] for mean in means]


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("twins", [2, 3, 4])
@pytest.mark.parametrize("ordered", [True, False])
def test_of_a_hundred_ladders_of_noise_five_at_most_are_called_anything(noise: str, twins: int, ordered: bool) -> None:
    chance = np.random.default_rng(1)
    claims = 0
    for ladder in range(LADDERS):
        rungs = 3 + ladder % 7
        curve = curve_of(over_rungs(of_noise(chance, NOISES[noise], [0.0] * rungs, twins), ordered=ordered))
        claims += curve.kind in CLAIMS
    assert claims <= 5


@pytest.mark.long
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("rungs", range(3, 10))
@pytest.mark.parametrize("twins", [2, 3, 4])
def test_the_rate_of_false_claims_holds_for_every_ladder(noise: str, rungs: int, twins: int) -> None:
    chance = np.random.default_rng(rungs * 10 + twins)
    many = 1000
    found = Counter(
        curve_of(over_rungs(of_noise(chance, NOISES[noise], [0.0] * rungs, twins))).kind for _ in range(many)
    )
    claims = sum(found[kind] for kind in CLAIMS)
    assert claims <= 0.05 * many + 3 * (0.05 * 0.95 * many) ** 0.5


def test_of_many_measures_together_any_is_claimed_in_five_of_a_hundred_ladders_at_most() -> None:
    chance = np.random.default_rng(2)
    claims = 0
    for ladder in range(LADDERS):
        rungs = 3 + ladder % 5
        measures = [
            over_rungs(of_noise(chance, noise, [0.0] * rungs, 2)) for noise in (*NOISES.values(), *NOISES.values()) * 2
        ]
        claims += any(curve.kind in CLAIMS for curve in curves_of(measures))
    assert claims <= 5


@pytest.mark.parametrize("twins", [2, 3])
def test_a_rung_whose_noise_is_ten_times_as_large_makes_no_claims(twins: int) -> None:
    """As a burnt rung has: with its noise pooled with that of the others it would be far outside theirs."""
    chance = np.random.default_rng(3)
    claims = 0
    for _ in range(LADDERS):
        values = of_noise(chance, NOISES["normal"], [0.0] * 5, twins)
        values[-1] = [10 * value for value in values[-1]]
        claims += curve_of(over_rungs(values)).kind in CLAIMS
    assert claims <= 8


def test_the_noise_of_a_burnt_rung_hides_nothing_of_the_others() -> None:
    chance = np.random.default_rng(4)
    found: list[LadderCurve] = []
    for _ in range(40):
        values = of_noise(chance, NOISES["normal"], [0.0, 10.0, 20.0, 30.0, 0.0], 3)
        values[-1] = [15 + 100 * value for value in values[-1]]
        found.append(curve_of(over_rungs(values)))
    trends = [curve for curve in found if curve.kind is AnswerKind.TREND]
    assert len(trends) >= 30, Counter(curve.kind for curve in found)
    assert all("a trend over 4 rungs" in curve.words for curve in trends)
    assert all("the noise at r5 is another, so it is not counted" in curve.words for curve in trends)


SHAPES: dict[str, tuple[AnswerKind, tuple[float, ...]]] = {
    "trend of three": (AnswerKind.TREND, (0, 5, 10)),
    "trend": (AnswerKind.TREND, (0, 5, 10, 15, 20)),
    "falling trend": (AnswerKind.TREND, (20, 15, 10, 5, 0)),
    "trend of seven": (AnswerKind.TREND, (0, 5, 10, 15, 20, 25, 30)),
    "cliff": (AnswerKind.CLIFF, (0, 0, 0, 5, 5)),
    "falling cliff": (AnswerKind.CLIFF, (5, 5, 0, 0, 0, 0)),
    "cliff of seven": (AnswerKind.CLIFF, (0, 0, 0, 0, 5, 5, 5)),
    "threshold": (AnswerKind.THRESHOLD, (0, 0, 0, 5, 10)),
    "threshold of seven": (AnswerKind.THRESHOLD, (0, 0, 0, 0, 5, 10, 15)),
    "threshold the other way round": (AnswerKind.THRESHOLD, (15, 10, 5, 0, 0, 0)),
    "turn": (AnswerKind.TURN, (0, 5, 10, 5, 0)),
    "turn down": (AnswerKind.TURN, (10, 5, 0, 5, 10)),
    "plateau": (AnswerKind.TURN, (0, 0, 5, 5, 0, 0)),
    "no shape": (AnswerKind.DIFFERENT, (0, 8, 0, 8, 0)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("twins", "share"), [(2, 0.7), (3, 0.9)])
def test_differences_of_five_deviations_are_found_with_the_right_kind(shape: str, twins: int, share: float) -> None:
    kind, means = SHAPES[shape]
    chance = np.random.default_rng(5)
    many = 50
    found = Counter(curve_of(over_rungs(of_noise(chance, NOISES["normal"], means, twins))).kind for _ in range(many))
    assert found[kind] >= share * many, found


@pytest.mark.parametrize("twins", [3, 4])
def test_a_trend_of_five_deviations_over_all_rungs_is_found(twins: int) -> None:
    chance = np.random.default_rng(6)
    means = np.linspace(0, 5, 5)
    found = Counter(curve_of(over_rungs(of_noise(chance, NOISES["normal"], means, twins))).kind for _ in range(50))
    assert found[AnswerKind.TREND] >= 40, found


@pytest.mark.parametrize(
    ("kind", "means"), [(AnswerKind.CLIFF, (0, 0, 0, 0, 5)), (AnswerKind.DIFFERENT, (0, 0, 5, 0, 0))]
)
def test_what_rests_on_one_rung_takes_three_bakes_of_it(kind: AnswerKind, means: Sequence[float]) -> None:
    chance = np.random.default_rng(12)
    found = {
        bakes: Counter(curve_of(over_rungs(of_noise(chance, NOISES["normal"], means, bakes))).kind for _ in range(40))
        for bakes in (2, 3)
    }
    assert found[3][kind] >= 30 > found[2][kind], found
    assert found[2][AnswerKind.OPEN] > found[3][AnswerKind.OPEN]


def test_a_cliff_lies_between_the_rungs_where_it_is() -> None:
    chance = np.random.default_rng(7)
    for after in range(2, 6):
        means = [0.0] * after + [9.0] * (7 - after)
        curve = curve_of(over_rungs(of_noise(chance, NOISES["normal"], means, 3)))
        assert (curve.kind, curve.between) == (AnswerKind.CLIFF, (after - 1, after))


def test_rungs_without_an_order_have_no_trend() -> None:
    chance = np.random.default_rng(8)
    for _ in range(20):
        values = of_noise(chance, NOISES["normal"], (0, 8, 16, 24), 3)
        assert curve_of(over_rungs(values, ordered=False)).kind is AnswerKind.DIFFERENT


def exact(values: Sequence[Sequence[float]], **options: object) -> LadderCurve:
    return curve_of(over_rungs(values, **options))  # type: ignore[arg-type]


def twins(*means: float) -> list[list[float]]:
    """Return two twins at each of these means, 0.02 apart."""
    return [[mean - 0.01, mean + 0.01] for mean in means]


def test_one_rung_apart_between_two_that_are_not_is_named_and_no_shape() -> None:
    curve = exact(twins(0.5, 0.5, 0.9, 0.5, 0.5))
    assert curve.kind is AnswerKind.DIFFERENT
    assert "r3 alone is apart, 90 % against 50 % at the others" in curve.words
    assert "one rung apart shows no trend" in curve.words


def test_one_rung_at_an_end_is_a_cliff_that_says_what_it_rests_on() -> None:
    curve = exact(twins(0.5, 0.5, 0.5, 0.9))
    assert (curve.kind, curve.between) == (AnswerKind.CLIFF, (2, 3))
    assert "r4 alone lies on its side" in curve.words


def test_what_rests_on_a_single_bake_is_left_open() -> None:
    curve = exact([*twins(0.5, 0.5, 0.5), [0.9]])
    assert curve.kind is AnswerKind.OPEN
    assert "rests on the only bake at r4 alone, 90 % against 50 % at the others: a twin there would tell" in curve.words
    # A trend does not rest on it.
    assert exact([*twins(0.3, 0.5, 0.7), [0.9]]).kind is AnswerKind.TREND


def test_without_a_twin_nothing_is_claimed() -> None:
    curve = exact([[0.1], [0.4], [0.9]])
    assert curve.kind is AnswerKind.OPEN
    assert "noise not known: make a twin" in curve.words
    assert [point.low for point in curve.points] == [None] * 3


def test_borrowed_noise_is_named() -> None:
    lent = Floor(spread=0.01, bakes=3, degrees=2, borrowed_from=12)
    curve = exact([[0.1], [0.4], [0.6], [0.9]], lent=lent)
    assert curve.kind is AnswerKind.TREND
    assert "outside the noise borrowed from 12, same data" in curve.words


def test_rungs_with_the_same_values_are_inside_whether_or_not_the_noise_is_known() -> None:
    for values in ([[0.5], [0.5], [0.5]], [[0.4, 0.6]] * 3):
        curve = exact(values)
        assert curve.kind is AnswerKind.INSIDE
        assert "the same to the last digit at all 3 rungs" in curve.words


def test_ratios_are_compared_by_their_logarithms() -> None:
    values = [[share * 0.97, share * 1.03] for share in (0.0182, 0.05, 0.101, 0.4, 2.45)]
    curve = exact(values, record=RATIO)
    assert curve.kind is AnswerKind.TREND
    assert "rises 135-fold from 1.82 % at r1 to 245 % at r5, a trend over 5 rungs" in curve.words
    assert curve.points[0].mean == pytest.approx(0.0182, rel=1e-3)
    low, high = curve.points[0].low, curve.points[0].high
    assert low is not None and high is not None
    assert low * high == pytest.approx(curve.points[0].mean ** 2)


def test_a_ratio_of_nothing_is_left_out_and_named() -> None:
    curve = exact([[0.0, 0.0], [0.05, 0.051], [0.1, 0.102], [0.2, 0.204]], record=RATIO)
    assert curve.kind is AnswerKind.TREND
    assert curve.words.endswith("; 0 at r1")
    assert curve.points[0].mean == 0


def test_fewer_than_two_rungs_answer_nothing() -> None:
    assert exact([[0.5, 0.6]]).kind is AnswerKind.OPEN
    assert "1 rung with a value (r1)" in exact([[0.5, 0.6]]).words


def test_two_rungs_differ_without_a_trend() -> None:
    curve = exact(twins(0.2, 0.9))
    assert curve.kind is AnswerKind.DIFFERENT
    assert "two rungs show no trend" in curve.words


def test_twins_that_share_their_numbers_are_paired_where_that_lowers_the_noise() -> None:
    """Each twin has a level of its own that is far larger than what the knob does."""
    chance = np.random.default_rng(9)
    levels = (0.0, 4.0, 9.0)
    values = [[level + mean + 0.05 * chance.standard_normal() for level in levels] for mean in (0, 0.3, 0.6, 0.9)]
    assert exact(values).kind is AnswerKind.INSIDE
    paired = exact(values, seeds=("a", "b", "c"))
    assert paired.kind is AnswerKind.TREND
    assert "twins paired by their random numbers" in paired.words
    plain = of_noise(chance, NOISES["normal"], (0, 8, 16, 24), 3)
    assert "paired" not in exact(plain, seeds=("a", "b", "c")).words


def test_pairing_makes_no_more_claims_of_noise_alone() -> None:
    chance = np.random.default_rng(10)
    claims = 0
    for _ in range(3 * LADDERS):
        values = of_noise(chance, NOISES["normal"], [0.0] * 5, 3)
        claims += exact(values, seeds=("a", "b", "c")).kind in CLAIMS
    assert claims <= 15


def test_a_share_of_few_pictures_that_twins_agree_on_is_not_without_noise() -> None:
    values = [[0.0, 0.0], [0.0, 0.0], [1 / 16, 1 / 16], [0.0, 0.0]]
    assert exact(values, grain=1 / 16).kind is AnswerKind.INSIDE
    assert exact([[0.0, 0.0]] * 3 + [[1.0, 1.0]] * 2, grain=1 / 16).kind is AnswerKind.CLIFF


def test_a_measure_that_is_outside_by_itself_alone_says_so() -> None:
    chance = np.random.default_rng(11)
    weak = over_rungs(twins(0.5, 0.52, 0.54, 0.56), record=PLAIN)
    noise = [over_rungs(of_noise(chance, NOISES["normal"], [0.0] * 4, 2)) for _ in range(40)]
    assert curve_of(weak).kind in CLAIMS
    beside = curves_of([weak, *noise])[0]
    assert beside.kind is AnswerKind.INSIDE
    assert "outside by itself, not beside the other measures" in beside.words
