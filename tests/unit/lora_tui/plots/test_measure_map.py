"""What was measured of a bake as rows, curves and levels."""

import math

import pytest

from lora_tui.plots.measure_map import ROW_ROLE, WHOLE_ROLE, MeasuredEpochs
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_weights import COSINE_BEFORE, DELTA_SHARE

GROUPS = {
    ("", ""): 0.02,
    ("unet", ""): 0.03,
    ("unet", "up feed-forward"): 0.04,
    ("unet", "down cross k/v"): 0.0004,
    ("text_encoder", ""): 0.01,
    ("text_encoder", "layer 10"): 0.0,
    ("text_encoder", "layer 2"): 0.002,
}


def bake(name: str = DELTA_SHARE.key, steps: tuple[int, ...] = (40, 80, 95)) -> MeasuredEpochs:
    values = tuple(
        MeasuredValue(step=step, name=name, part=part, scope=scope, value=value * at)
        for at, step in enumerate(steps, start=1)
        for (part, scope), value in GROUPS.items()
    )
    return MeasuredEpochs(values, {40: 1, 80: 2}, total_steps=240)


def test_rows_stand_in_the_order_of_parts_and_blocks_under_their_epochs() -> None:
    found = bake().of(DELTA_SHARE)
    assert [row.label for row in found.rows] == [
        "whole LoRA",
        "U-Net",
        "  down cross k/v",
        "  up feed-forward",
        "text encoder",
        "  layer 2",
        "  layer 10",
    ]
    assert found.rows[2].full_label == "U-Net, down cross k/v"
    assert found.heads == ("e1", "e2", "95")
    assert found.value_text(3, 1) == "8 %"


def test_levels_compare_groups_with_groups_and_ratios_where_the_measure_has_them() -> None:
    found = bake().of(DELTA_SHARE)
    assert found.levels(2, 4) == [0, 0, 0]
    assert found.levels(3, 4)[-1] == 3
    # ln(0.002 / 0.0004) of ln(0.12 / 0.0004): a step on the scale of ratios, and nothing on the plain one.
    assert found.levels(5, 4)[0] == math.floor(4 * math.log(5) / math.log(300))
    assert found.levels(6, 4) == [0, 0, 0]
    assert bake(COSINE_BEFORE.key).of(COSINE_BEFORE).levels(5, 100)[0] == math.floor(100 * 0.002 / 0.12)


def test_a_value_that_is_missing_has_no_level_and_breaks_its_curve() -> None:
    measured = bake()
    hole = MeasuredValue(step=80, name=DELTA_SHARE.key, part="unet", value=None)
    kept = tuple(value for value in measured.values if (value.step, value.part, value.scope) != (80, "unet", ""))
    found = MeasuredEpochs((*kept, hole)).of(DELTA_SHARE)
    assert found.levels(1, 4)[1] is None
    assert found.value_text(1, 1) == "not measured"
    unet = next(line for line in found.plot(0).lines if line.role == "unet")
    assert math.isnan(unet.low[1])


def test_the_curve_of_a_group_stands_before_those_of_the_parts() -> None:
    found = bake().of(DELTA_SHARE)
    assert [line.role for line in found.plot(0).lines] == [WHOLE_ROLE, "text-encoder", "unet"]
    with_group = found.plot(3)
    assert [line.role for line in with_group.lines] == [WHOLE_ROLE, "text-encoder", "unet", ROW_ROLE]
    assert with_group.window.top >= 0.12
    assert with_group.window.last == 240


@pytest.mark.parametrize("values", [(), (None,)])
def test_nothing_to_draw_is_an_empty_plot(values: tuple[float | None, ...]) -> None:
    made = tuple(MeasuredValue(step=40, name=DELTA_SHARE.key, value=value) for value in values)
    measured = MeasuredEpochs(made)
    assert len(measured.measures) == len(values)
    assert measured.of(DELTA_SHARE).plot(0).lines == ()
