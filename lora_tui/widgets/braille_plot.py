"""Curves drawn in braille: one row a line of the terminal, labels at the left, epochs below."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip

from lora_tui.plots.braille import NOBODY, Drawing, draw
from lora_tui.plots.curves import Plot
from lora_tui.widgets.changed_cells import changed_regions
from lora_tui.widgets.plot_colours import PlotColours
from lora_tui.wording.pane_terms import PaneTerms, Term

_LABEL_WIDTH = 7
_MIN_COLUMNS = 4
_EVENT = "┊"


class BraillePlot(PlotColours):
    """Draws a `Plot`; draws again only when it is given another one or another size, and paints what differs."""

    DEFAULT_CSS = """
    BraillePlot {
        height: 1fr;
        min-height: 4;
    }
    """

    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "curves",
        (
            Term("raw", "each step's own value, as a band from the least to the greatest"),
            Term("smooth", "the mean around each step"),
            Term("validation", "the loss on held-out pictures"),
            Term(_EVENT, "something changed the course of the bake here: a live setting, a stop of a part, a resume"),
            Term("e3", "where the epoch ended"),
            Term("a b c", "curves of several bakes; the capital is on top"),
        ),
    )

    def __init__(self, empty: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._plot = Plot()
        self._drawing: Drawing | None = None
        self._drawn_size = (0, 0)
        self._painted: list[list[tuple[str, Style | None]]] = []

    @property
    def columns(self) -> int:
        """Columns of dots that the plot has at its present width."""
        return max(0, self.content_size.width - _LABEL_WIDTH) * 2

    def show_nothing(self, why: str) -> None:
        """Say why there is no curve."""
        self._empty, self._plot, self._drawing = why, Plot(), None
        self._paint()

    @property
    def drawn(self) -> bool:
        """Whether there is a curve."""
        return bool(self._plot.lines)

    def show(self, plot: Plot, title: Content) -> None:
        """Draw `plot` under `title`."""
        if plot != self._plot:
            self._plot, self._drawing = plot, None
            self._paint()
        # Comparing first: setting a title repaints the widget.
        if title.markup != self.border_title:
            self.border_title = title

    def _paint(self) -> None:
        rows = range(self.content_size.height)
        before, self._painted = (
            self._painted,
            [[(sign, segment.style) for segment in self.render_line(y) for sign in segment.text] for y in rows],
        )
        regions = changed_regions(before, self._painted)
        if regions is None or not rows:
            self.refresh()
        elif regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        width, height = self.content_size
        plain = self.rich_style
        columns, rows = width - _LABEL_WIDTH, height - 1
        if not self._plot.lines or columns < _MIN_COLUMNS or rows < 1:
            text = self._empty if y == height // 2 else ""
            return _row([Segment(text.center(width)[:width], self._part("label"))], width, plain)
        if y == rows:
            marks = _mark_row(self._plot, columns)
            return _row([Segment(" " * _LABEL_WIDTH, plain), Segment(marks, self._part("mark"))], width, plain)
        label = Segment(self._label(y, rows).rjust(_LABEL_WIDTH - 1) + " ", self._part("label"))
        return _row([label, *self._cells(y, columns, rows)], width, plain)

    def _cells(self, y: int, columns: int, rows: int) -> list[Segment]:
        if self._drawing is None or self._drawn_size != (columns, rows):
            self._drawing = draw(self._plot.lines, self._plot.window, columns, rows)
            self._drawn_size = (columns, rows)
        text, owners = self._drawing.row(y), self._drawing.owners[y]
        signs = {column: sign for (row, column), sign in self._drawing.signs.items() if row == y}
        broken = self._drawing.broken if y == 0 else ()
        # Behind the curves: where one runs, its dots have the cell.
        events = {column for column in self._event_columns(columns) if owners[column] == NOBODY}
        segments: list[Segment] = []
        start = 0
        for column in range(1, columns + 1):
            alone = {column, start} & (events | set(broken) | signs.keys())
            if column < columns and owners[column] == owners[start] and not alone:
                continue
            if start in events:
                segments.append(Segment(_EVENT * (column - start), self._part("event")))
            elif start in broken:
                segments.append(Segment("×" * (column - start), self._part("broken")))
            elif start in signs:
                segments.append(Segment(signs[start], self._line_style(int(owners[start])) + Style(bold=True)))
            else:
                drawn = owners[start] != NOBODY
                cells = text[start:column] if drawn else " " * (column - start)
                segments.append(Segment(cells, self._line_style(int(owners[start]))))
            start = column
        return segments

    def _event_columns(self, columns: int) -> set[int]:
        window = self._plot.window
        reach = max(window.last - window.first, 1e-12)
        return {round((step - window.first) / reach * (columns - 1)) for step in self._plot.events}

    def _line_style(self, owner: int) -> Style:
        return self.rich_style if owner == NOBODY else self._part(self._plot.lines[owner].role)

    def _label(self, y: int, rows: int) -> str:
        window = self._plot.window
        if y == 0:
            return self._plot.say(window.top)
        if y == rows - 1:
            return self._plot.say(window.bottom)
        if rows >= 5 and rows % 2 and y == rows // 2:
            return self._plot.say((window.top + window.bottom) / 2)
        return ""


def _row(segments: list[Segment], width: int, style: Style) -> Strip:
    return Strip(segments).adjust_cell_length(width, style)


def _mark_row(plot: Plot, columns: int) -> str:
    """Return the texts under the plot, each ending at its step or around it; those that would touch their neighbour are left out."""
    row = [" "] * columns
    free_from = 0
    reach = max(plot.window.last - plot.window.first, 1e-12)
    for step, text in plot.marks:
        end = round((step - plot.window.first) / reach * (columns - 1)) + 1
        if plot.centred:
            end = min(columns, end + len(text) // 2)
        start = end - len(text)
        if start < free_from or end > columns:
            continue
        row[start:end] = text
        free_from = end + 1
    return "".join(row)
