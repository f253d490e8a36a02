"""Curves of several bakes over each other: colours and letters that stay, the one on top, what is drawn."""

import pytest

from lora_tui.colours.theme_files import CURVE_COLOURS
from lora_tui.plots.braille import PlotLine, Window, draw
from lora_tui.plots.overlay import CurveColours, last_shown, overlay_plot
from lora_tui.workers.overlay_curves import BakeCurve, BakeCurves, CurveMetric, first_metric

RATE = CurveMetric("rate lr_unet", "rate", "", str)


def curve(number: int, *values: float) -> BakeCurve:
    return BakeCurve(number, range(1, len(values) + 1), values)


def read(*curves: BakeCurve, top: int | None = None, metric: CurveMetric = RATE) -> BakeCurves:
    return BakeCurves(metric, tuple(each.number for each in curves), top, curves)


def test_a_bake_has_the_colour_of_its_number_and_keeps_it() -> None:
    colours = CurveColours()
    assert colours.of([3, 12]) == {3: 2, 12: 3}
    assert colours.of([12]) == {12: 3}
    assert colours.of([12, 3]) == {12: 3, 3: 2}


def test_of_two_with_one_colour_the_one_marked_first_keeps_it() -> None:
    colours = CurveColours()
    assert colours.of([9, 1]) == {9: 0, 1: 1}
    # … also once the first is marked no longer.
    assert colours.of([1]) == {1: 1}
    assert colours.of([1, 2]) == {1: 1, 2: 2}


def test_no_two_of_those_drawn_have_one_colour() -> None:
    given = CurveColours().of([1, 9, 17, 25, 33, 41, 49, 57, 65])
    assert len(given) == CURVE_COLOURS == len(set(given.values()))


def test_the_one_on_top_is_drawn_last_with_a_capital() -> None:
    plot = overlay_plot(read(curve(1, 1, 2), curve(2, 3, 1), top=1), {1: 0, 2: 1})
    assert [(line.role, line.sign) for line in plot.lines] == [("curve-2", "b"), ("curve-1", "A")]


def test_a_letter_stands_on_each_curve_also_where_others_cross_it() -> None:
    lines = [
        PlotLine("curve-1", (0, 100), (0, 1), (0, 1), sign="a"),
        PlotLine("curve-2", (0, 100), (1, 0), (1, 0), sign="b"),
        PlotLine("raw", (0, 100), (0.5, 0.5), (0.5, 0.5)),
    ]
    drawing = draw(lines, Window(0, 100, 0, 1), 60, 10)
    for place, (row, column) in enumerate(drawing.signs):
        owner = drawing.owners[row, column]
        assert lines[owner].sign == drawing.signs[row, column], place
    assert sorted(drawing.signs.values()).count("a") >= 2 and "b" in drawing.signs.values()


def test_a_spike_does_not_flatten_the_rest() -> None:
    plot = overlay_plot(read(curve(1, *[0.1] * 98, 50.0, 0.1)), {1: 0})
    assert plot.window.top < 1


def test_what_has_no_number_is_not_drawn_and_ends_nowhere() -> None:
    nothing = read(BakeCurve(1, (1, 2), (float("nan"), float("nan"))))
    assert last_shown(nothing, nothing.curves[0]) is None
    assert overlay_plot(nothing, {1: 0}).window.bottom < overlay_plot(nothing, {1: 0}).window.top
    assert overlay_plot(read(), {}).lines == ()


def test_the_training_loss_is_smoothed_and_another_curve_is_not() -> None:
    values = (1.0, 0.0) * 30
    raw, smooth = read(curve(1, *values)), read(curve(1, *values), metric=first_metric())
    assert last_shown(raw, raw.curves[0]) == (60, 0.0)
    ended = last_shown(smooth, smooth.curves[0])
    assert ended is not None and ended[1] == pytest.approx(0.5, abs=0.1)
