"""The record of every curve: what is recorded has one, what has one is grouped, and what nobody knows is drawn all the same."""

from itertools import combinations

from trainer.measures.curve_groups import CURVE_GROUPS, MEASURES, OTHERS, RATES
from trainer.measures.curve_records import (
    STEP_CURVES,
    CurveSource,
    CurveUnit,
    StepPhase,
    band_measures,
    curves_of,
    measure_curve,
    setting_of_group,
)
from trainer.measures.registry import MEASURES as RECORDS
from trainer.settings.parts import all_parts, metric_of

EVERYTHING = [curve.name for curve in STEP_CURVES]
MEASURED = [(name, part, scope) for name in RECORDS for part in ("", "unet") for scope in ("", "layout")]


def test_a_key_names_one_curve() -> None:
    found = curves_of([*EVERYTHING, "foo", "lr_of_another_family"], validated=True, measured=MEASURED)
    assert len({curve.key for curve in found}) == len(found) > 40


def test_within_an_axis_every_curve_has_a_name_of_its_own() -> None:
    found = curves_of(EVERYTHING, validated=True, measured=MEASURED)
    for one, other in combinations(found, 2):
        assert one.axis.key != other.axis.key or one.label != other.label, (one, other)


def test_every_group_has_its_digit_and_its_curves() -> None:
    digits = [group.digit for group in CURVE_GROUPS if group.digit]
    assert sorted(digits) == sorted("1234567890")
    found = curves_of([*EVERYTHING, "foo"], validated=True, measured=MEASURED)
    assert {curve.group for curve in found} == set(CURVE_GROUPS)
    assert [group for group in CURVE_GROUPS if not group.digit] == [MEASURES, OTHERS]


def test_every_part_of_every_family_has_its_rate() -> None:
    found = curves_of([metric_of(part) for part in all_parts()], validated=False, measured=())
    assert {curve.part for curve in found if curve.group is RATES} == set(all_parts())


def test_every_phase_of_a_step_has_its_seconds() -> None:
    found = {curve.name: curve for curve in STEP_CURVES}
    assert all(found[phase.metric].unit is CurveUnit.SECONDS for phase in StepPhase)


def test_only_what_was_recorded_is_there() -> None:
    assert curves_of((), validated=False, measured=()) == ()
    assert [curve.key for curve in curves_of(["loss"], validated=False, measured=())] == ["loss", "loss.smooth"]
    assert [curve.key for curve in curves_of((), validated=True, measured=())] == ["validation"]


def test_a_number_that_nobody_knows_is_a_curve_too() -> None:
    (curve,) = curves_of(["tokens_per_hour"], validated=False, measured=())
    assert (curve.label, curve.group, curve.source) == ("tokens_per_hour", OTHERS, CurveSource.STEPS)


def test_a_measure_without_a_record_is_left_out() -> None:
    assert curves_of((), validated=False, measured=[("of_tomorrow", "", "")]) == ()


def test_a_measure_is_called_by_its_part_and_its_band() -> None:
    labels = {
        measure_curve(RECORDS["delta_norm"], "text_encoder").label,
        measure_curve(RECORDS["delta_norm"]).label,
        measure_curve(RECORDS["validation_change"], scope="layout").label,
        measure_curve(RECORDS["validation_change"]).label,
        measure_curve(RECORDS["drift"]).label,
    }
    assert labels == {"text encoder", "whole LoRA", "layout", "all", "drift"}
    assert "validation_change" in band_measures() and "delta_norm" not in band_measures()


def test_what_is_not_recorded_says_which_setting_records_it() -> None:
    settings = {group.key: setting_of_group(group) for group in CURVE_GROUPS}
    assert settings["weights"] == "measure_weights"
    assert settings["output"] == "measure_parts"
    assert settings["bands"] == "measure_validation"
    assert settings["memory"] == ""
