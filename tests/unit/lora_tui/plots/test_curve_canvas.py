"""Charts as cells: legends with the values at the cursor, marks, epochs and steps under them, at every size and without Unicode."""

import pytest

from lora_tui.plots.curve_canvas import CURSOR, CanvasInput, Cell, CurveCanvas, shown_charts
from lora_tui.plots.curve_charts import ChartLook, charts_of
from lora_tui.plots.curve_window import CurveWindow
from lora_tui.terminal.encoding import encode
from lora_tui.widgets.changed_cells import changed_regions
from lora_tui.wording.curve_marks import OF_JOURNAL, SAVED, CurveMark
from lora_tui.workers.curve_view import ChartedBake, ChartedCurve, CurveChoice, CurveQuestion, CurveReading, CurvesView
from trainer.journal.records import MarkKind
from trainer.measures.curve_groups import CURVE_GROUPS
from trainer.measures.curve_records import STEP_CURVES

BY_KEY = {curve.key: curve for curve in STEP_CURVES}
SIZES = [(160, 45), (120, 31), (80, 19), (60, 16), (40, 7), (12, 3), (5, 2), (1, 1)]
MARKS = (
    CurveMark(40, SAVED, "saved x-000001"),
    CurveMark(60, OF_JOURNAL[MarkKind.SET], "changed: unet_lr=1e-4"),
    CurveMark(80, SAVED, "saved x-000002"),
)


def given(
    keys: tuple[str, ...] = ("loss", "loss.smooth", "lr_unet", "lr_text_encoder", "grad_norm"), **more
) -> CanvasInput:
    curves = []
    for place, key in enumerate(keys):
        values = [0.1 + (step + 30 * place) / 1000 for step in range(100)]
        curves.append(ChartedCurve(1, BY_KEY[key], range(1, 101), values, values))
    choice = CurveChoice(frozenset(group.key for group in CURVE_GROUPS))
    window = more.pop("window", CurveWindow(0, 100, 100, 0, 100, 50))
    view = CurvesView(
        CurveQuestion((1,), None, choice),
        (ChartedBake(1, "x", False, 1, 100, 100, 40),),
        tuple(each.record for each in curves),
        tuple(curves),
    )
    readings = {(1, key): CurveReading(50, 0.1234) for key in keys}
    return CanvasInput(charts_of(view, window, ChartLook()), window, MARKS, readings, 40, **more)


def text(rows: list[list[Cell]]) -> list[str]:
    return ["".join(sign for sign, _ in row) for row in rows]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_size_is_filled_to_the_last_cell(width: int, height: int) -> None:
    rows = CurveCanvas().draw(given(), width, height)
    assert len(rows) == height
    assert all(len(row) == width for row in rows)


def test_each_chart_has_its_legend_with_the_values_at_the_cursor() -> None:
    shown = "\n".join(text(CurveCanvas().draw(given(), 120, 31)))
    assert "▸loss" in shown
    assert "raw 0.1234" in shown and "smooth 0.1234" in shown
    assert "learning rate" in shown and "u 1.2e-1" in shown
    assert "gradient norm (log)  0.123" in shown


def test_a_curve_without_a_value_there_and_one_of_an_earlier_step_say_so() -> None:
    asked = given(("loss", "validation"))
    readings = {(1, "validation"): CurveReading(40, 0.2)}
    shown = "\n".join(text(CurveCanvas().draw(CanvasInput(asked.charts, asked.window, readings=readings), 120, 20)))
    assert "raw –" in shown and "0.2000 @40" in shown


def test_marks_epochs_and_steps_stand_under_the_charts_at_their_columns() -> None:
    asked = given()
    rows = text(CurveCanvas().draw(asked, 108, 31))
    marks, epochs, steps = rows[-3:]
    cell = {step: 8 + asked.window.cell_of(step, 100) for step in (40, 60, 80)}
    assert marks.startswith("  marks ")
    assert [marks[cell[step]] for step in (40, 60, 80)] == ["S", "C", "S"]
    assert epochs[cell[40] - 1 : cell[40] + 1] == "e1" and epochs[cell[80] - 1 : cell[80] + 1] == "e2"
    assert steps.split()[0] == "step" and "0" in steps.split() and "100" in steps.split()
    assert steps[8 + asked.window.cell_of(50, 100)] == "▴"


def test_the_cursor_stands_in_every_chart_and_is_shown_by_more_than_a_colour() -> None:
    asked = given()
    rows = CurveCanvas().draw(asked, 108, 31)
    column = 8 + asked.window.cell_of(50, 100)
    under = [row[column] for row in rows if row[column][1].endswith(CURSOR)]
    assert len(under) >= 15
    assert all(sign not in (" ", "") for sign, _ in under)


