"""Charts over each other with one axis of steps, as cells: what stands where, and in which style."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from rich.cells import cell_len

from lora_tui.plots.braille import NOBODY, Drawing, draw
from lora_tui.plots.curve_charts import CurveChart, LegendEntry
from lora_tui.plots.curve_window import CurveWindow
from lora_tui.wording.curve_marks import MARK_KINDS, CurveMark, CurveMarkKind
from lora_tui.wording.curve_values import axis_value, curve_value
from lora_tui.workers.curve_view import CurveReading

Cell = tuple[str, str]
"""A character, and the name of its style, with SIGN or CURSOR behind it."""

CURSOR, SIGN = "+cursor", "+sign"
"""Of a cell under the cursor, and of a letter that stands on a curve."""

FEWEST_ROWS = 5
"""Rows that a chart takes where several have room: its legend and four of its curves."""

_EVENT, _CURSOR_LINE, _BEGUN = "┊", "│", "╎"
_POINTER = "▴"
_BROKEN = "×"
_SELECTED = "▸"
_DASH = "─"
_DASH_CELLS = 5
# A wide character takes the cell behind it too.
_TAIL = ""
_MOST_LEGEND_SHARE = 3


@dataclass(frozen=True)
class CanvasInput:
    """What is drawn.

    Attributes:
        charts: from top to bottom.
        window: the steps in view, and the cursor.
        marks: by step.
        readings: (bake, key of a curve) -> what it is at the cursor.
        per_epoch: steps of an epoch, 0 where that is not known.
        selected: which chart the keys are for.
        alone: whether only that one is shown.
    """

    charts: tuple[CurveChart, ...] = ()
    window: CurveWindow = field(default_factory=CurveWindow)
    marks: tuple[CurveMark, ...] = ()
    readings: Mapping[tuple[int, str], CurveReading] | None = None
    per_epoch: int = 0
    selected: int = 0
    alone: bool = False


class CurveCanvas:
    """Draws charts; keeps the drawing of a chart that has not changed, since a cursor moves far more often than a curve."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[CurveChart, tuple[int, int], Drawing]] = {}

    def draw(self, given: CanvasInput, width: int, height: int) -> list[list[Cell]]:
        """Return `height` rows of `width` cells."""
        gutter = gutter_of(width)
        columns = width - gutter
        if columns < 4 or height < 2:
            return [_filled([], width) for _ in range(height)]
        marks = _cells_of_marks(given, columns)
        foot = _foot(given, marks, (columns, gutter, height))
        room = height - len(foot)
        rows: list[list[Cell]] = []
        shown = shown_charts(given, room)
        for place, (number, _) in enumerate(shown):
            size = columns, gutter, _share(room, len(shown), place)
            rows += self._chart(given, marks, (number, _hidden(given, shown, number)), size)
        rows += [[] for _ in range(room - len(rows))]
        return [_filled(row, width) for row in (*rows, *foot)]

    def _chart(
        self,
        given: CanvasInput,
        marks: Mapping[int, CurveMarkKind],
        of: tuple[int, str],
        size: tuple[int, int, int],
    ) -> list[list[Cell]]:
        (number, hidden), (columns, gutter, height) = of, size
        chart = given.charts[number]
        legend = _legend(given, number, hidden, (columns + gutter, max(1, height // _MOST_LEGEND_SHARE)))
        rows = height - len(legend)
        if rows < 1:
            return legend[:height]
        drawing = self._drawing(chart, columns, rows)
        found = list(legend)
        events = [cell for cell, kind in marks.items() if kind.changes]
        cursor = given.window.cell_of(given.window.cursor, columns)
        begun = None if given.window.begun is None else given.window.cell_of(given.window.begun, columns)
        labels = _labels(chart, rows, gutter)
        for row in range(rows):
            cells = _curve_cells(chart, drawing, row, columns)
            for cell in events:
                if cells[cell] == (" ", ""):
                    cells[cell] = (_EVENT, "event")
            if begun is not None and 0 <= begun < columns and cells[begun][0] in (" ", _EVENT):
                cells[begun] = (_BEGUN, "event")
            if 0 <= cursor < columns:
                sign, style = cells[cursor]
                cells[cursor] = (_CURSOR_LINE if sign in (" ", _EVENT, _BEGUN) else sign, f"{style or 'label'}{CURSOR}")
            found.append([*labels[row], *cells])
        return found

    def _drawing(self, chart: CurveChart, columns: int, rows: int) -> Drawing:
        kept = self._drawn.get(chart.axis.key)
        if kept is None or kept[0] is not chart or kept[1] != (columns, rows):
            kept = chart, (columns, rows), draw(chart.lines, chart.window, columns, rows)
            self._drawn[chart.axis.key] = kept
        return kept[2]


def gutter_of(width: int) -> int:
    """Return the cells at the left that hold the values of the axes."""
    return 8 if width >= 50 else 7


def shown_charts(given: CanvasInput, room: int) -> list[tuple[int, CurveChart]]:
    """Return the charts that have room in so many rows, each with its place among all; the selected one is among them."""
    charts = list(enumerate(given.charts))
    if not charts:
        return []
    selected = min(given.selected, len(charts) - 1)
    if given.alone:
        return charts[selected : selected + 1]
    count = min(len(charts), max(1, room // FEWEST_ROWS))
    first = min(max(0, selected - count + 1), len(charts) - count)
    return charts[first : first + count]


def _share(room: int, count: int, place: int) -> int:
    """Return the rows of one of `count` charts that share `room` rows."""
    return room * (place + 1) // count - room * place // count


def _cells_of_marks(given: CanvasInput, columns: int) -> dict[int, CurveMarkKind]:
    """Return column -> the kind of the mark in it; of several the first in the order of the kinds."""
    step, window = attrgetter("step"), given.window
    order = {kind: place for place, kind in enumerate(MARK_KINDS)}
    seen = given.marks[
        bisect_left(given.marks, window.first, key=step) : bisect_right(given.marks, window.last, key=step)
    ]
    found: dict[int, CurveMarkKind] = {}
    for mark in seen:
        cell = window.cell_of(mark.step, columns)
        if cell not in found or order[mark.kind] < order[found[cell]]:
            found[cell] = mark.kind
    return found


def _foot(given: CanvasInput, marks: Mapping[int, CurveMarkKind], size: tuple[int, int, int]) -> list[list[Cell]]:
    """Return the rows under the charts: marks, epochs and steps, as many as there is room for."""
    columns, gutter, height = size
    rows = [_axis_row(given.window, columns, gutter)]
    if given.per_epoch and height >= 3 * FEWEST_ROWS:
        rows.insert(0, _epoch_row(given, columns, gutter))
    if height >= FEWEST_ROWS + 2:
        row: list[Cell] = [(" ", "")] * columns
        for cell, kind in marks.items():
            row[cell] = (kind.letter, "event" if kind.changes else "mark")
        rows.insert(0, [*_text("marks ".rjust(gutter), "label"), *row])
    return rows


def _epoch_row(given: CanvasInput, columns: int, gutter: int) -> list[Cell]:
    window, per = given.window, given.per_epoch
    first = max(1, -(-window.first // per))
    texts = [""] * columns
    free = 0
    reach = max(1, window.last - window.first)
    # No more of them than there are columns, however many epochs there are.
    stride = max(1, -(-(reach // per) // columns))
    for epoch in range(first, window.last // per + 1, stride):
        word, end = f"e{epoch}", window.cell_of(epoch * per, columns) + 1
        if end - len(word) >= free and end <= columns:
            for place, sign in enumerate(word):
                texts[end - len(word) + place] = sign
            free = end + 1
    return [*_text(" " * gutter, "label"), *((sign or " ", "mark") for sign in texts)]


def _axis_row(window: CurveWindow, columns: int, gutter: int) -> list[Cell]:
    row: list[Cell] = [(" ", "")] * columns
    free = 0
    for part in range(5):
        step = window.first + round((window.last - window.first) * part / 4)
        word, middle = f"{step:,}", window.cell_of(step, columns)
        start = min(max(0, middle - len(word) // 2), columns - len(word))
        if start >= free and start >= 0:
            row[start : start + len(word)] = [(sign, "mark") for sign in word]
            free = start + len(word) + 1
    cursor = window.cell_of(window.cursor, columns)
    if 0 <= cursor < columns:
        row[cursor] = (_POINTER, f"value{CURSOR}")
    return [*_text("step ".rjust(gutter), "label"), *row]


def _labels(chart: CurveChart, rows: int, gutter: int) -> list[list[Cell]]:
    window = chart.window
    reach = chart.value_at(window.top) - chart.value_at(window.bottom)
    places = {0: window.top, rows - 1: window.bottom}
    if rows >= 5 and rows % 2:
        places[rows // 2] = (window.top + window.bottom) / 2
    if rows == 1:
        places = {0: window.top}
    found = []
    for row in range(rows):
        word = axis_value(chart.axis, chart.value_at(places[row]), reach) if row in places else ""
        found.append(_text(word[: gutter - 1].rjust(gutter - 1) + " ", "label"))
    return found


def _curve_cells(chart: CurveChart, drawing: Drawing, row: int, columns: int) -> list[Cell]:
    text, owners = drawing.row(row), drawing.owners[row]
    cells: list[Cell] = [
        (" ", "") if owner == NOBODY else (sign, chart.lines[owner].role)
        for sign, owner in zip(text, owners.tolist(), strict=True)
    ]
    for (at, column), sign in drawing.signs.items():
        if at == row:
            cells[column] = (sign, f"{chart.lines[int(owners[column])].role}{SIGN}")
    if row == 0:
        for column in drawing.broken:
            cells[column] = (_BROKEN, "broken")
    return cells


def _hidden(given: CanvasInput, shown: Sequence[tuple[int, CurveChart]], number: int) -> str:
    """Return how many charts there is no room for above the first one or below the last."""
    if given.alone:
        return ""
    above, below = shown[0][0], len(given.charts) - 1 - shown[-1][0]
    words = [f"{above} above"] if number == shown[0][0] and above else []
    words += [f"{below} below"] if number == shown[-1][0] and below else []
    return ", ".join(words)


def _legend(given: CanvasInput, number: int, hidden: str, size: tuple[int, int]) -> list[list[Cell]]:
    """Return a chart's title and its curves with what they are at the cursor.

    Args:
        given: what is drawn.
        number: the place of the chart among all.
        hidden: what to say of charts that there is no room for.
        size: cells of a row, and how many rows there may be.
    """
    here, chart = number == given.selected, given.charts[number]
    title = f"{_SELECTED if here else ' '}{chart.axis.title}{' (log)' if chart.log else ''}"
    parts: list[list[Cell]] = [_text(title, "selected" if here else "title")]
    parts += [_text(f"({hidden})", "event")] if hidden else []
    several = len({entry.bake for entry in chart.entries}) > 1
    last = ""
    for entry in chart.entries:
        words = _entry(given, chart, entry, named=len(chart.entries) > 1 and (not several or entry.label != last))
        last = entry.label
        parts.append(words)
    parts += [_text(note, "label") for note in chart.notes]
    return _packed(parts, *size)


def _entry(given: CanvasInput, chart: CurveChart, entry: LegendEntry, *, named: bool) -> list[Cell]:
    readings = given.readings or {}
    reading = readings.get((entry.bake, entry.key))
    cells: list[Cell] = []
    if named:
        if entry.dash:
            dashes = "".join(_DASH if sign == "#" else " " for sign in (entry.dash * _DASH_CELLS)[:_DASH_CELLS])
            cells += _text(f"{dashes.rstrip()} ", entry.role)
        cells += _text(f"{entry.label} ", "label")
    if entry.sign:
        cells += _text(f"{entry.sign} ", f"{entry.role}{SIGN}")
    if reading is None:
        return [*cells, *_text("–", "label")]
    cells += _text(curve_value(chart.axis, reading.value), "value")
    if reading.step != given.window.cursor:
        cells += _text(f" @{reading.step:,}", "label")
    return cells


def _packed(parts: Sequence[list[Cell]], width: int, most: int) -> list[list[Cell]]:
    """Return the parts in rows, two blanks between two; what has no room is counted."""
    rows: list[list[Cell]] = [list(parts[0])]
    for place, part in enumerate(parts[1:], start=1):
        if len(rows[-1]) + 2 + len(part) <= width:
            rows[-1] += [(" ", ""), (" ", ""), *part]
        elif len(rows) < most:
            rows.append([(" ", ""), (" ", ""), *part])
        else:
            more = _text(f" +{len(parts) - place}", "label")
            rows[-1] = [*rows[-1][: width - len(more)], *more]
            break
    return rows


def _text(text: str, style: str) -> list[Cell]:
    """Return a text as cells; behind a wide character stands an empty one."""
    cells: list[Cell] = []
    for sign in text:
        cells.append((sign, style))
        cells += [(_TAIL, style)] * (cell_len(sign) - 1)
    return cells


def _filled(row: list[Cell], width: int) -> list[Cell]:
    return [*row[:width], *[(" ", "")] * (width - len(row))]
