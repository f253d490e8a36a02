import math

import numpy as np
import pytest

from trainer.journal.measure_records import MeasuredValue
from trainer.measures.held_out_values import held_out_values, memorization_in, memorization_values
from trainer.measures.memorization import MemorizationFinding, MemorizationSign
from trainer.measures.registry import MEASURES
from trainer.plan.probed_pictures import LEAST_PICTURES

_BANDS = ("layout", "layout", "detail")


def of(values: list[MeasuredValue], name: str, scope: str = "") -> MeasuredValue:
    return next(value for value in values if (value.name, value.scope) == (name, scope))


def test_changes_are_averaged_in_each_band_and_in_all() -> None:
    values = held_out_values(7, np.array([[1.0, 3.0, 5.0], [2.0, 4.0, 9.0]]), _BANDS)
    assert of(values, "validation_change", "layout").value == pytest.approx(2.5)
    assert of(values, "validation_change", "detail").value == pytest.approx(7.0)
    everything = of(values, "validation_change")
    assert everything.value == pytest.approx(4.0) and everything.count == 2 and everything.step == 7


def test_members_that_all_fell_further_are_told_apart() -> None:
    random = np.random.default_rng(0)
    kept = random.normal(0, 0.1, (6, 3))
    values = memorization_values(3, kept[:5] - 2, kept, _BANDS, captions=False)
    assert of(values, "memorization_auc_uncaptioned", "layout").value == 1
    assert of(values, "memorization_p_uncaptioned").value == pytest.approx(1 / math.comb(11, 5))
    gap = of(values, "memorization_gap_uncaptioned")
    assert gap.value is not None and gap.high is not None and gap.value == pytest.approx(-2, abs=0.2) and gap.high < 0
    finding = memorization_in(values, captions=False)
    assert finding is not None and finding.sign is MemorizationSign.STRONG and finding.pictures == 5
    assert memorization_in(values) is None


def test_a_loss_that_is_no_number_gives_no_value() -> None:
    broken = np.array([[0.1, math.nan, 0.2], [0.0, 0.0, 0.0]])
    values = memorization_values(1, broken, np.zeros((2, 3)), _BANDS)
    assert of(values, "memorization_auc").value is None and of(values, "member_change", "layout").value is None
    assert of(values, "memorization_auc", "detail").value is not None
    assert memorization_in(values) is None


def test_every_value_has_its_record() -> None:
    changes = np.zeros((2, 3))
    values = [
        value
        for captions in (True, False)
        for value in (
            *held_out_values(0, changes, _BANDS, captions=captions),
            *memorization_values(0, changes, changes, _BANDS, captions=captions),
        )
    ]
    assert {value.name for value in values} <= set(MEASURES)
    assert all(MEASURES[value.name].scopes == "band" for value in values)


@pytest.mark.parametrize(
    ("auc", "p", "pictures", "sign"),
    [
        (1.0, 0.001, LEAST_PICTURES - 1, MemorizationSign.UNKNOWN),
        (0.93, 0.03, 30, MemorizationSign.NONE),
        (0.58, 0.001, 200, MemorizationSign.NONE),
        (0.66, 0.02, 20, MemorizationSign.MILD),
        (0.76, 0.01, 9, MemorizationSign.STRONG),
    ],
)
def test_size_and_chance_must_agree_before_anything_is_claimed(
    auc: float, p: float, pictures: int, sign: MemorizationSign
) -> None:
    finding = MemorizationFinding.of(auc, p, pictures)
    assert finding.sign is sign
    assert "cop" not in finding.text()


def test_as_many_pictures_as_are_needed_can_show_it_and_one_fewer_cannot() -> None:
    for pictures, sign in ((LEAST_PICTURES, MemorizationSign.STRONG), (LEAST_PICTURES - 1, MemorizationSign.UNKNOWN)):
        apart = np.arange(pictures)[:, None] * np.ones((1, 3))
        finding = memorization_in(memorization_values(1, apart - 100, apart, _BANDS))
        assert finding is not None and finding.auc == 1 and finding.sign is sign


def test_too_few_pictures_say_how_many_are_needed() -> None:
    assert MemorizationFinding.of(1.0, 0.1, 2).text() == "not known: 2 pictures of a kind, at least 4 needed"
