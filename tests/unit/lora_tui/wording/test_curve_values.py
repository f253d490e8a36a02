"""Values of curves as text: by what they are, with their unit, and never a number for what is none."""

from math import inf, nan

import pytest

from lora_tui.wording.curve_values import axis_value, curve_value
from trainer.measures.curve_records import (
    LOSS_AXIS,
    MEMORY_AXIS,
    NORM_AXIS,
    RATE_AXIS,
    STEP_CURVES,
    TIME_AXIS,
    measure_curve,
)
from trainer.measures.registry import MEASURES

SHARE = measure_curve(MEASURES["delta_share"]).axis


@pytest.mark.parametrize(
    ("axis", "value", "text"),
    [
        (LOSS_AXIS, 0.09123, "0.0912"),
        (RATE_AXIS, 2.5e-4, "2.5e-4"),
        (NORM_AXIS, 0.12345, "0.123"),
        (NORM_AXIS, 12345.6, "12,346"),
        (NORM_AXIS, 0.0, "0"),
        (NORM_AXIS, 1.234e-7, "1.23e-7"),
        (NORM_AXIS, -0.5, "−0.5"),
        (MEMORY_AXIS, 5.5 * 2**30, "5.50 GiB"),
        (TIME_AXIS, 0.0312, "31.2 ms"),
        (TIME_AXIS, 2.5, "2.5 s"),
        (SHARE, 0.0182, "1.82 %"),
    ],
)
def test_a_value_is_written_in_its_unit(axis, value: float, text: str) -> None:
    assert curve_value(axis, value) == text


@pytest.mark.parametrize("axis", [curve.axis for curve in STEP_CURVES] + [SHARE])
def test_what_is_no_number_is_never_written_as_one(axis) -> None:
    assert curve_value(axis, nan) == "no number"
    assert (curve_value(axis, inf), curve_value(axis, -inf)) == ("infinite", "−infinite")


@pytest.mark.parametrize("axis", [curve.axis for curve in STEP_CURVES] + [SHARE])
@pytest.mark.parametrize("value", [0.0, 1e-9, 0.25, 123.4])
def test_beside_an_axis_there_are_no_blanks(axis, value: float) -> None:
    assert " " not in axis_value(axis, value, 1.0)


def test_a_loss_beside_its_axis_has_the_digits_that_tell_its_ends_apart() -> None:
    assert axis_value(LOSS_AXIS, 0.2, 0.2) == "0.20"
    assert axis_value(LOSS_AXIS, 0.09, 0.02) == "0.090"
    assert axis_value(LOSS_AXIS, 0.09, 0.001) == "0.0900"
