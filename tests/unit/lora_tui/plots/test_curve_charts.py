"""Charts of curves on one axis of steps: how lines are told apart, what of the plane is seen, logarithms, and edges."""

import math
from math import inf, nan

import numpy as np
import pytest

from lora_tui.plots.curve_charts import DASHES, ChartLook, CurveChart, charts_of
from lora_tui.plots.curve_window import CurveWindow
from lora_tui.workers.curve_view import ChartedBake, ChartedCurve, CurveChoice, CurveQuestion, CurvesView
from trainer.measures.curve_groups import CURVE_GROUPS
from trainer.measures.curve_records import STEP_CURVES, CurveRecord, measure_curve, unnamed_curve
from trainer.measures.registry import MEASURES

EVERYTHING = CurveChoice(frozenset(group.key for group in CURVE_GROUPS))
BY_KEY = {curve.key: curve for curve in STEP_CURVES}
NUMBER = unnamed_curve("x")


def view(*curves: ChartedCurve, bakes: tuple[int, ...] = (1,), top: int | None = None) -> CurvesView:
    records = tuple(dict.fromkeys(curve.record for curve in curves))
    charted = tuple(ChartedBake(number, "x", False, 1, 100, 100, 10) for number in bakes)
    return CurvesView(CurveQuestion(bakes, top, EVERYTHING), charted, records, curves, first=0, last=100, recorded=100)


def curve(record: CurveRecord, values: list[float], bake: int = 1, first: int = 1, width: int = 1) -> ChartedCurve:
    steps = [first + place * width for place in range(len(values))]
    return ChartedCurve(bake, record, steps, values, values, len(values) > 1, width)


def window(first: int = 0, last: int = 100) -> CurveWindow:
    return CurveWindow(0, 1000, 100, first, last, first)


def charts(
    *curves: ChartedCurve, look: ChartLook | None = None, at: CurveWindow | None = None, **given
) -> tuple[CurveChart, ...]:
    return charts_of(view(*curves, **given), at or window(), look or ChartLook())


def test_curves_of_one_axis_share_a_chart() -> None:
    found = charts(
        curve(BY_KEY["loss"], [1.0] * 50),
        curve(BY_KEY["loss.smooth"], [1.0] * 50),
        curve(BY_KEY["grad_norm"], [1.0] * 50),
        curve(measure_curve(MEASURES["delta_norm"], "unet"), [1.0, 2.0]),
    )
    assert [chart.axis.key for chart in found] == ["loss", "gradient", "delta_norm"]
    assert [entry.label for entry in found[0].entries] == ["raw", "smooth"]


def test_lines_of_one_chart_differ_in_dashes_and_letters_not_in_colour_alone() -> None:
    (chart,) = charts(
        *(curve(BY_KEY[f"seconds_{name}"], [0.1] * 9) for name in ("data", "forward", "backward", "optimizer"))
    )
    assert len({entry.dash for entry in chart.entries}) == 4
    assert [entry.sign for entry in chart.entries] == ["d", "f", "b", "o"]
    assert len({entry.role for entry in chart.entries}) == 4
    (one,) = charts(curve(NUMBER, [1.0] * 9))
    assert (one.entries[0].sign, one.entries[0].dash) == ("", "")


def test_letters_are_unique_where_labels_begin_alike() -> None:
    measures = [measure_curve(MEASURES["delta_norm"], part) for part in ("text_encoder", "text_encoder_2", "", "unet")]
    (chart,) = charts(*(curve(record, [1.0, 2.0]) for record in measures))
    signs = [entry.sign for entry in chart.entries]
    assert len(set(signs)) == 4 and all(sign.isascii() and sign.isalnum() for sign in signs)


def test_every_dash_is_one_of_its_own_also_without_braille() -> None:
    # In a terminal without Unicode a cell is either drawn or blank.
    drawn = [tuple((dash or "#")[place % len(dash or "#")] for place in range(60)) for dash in DASHES]
    assert len(set(drawn)) == len(DASHES)


def test_of_several_bakes_each_has_its_colour_and_letter_and_the_one_on_top_a_capital() -> None:
    (chart,) = charts(
        curve(BY_KEY["loss.smooth"], [1.0] * 9, 3),
        curve(BY_KEY["loss.smooth"], [2.0] * 9, 4),
        curve(BY_KEY["validation"], [2.0] * 9, 4),
        look=ChartLook(colours={3: 2, 4: 3}),
        bakes=(3, 4),
        top=4,
    )
    assert [(entry.bake, entry.role, entry.sign) for entry in chart.entries] == [
        (3, "curve-3", "c"),
        (4, "curve-4", "D"),
        (4, "curve-4", "D"),
    ]
    # Of one bake the curves differ in their dashes.
    assert len({entry.dash for entry in chart.entries if entry.bake == 4}) == 2
    # The one on top is drawn last.
    assert [line.role for line in chart.lines][-1] == "curve-4"


