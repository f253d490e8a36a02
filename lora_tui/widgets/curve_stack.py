"""Charts over each other on one axis of steps; what differs from what stands on the screen is painted, and nothing else."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip

from lora_tui.plots.curve_canvas import CURSOR, SIGN, CanvasInput, Cell, CurveCanvas, gutter_of
from lora_tui.widgets.changed_cells import changed_regions
from lora_tui.widgets.plot_colours import PlotColours
from lora_tui.wording.curve_marks import MARK_KINDS
from lora_tui.wording.pane_terms import PaneTerms, Term


class CurveStack(PlotColours):
    """Draws a `CanvasInput`."""

    DEFAULT_CSS = """
    CurveStack { height: 1fr; }
    """

    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "marks under the curves", tuple(Term(kind.letter, kind.title) for kind in MARK_KINDS)
    )

    def __init__(self, empty: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._given = CanvasInput()
        self._canvas = CurveCanvas()
        self._rows: list[list[Cell]] = []

    @property
    def columns(self) -> int:
        """Columns of cells that the curves have at the present width."""
        width = self.content_size.width
        return max(0, width - gutter_of(width))

    def show(self, given: CanvasInput, empty: str | None = None) -> None:
        """Draw this.

        Args:
            given: the charts, and where the cursor is.
            empty: what stands in the middle where there is no chart, None for what stood there before.
        """
        self._given = given
        if empty is not None and empty != self._empty:
            self._empty = empty
            self._rows = []
        before, self._rows = self._rows, self._draw()
        regions = changed_regions(before, self._rows)
        if regions is None:
            self.refresh()
        elif regions:
            self.refresh(*regions)

    def on_resize(self, event: events.Resize) -> None:
        """Draw in the new size."""
        self._rows = self._draw()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        width = self.content_size.width
        if y >= len(self._rows) or len(self._rows[y]) != width:
            self._rows = self._draw()
        if y >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        segments: list[Segment] = []
        text, style = "", ""
        for sign, of in self._rows[y]:
            if of != style and text:
                segments.append(Segment(text, self._style(style)))
                text = ""
            text, style = text + sign, of
        segments.append(Segment(text, self._style(style)))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _draw(self) -> list[list[Cell]]:
        width, height = self.content_size
        if width < 1 or height < 1:
            return []
        if self._given.charts:
            return self._canvas.draw(self._given, width, height)
        blank: list[Cell] = [(" ", "")] * width
        words: list[Cell] = [(sign, "label") for sign in self._empty.center(width)[:width]]
        return [words if row == height // 2 else blank for row in range(height)]

    def _style(self, name: str) -> Style:
        plain = name.partition("+")[0]
        style = self._part(plain) if plain else self.rich_style
        if SIGN in name:
            style += Style(bold=True)
        if CURSOR in name:
            # Of its own ink and ground, so that it shows without colours too.
            style += Style(reverse=True)
        return style
