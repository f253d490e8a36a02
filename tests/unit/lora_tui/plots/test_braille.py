from math import inf, nan

import pytest

from lora_tui.plots.braille import NOBODY, PlotLine, Window, draw, nice_range


def drawn(lines: list[PlotLine], window: Window, columns: int, rows: int) -> list[str]:
    drawing = draw(lines, window, columns, rows)
    return [drawing.row(number) for number in range(rows)]


def line(values: list[float], role: str = "raw") -> PlotLine:
    return PlotLine(role, list(range(len(values))), values, values)


def test_a_flat_curve_at_the_top_sets_the_top_dots() -> None:
    assert drawn([line([1.0] * 8)], Window(0, 7, 0, 1), 4, 2) == ["⠉⠉⠉⠉", "⠀⠀⠀⠀"]


def test_a_flat_curve_at_the_bottom_sets_the_bottom_dots() -> None:
    assert drawn([line([0.0] * 8)], Window(0, 7, 0, 1), 4, 2) == ["⠀⠀⠀⠀", "⣀⣀⣀⣀"]


def test_a_rising_curve_climbs_one_dot_a_column() -> None:
    assert drawn([line([0, 1, 2, 3, 4, 5, 6, 7])], Window(0, 7, 0, 7), 4, 2) == ["⠀⠀⡠⠊", "⡠⠊⠀⠀"]


def test_a_jump_stays_one_line() -> None:
    assert drawn([line([0, 0, 1, 1])], Window(0, 3, 0, 1), 2, 2) == ["⠀⡏", "⣀⠇"]


def test_few_points_are_joined_by_straight_lines() -> None:
    sparse = PlotLine("validation", [0, 7], [0, 7], [0, 7])
    assert drawn([sparse], Window(0, 7, 0, 7), 4, 2) == ["⠀⠀⡠⠊", "⡠⠊⠀⠀"]


def test_a_band_fills_from_least_to_greatest() -> None:
    band = PlotLine("raw", [0, 1, 2, 3], [0, 0, 0, 0], [1, 1, 1, 1])
    assert drawn([band], Window(0, 3, 0, 1), 2, 1) == ["⣿⣿"]


def test_one_spike_among_a_million_steps_is_drawn() -> None:
    values = [0.0] * 1_000_000
    values[500_000] = 1.0
    rows = drawn([line(values)], Window(0, 999_999, 0, 1), 10, 3)
    assert any(char != "⠀" for char in rows[0])


def test_a_value_that_is_no_number_hides_no_other_of_its_column() -> None:
    drawing = draw([line([0.0, nan, 0.0, 0.0])], Window(0, 3, 0, 1), 1, 1)
    assert drawing.broken == ()
    assert drawing.row(0) != "⠀"


def test_a_column_without_a_number_breaks_the_line_and_is_marked() -> None:
    drawing = draw([line([0, 0, 0, 0, nan, nan, 0, 0])], Window(0, 7, 0, 1), 4, 1)
    assert drawing.broken == (2,)
    assert drawing.row(0) == "⣀⣀⠀⣀"


def test_values_out_of_the_window_are_held_at_its_edge() -> None:
    assert drawn([line([-5, -5, 9, 9])], Window(0, 3, 0, 1), 2, 1) == ["⣀⠏"]


def test_infinity_is_marked_like_what_is_no_number() -> None:
    assert draw([line([0, 0, inf, inf])], Window(0, 3, 0, 1), 2, 1).broken == (1,)


def test_steps_out_of_the_window_are_left_out() -> None:
    assert drawn([line([1.0] * 20)], Window(0, 7, 0, 1), 4, 1) == ["⠉⠉⠉⠉"]
    assert drawn([line([1.0] * 4)], Window(10, 17, 0, 1), 4, 1) == ["⠀⠀⠀⠀"]


def test_where_two_curves_meet_the_later_one_has_the_cell() -> None:
    drawing = draw([line([1.0] * 4), PlotLine("smooth", [0, 1], [0, 0], [0, 0])], Window(0, 3, 0, 1), 2, 1)
    assert drawing.row(0) == "⣀⠉"
    assert drawing.owners.tolist() == [[1, 0]]


def test_what_is_not_joined_is_a_mark_of_three_dots() -> None:
    marks = PlotLine("validation", [0, 6], [3.5, 3.5], [3.5, 3.5], joined=False)
    assert drawn([marks], Window(0, 7, 0, 7), 4, 2) == ["⡀⠀⠀⡀", "⠃⠀⠀⠃"]


def test_an_empty_cell_is_nobody_s() -> None:
    assert draw([], Window(0, 1, 0, 1), 2, 1).owners.tolist() == [[NOBODY, NOBODY]]


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.043, 0.182, (0.04, 0.2)), (0.0, 2.5e-4, (0.0, 2.5e-4)), (3.0, 3.0, (2.7, 3.3))]
)
def test_an_axis_ends_at_round_values(low: float, high: float, expected: tuple[float, float]) -> None:
    assert nice_range(low, high) == pytest.approx(expected, rel=0.1)


def test_an_axis_holds_what_it_is_asked_to() -> None:
    for low, high in ((0.0123, 0.987), (-3.3, 17.2), (1e-6, 1.7e-6)):
        bottom, top = nice_range(low, high)
        assert bottom <= low + 1e-12 and top >= high - 1e-12


def test_an_axis_of_nothing_is_from_zero_to_one() -> None:
    assert nice_range(nan, nan) == (0.0, 1.0)


def test_a_dashed_line_leaves_out_whole_cells_and_no_spike() -> None:
    flat = PlotLine("smooth", list(range(24)), [0.0] * 24, [0.0] * 24, dash="##.")
    assert drawn([flat], Window(0, 23, 0, 1), 12, 1) == ["⣀⣀⠀⣀⣀⠀⣀⣀⠀⣀⣀⠀"]
    values = [0.0] * 24
    # In a cell that the dashes leave out.
    values[5] = 1.0
    spiked = PlotLine("smooth", list(range(24)), values, values, dash="##.")
    row = drawn([spiked], Window(0, 23, 0, 1), 12, 1)[0]
    assert row[2] != "⠀"