def test_a_bake_without_a_colour_is_not_drawn() -> None:
    (chart,) = charts(
        curve(NUMBER, [1.0] * 9, 1), curve(NUMBER, [9.0] * 9, 2), look=ChartLook(colours={1: 0}), bakes=(1, 2)
    )
    assert {entry.bake for entry in chart.entries} == {1}


def test_one_spike_flattens_nothing_and_is_said_with_its_value() -> None:
    losses = [0.1 + 0.01 * (step % 3) for step in range(100)]
    losses[50] = 7.5
    (held,) = charts(curve(BY_KEY["loss"], losses))
    assert held.window.top < 1
    assert held.notes == ("highest 7.5000",)
    (full,) = charts(curve(BY_KEY["loss"], losses), look=ChartLook(spikes=True))
    assert full.window.top >= 7.5 and full.notes == ()
    # The value itself is in the line whichever way: held at the edge it is still drawn.
    assert max(held.lines[0].high) == 7.5


def test_of_few_values_none_is_a_spike() -> None:
    (chart,) = charts(curve(BY_KEY["validation"], [0.1, 0.1, 5.0]))
    assert chart.window.top >= 5


def test_the_window_is_that_of_the_steps_in_view_alone() -> None:
    values = [float(step) for step in range(1, 101)]
    (chart,) = charts(curve(NUMBER, values), at=window(10, 20))
    assert (chart.window.first, chart.window.last) == (10, 20)
    assert 5 <= chart.window.bottom <= 10 and 20 <= chart.window.top <= 25


def test_a_logarithmic_axis_is_in_decades_and_says_its_values() -> None:
    (chart,) = charts(curve(BY_KEY["grad_norm"], [0.01, 0.1, 1.0, 10.0]))
    assert chart.log
    assert (chart.window.bottom, chart.window.top) == (-2.0, 1.0)
    assert chart.value_at(chart.window.top) == pytest.approx(10)
    (linear,) = charts(curve(BY_KEY["grad_norm"], [0.01, 10.0]), look=ChartLook(logs=frozenset({"gradient"})))
    assert not linear.log
    (turned,) = charts(curve(BY_KEY["loss"], [0.1, 1.0]), look=ChartLook(logs=frozenset({"loss"})))
    assert turned.log


def test_what_has_no_logarithm_lies_at_the_lower_edge_and_is_said() -> None:
    (chart,) = charts(curve(BY_KEY["grad_norm"], [0.0, -3.0, 0.1, 10.0, nan]))
    (line,) = chart.lines
    assert all(value < chart.window.bottom for value in line.low[:2])
    assert math.isfinite(line.low[0]) and math.isnan(line.low[4])
    assert chart.notes == ("0 and below: at the lower edge",)


def test_an_axis_without_a_value_above_0_is_linear_and_says_so() -> None:
    (chart,) = charts(curve(BY_KEY["grad_norm"], [0.0, -1.0, 0.0]))
    assert not chart.log and chart.notes == ("no value above 0 for a logarithm",)
    assert chart.window.bottom <= -1 and chart.window.top >= 0


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[nan], [nan, nan], [inf, inf], [-inf, 1.0], [1.0], [0.0], [1e-320, 1e308]])
def test_odd_values_never_break_a_chart(values: list[float], log: bool) -> None:
    look = ChartLook(logs=frozenset({NUMBER.axis.key}) if log else frozenset())
    for chart in charts(curve(NUMBER, values), look=look):
        assert math.isfinite(chart.window.bottom) and chart.window.bottom < chart.window.top


def test_a_line_reaches_the_edges_of_the_view() -> None:
    # Three validations; the view lies between the first two.
    given = ChartedCurve(1, BY_KEY["validation"], [0, 100, 200], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    (chart,) = charts(given, at=window(40, 60))
    (line,) = chart.lines
    assert list(line.steps) == [40, 60]
    assert list(line.low) == pytest.approx([1.4, 1.6])


def test_a_stretch_that_reaches_into_the_view_brings_its_spike() -> None:
    given = ChartedCurve(1, BY_KEY["loss"], [0, 64, 128], [1.0, 1.0, 1.0], [1.0, 9.0, 1.0], width=64)
    (chart,) = charts(given, at=window(100, 140), look=ChartLook(spikes=True))
    assert max(chart.lines[0].high) == 9.0


def test_a_curve_that_ended_before_the_view_is_not_drawn() -> None:
    assert charts(curve(NUMBER, [1.0] * 9), at=window(50, 60)) == ()


def test_steps_in_view_stay_exact() -> None:
    values = [float(np.sin(step)) for step in range(1, 101)]
    (chart,) = charts(curve(NUMBER, values), at=window(30, 34))
    (line,) = chart.lines
    assert list(line.steps) == [30, 31, 32, 33, 34]
    assert list(line.low) == values[29:34]