def test_what_changed_the_course_is_an_upright_line_behind_the_curves_and_a_save_is_not() -> None:
    asked = given()
    rows = text(CurveCanvas().draw(asked, 108, 31))
    change, save = (8 + asked.window.cell_of(step, 100) for step in (60, 40))
    assert any(row[change] == "┊" for row in rows[:-3])
    assert not any(row[save] == "┊" for row in rows[:-3])


def test_of_more_charts_than_fit_the_selected_one_is_shown_and_the_others_are_counted() -> None:
    asked = given()
    assert len(asked.charts) == 3
    shown = "\n".join(text(CurveCanvas().draw(asked, 80, 10)))
    assert "▸loss  (2 below)" in shown and "gradient" not in shown
    last = "\n".join(text(CurveCanvas().draw(given(selected=2), 80, 10)))
    assert "▸gradient norm (log)  (2 above)" in last
    assert [place for place, _ in shown_charts(given(selected=1), 11)] == [0, 1]


def test_one_chart_alone_has_all_the_room() -> None:
    rows = text(CurveCanvas().draw(given(selected=1, alone=True), 80, 20))
    assert sum("learning rate" in row for row in rows) == 1
    assert not any("loss" in row for row in rows)


def test_a_region_that_was_begun_is_marked() -> None:
    window = CurveWindow(0, 100, 100, 0, 100, 80, begun=20)
    rows = text(CurveCanvas().draw(given(window=window), 108, 31))
    assert any(row[8 + window.cell_of(20, 100)] == "╎" for row in rows)


def test_a_legend_that_is_too_long_counts_what_it_leaves_out() -> None:
    keys = ("seconds_per_step", "seconds_data", "seconds_forward", "seconds_backward", "seconds_optimizer")
    rows = text(CurveCanvas().draw(given(keys), 40, 7))
    assert any(row.rstrip().endswith(("+2", "+3", "+4")) for row in rows[:2])
    wide = "\n".join(text(CurveCanvas().draw(given(keys), 160, 20)))
    assert all(name in wide for name in ("whole step", "data", "forward", "backward", "optimizer"))


def test_without_unicode_curves_are_told_apart_and_the_cursor_is_found() -> None:
    asked = given(("seconds_data", "seconds_forward"))
    rows = CurveCanvas().draw(asked, 80, 14)
    shown = [encode(row, "ascii").decode("ascii") for row in text(rows)]
    assert all(len(row) == 80 for row in shown)
    assert any("d" in row[8:] for row in shown[1:-3]) and any("f" in row[8:] for row in shown[1:-3])
    assert "^" in shown[-1]
    assert "?" not in "".join(shown)


def test_where_nothing_differs_nothing_is_painted() -> None:
    canvas = CurveCanvas()
    assert changed_regions(canvas.draw(given(), 80, 20), canvas.draw(given(), 80, 20)) == []


def test_a_cursor_that_moves_paints_its_columns_and_the_values_alone() -> None:
    canvas = CurveCanvas()
    before = canvas.draw(given(), 120, 31)
    window = CurveWindow(0, 100, 100, 0, 100, 51)
    regions = changed_regions(before, canvas.draw(given(window=window), 120, 31))
    assert regions
    assert sum(region.area for region in regions) < 120 * 31 / 6


def test_another_size_is_painted_whole() -> None:
    canvas = CurveCanvas()
    assert changed_regions(canvas.draw(given(), 80, 20), canvas.draw(given(), 80, 21)) is None
    assert changed_regions([], canvas.draw(given(), 80, 21)) is None


def test_stretches_that_differ_near_each_other_are_painted_as_one() -> None:
    def row(*places: int) -> list[Cell]:
        return [("x" if place in places else " ", "") for place in range(60)]

    regions = changed_regions([row(), row()], [row(3, 6, 40), row()])
    assert regions is not None
    assert [(region.x, region.y, region.width) for region in regions] == [(3, 0, 4), (40, 0, 1)]


def test_a_drawing_is_kept_while_only_the_cursor_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    canvas, asked = CurveCanvas(), given()
    canvas.draw(asked, 80, 20)
    monkeypatch.setattr("lora_tui.plots.curve_canvas.draw", lambda *given: pytest.fail("drawn again"))
    moved = CanvasInput(asked.charts, asked.window.moved(3, 72), asked.marks, asked.readings, 40)
    canvas.draw(moved, 80, 20)


def test_ten_thousand_epochs_and_marks_are_drawn_where_there_is_room() -> None:
    marks = tuple(CurveMark(step, SAVED, "saved") for step in range(100, 1_000_001, 100))
    window = CurveWindow(0, 1_000_000, 1_000_000, 0, 1_000_000, 1_000_000)
    rows = text(CurveCanvas().draw(CanvasInput(given().charts, window, marks, per_epoch=100), 108, 31))
    assert rows[-3].count("S") == 100
    assert 3 <= rows[-2].count("e") <= 25
