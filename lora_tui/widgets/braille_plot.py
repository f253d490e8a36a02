"""Curves drawn in braille: one row a line of the terminal, labels at the left, epochs below."""

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from lora_tui.plots.braille import NOBODY, Drawing, draw
from lora_tui.plots.curves import Plot

_LABEL_WIDTH = 7
_MIN_COLUMNS = 4
_EVENT = "┊"


class BraillePlot(Widget):
    """Draws a `Plot`; draws again only when it is given another one or another size."""

    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "braille-plot--label",
        "braille-plot--mark",
        "braille-plot--broken",
        "braille-plot--event",
        "braille-plot--raw",
        "braille-plot--smooth",
        "braille-plot--validation",
        "braille-plot--unet",
        "braille-plot--text-encoder",
        "braille-plot--text-encoder-2",
        "braille-plot--curve-1",
        "braille-plot--curve-2",
        "braille-plot--curve-3",
        "braille-plot--curve-4",
        "braille-plot--curve-5",
        "braille-plot--curve-6",
        "braille-plot--curve-7",
        "braille-plot--curve-8",
    }

    DEFAULT_CSS = """
    BraillePlot {
        height: 1fr;
        min-height: 4;
        & > .braille-plot--label { color: $muted; }
        & > .braille-plot--mark { color: $faint; }
        & > .braille-plot--broken { color: $error; text-style: bold; }
        & > .braille-plot--event { color: $accent; }
        & > .braille-plot--raw { color: $plot-raw; }
        & > .braille-plot--smooth { color: $plot-smooth; }
        & > .braille-plot--validation { color: $plot-validation; }
        & > .braille-plot--unet { color: $plot-unet; }
        & > .braille-plot--text-encoder { color: $plot-text-encoder; }
        & > .braille-plot--text-encoder-2 { color: $plot-text-encoder-2; }
        & > .braille-plot--curve-1 { color: $curve-1; }
        & > .braille-plot--curve-2 { color: $curve-2; }
        & > .braille-plot--curve-3 { color: $curve-3; }
        & > .braille-plot--curve-4 { color: $curve-4; }
        & > .braille-plot--curve-5 { color: $curve-5; }
        & > .braille-plot--curve-6 { color: $curve-6; }
        & > .braille-plot--curve-7 { color: $curve-7; }
        & > .braille-plot--curve-8 { color: $curve-8; }
    }
    """

    def __init__(self, empty: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._plot = Plot()
        self._drawing: Drawing | None = None
        self._drawn_size = (0, 0)

    @property
    def columns(self) -> int:
        """Columns of dots that the plot has at its present width."""
        return max(0, self.content_size.width - _LABEL_WIDTH) * 2

    def show(self, plot: Plot, title: Content) -> None:
        """Draw `plot` under `title`."""
        if plot != self._plot:
            self._plot, self._drawing = plot, None
            self.refresh()
        # Comparing first: setting a title repaints the widget.
        if title.markup != self.border_title:
            self.border_title = title

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        width, height = self.content_size
        plain = self.rich_style
        columns, rows = width - _LABEL_WIDTH, height - 1
        if not self._plot.lines or columns < _MIN_COLUMNS or rows < 1:
            text = self._empty if y == height // 2 else ""
            return _row([Segment(text.center(width)[:width], self._style("label"))], width, plain)
        if y == rows:
            marks = _mark_row(self._plot, columns)
            return _row([Segment(" " * _LABEL_WIDTH, plain), Segment(marks, self._style("mark"))], width, plain)
        label = Segment(self._label(y, rows).rjust(_LABEL_WIDTH - 1) + " ", self._style("label"))
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
                segments.append(Segment(_EVENT * (column - start), self._style("event")))
            elif start in broken:
                segments.append(Segment("×" * (column - start), self._style("broken")))
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
        return self.rich_style if owner == NOBODY else self._style(self._plot.lines[owner].role)

    def _label(self, y: int, rows: int) -> str:
        window = self._plot.window
        if y == 0:
            return self._plot.say(window.top)
        if y == rows - 1:
            return self._plot.say(window.bottom)
        if rows >= 5 and rows % 2 and y == rows // 2:
            return self._plot.say((window.top + window.bottom) / 2)
        return ""

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"braille-plot--{part}")


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
