"""Values of measures as text: units, signs, intervals and what they are of."""

import pytest

from trainer.measures.registry import MEASURES
from trainer.measures.value_text import value_name, value_text, value_with_interval


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("delta_share", 0.01234, "1.23 %"),
        ("rounded_off", 0.000223, "0.0223 %"),
        ("validation_change", -0.0312, "−0.0312"),
        ("validation_change", -2.5e-5, "−2.5e-5"),
        ("validation_change", 0.0, "0"),
        ("delta_norm", 12345.6, "12,346"),
        ("delta_norm", None, "no number"),
    ],
)
def test_a_value_has_three_digits_its_unit_and_a_real_minus(measure: str, value: float | None, text: str) -> None:
    assert value_text(MEASURES[measure], value) == text


def test_an_interval_stands_behind_its_value_where_there_is_one() -> None:
    record = MEASURES["delta_share"]
    assert value_with_interval(record, 0.5, 0.25, 0.75) == "50 % (25 % to 75 %)"
    assert value_with_interval(record, 0.5, None, 0.75) == "50 %"


def test_a_value_of_a_part_names_it_as_people_do_and_keeps_a_name_that_no_family_has() -> None:
    assert value_name("movement", "") == "movement"
    assert value_name("movement", "text_encoder") == "movement of the text encoder"
    assert value_name("movement", "unet", "down") == "movement of the U-Net, down"
    assert value_name("movement", "of a later version") == "movement of the of a later version"
