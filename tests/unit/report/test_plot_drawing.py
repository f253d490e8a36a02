import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainer.report.plot_drawing import drawn, number_label
from trainer.report.record import StepCurve, StepPlot


def plot(values: list[float], **more: object) -> StepPlot:
    return StepPlot("x", (StepCurve("a", list(range(1, len(values) + 1)), values),), len(values), **more)  # type: ignore[arg-type]


def places(points: str) -> list[tuple[float, float]]:
    return [tuple(map(float, point.split(","))) for point in points.split()]  # type: ignore[misc]


def test_values_are_drawn_between_the_axes_low_ones_below() -> None:
    found = drawn(plot([1.0, 3.0, 2.0]))
    assert found is not None
    (points,) = found.lines[0].pieces
    (x1, y1), (x2, y2), (x3, y3) = places(points)
    assert (x1, x3) == (
        pytest.approx(found.left + (found.right - found.left) / 3, abs=0.1),
        found.right,
    ) and x1 < x2 < x3
    assert (y1, y2) == (found.bottom, found.top) and y2 < y3 < y1
    assert [tick.label for tick in found.y_ticks] == ["1", "1.5", "2", "2.5", "3"]


def test_a_gap_and_what_is_no_number_part_a_line() -> None:
    found = drawn(plot([1.0, 2.0, math.nan, 4.0, math.inf, 3.0, 2.0]))
    assert found is not None
    assert [len(places(piece)) for piece in found.lines[0].pieces] == [2, 2]
    assert len(found.lines[0].dots) == 5


def test_a_single_peak_far_above_is_cut_off_and_said() -> None:
    found = drawn(plot([1.0] * 200 + [500.0]))
    assert found is not None and found.cut
    assert drawn(plot([1.0, 2.0])).cut is False  # type: ignore[union-attr]


def test_logarithms_leave_out_what_has_none() -> None:
    found = drawn(plot([0.0, 0.01, 0.1, 1.0], log_scale=True))
    assert found is not None
    (points,) = found.lines[0].pieces
    (_, y1), (_, y2), (_, y3) = places(points)
    assert y1 - y2 == pytest.approx(y2 - y3, abs=0.2)
    assert [tick.label for tick in found.y_ticks] == ["0.01", "0.1", "1"]


@pytest.mark.parametrize("values", [[], [math.nan, math.nan]])
def test_nothing_to_draw_is_no_plot(values: list[float]) -> None:
    assert drawn(plot(values)) is None


@pytest.mark.parametrize("values", [[0.0, 0.0], [-3.0, -3.0], [1e-9, 1e-9], [1e30, -1e30]])
def test_odd_ranges_are_drawn(values: list[float]) -> None:
    found = drawn(plot(values))
    assert found is not None
    for piece in found.lines[0].pieces:
        assert all(found.top <= y <= found.bottom for _, y in places(piece))


@given(st.lists(st.floats(), min_size=1, max_size=30), st.booleans())
@example([0.0, 5e-324], False)
@example([-1.7e308, 1.7e308, 1.0], False)
@example([1.0, 1.0 + 2**-52], True)
def test_whatever_a_journal_holds_is_drawn_inside_the_axes_or_not_at_all(values: list[float], log_scale: bool) -> None:
    found = drawn(plot(values, log_scale=log_scale))
    if found is None:
        return
    for x, y in (point for line in found.lines for piece in line.pieces for point in places(piece)):
        assert found.left <= x <= found.right and found.top <= y <= found.bottom
    assert all(found.top <= float(tick.place) <= found.bottom for tick in found.y_ticks)


def test_a_band_goes_forth_along_its_top_and_back_along_its_bottom() -> None:
    line = StepCurve("a", [1, 2], [0.5, 0.5], [0.0, 0.2], [1.0, 0.8])
    found = drawn(StepPlot("x", (line,), 2))
    assert found is not None
    (outline,) = found.lines[0].bands
    ys = [y for _, y in places(outline)]
    assert ys[0] < ys[1] < ys[2] < ys[3]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.714, "%", "71.4 %"),
        (-0.02, "", "−0.02"),
        (3.0, "px", "3 px"),
        (1e-4, "", "0.0001"),
        (-2.5e-05, "", "−2.5e-5"),
        (3e8, "B", "3e8 B"),
    ],
)
def test_a_value_has_its_unit(value: float, unit: str, text: str) -> None:
    assert number_label(value, unit) == text
