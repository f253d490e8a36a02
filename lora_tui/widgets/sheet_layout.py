"""Layout of a sheet: size and place of each picture, in cells of the terminal."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from lora_tui.pictures.grid_model import GridView

if TYPE_CHECKING:
    from trainer.gallery.sidecar import MadeGrid

MIN_WIDTH = 8
"""Cells; a narrower picture tells nothing, so that a sheet of more columns is scrolled."""

_MAX_LABEL = 14
_ZOOM = 1.25


@dataclass(frozen=True)
class SheetLayout:
    """Measures of one sheet.

    Attributes:
        columns, lines: how many pictures stand beside and over each other.
        width, height: room of one picture, cells.
        label: width of the labels at the left.
        head: lines of labels above.
        seeds_line: whether the last of them names the seeds.
    """

    columns: int = 0
    lines: int = 0
    width: int = 1
    height: int = 1
    label: int = 0
    head: int = 0
    seeds_line: bool = False

    @property
    def line_height(self) -> int:
        """Lines from one picture to the one below: a caption stands between."""
        return self.height + 1

    @property
    def full_width(self) -> int:
        """Cells of the whole sheet, the labels with it."""
        return self.label + self.columns * (self.width + 1) + 1 if self.columns else 0

    @property
    def full_height(self) -> int:
        """Lines of the whole sheet, the labels with it."""
        return self.head + self.lines * self.line_height if self.columns else 0

    def corner(self, column: int, line: int) -> tuple[int, int]:
        """Return the left upper corner of a picture on the whole sheet."""
        return self.label + 1 + column * (self.width + 1), self.head + line * self.line_height

    def at(self, x: int, y: int, scroll_x: int, scroll_y: int) -> tuple[int, int] | None:
        """Return column and line of the picture at a cell of the widget, None beside them."""
        if x < self.label or y < self.head or not self.columns:
            return None
        column = (x - self.label + scroll_x) // (self.width + 1)
        line = (y - self.head + scroll_y) // self.line_height
        return (column, line) if column < self.columns and line < self.lines else None


def lay_out(view: GridView, width: int, height: int, zoom: int) -> SheetLayout:
    """Return measures with which a sheet of `view` fits into `width` × `height` cells, as far as its pictures can still be seen.

    Args:
        view: the grid.
        width, height: cells of the widget.
        zoom: steps larger (or smaller) than what fits.
    """
    made = view.made
    if made is None or not view.cells or width < MIN_WIDTH or height < 3:
        return SheetLayout()
    layout = _measured(view, made, width, height, zoom)
    # The bar that scrolls up and down takes a column.
    return layout if layout.full_height <= height else _measured(view, made, width - 1, height, zoom)


def _measured(view: GridView, made: "MadeGrid", width: int, height: int, zoom: int) -> SheetLayout:
    columns, lines = len(made.x) * len(made.seeds), len(made.y)
    seeds_line = len(made.seeds) > 1
    head = any(made.x.labels) + seeds_line
    longest = max((cell_len(label) for label in made.y.labels), default=0)
    label = min(longest, _MAX_LABEL, width // 4) + 2 if longest else 0
    proportion = max(cell.recipe.width / cell.recipe.height for cell in view.cells.values())
    across = (width - label - 1) // columns - 1
    # A cell is about twice as high as wide: a picture of w × h pixels takes w × h/2 cells.
    by_height = int(((height - head) // lines - 1) * 2 * proportion)
    fits = max(MIN_WIDTH, min(across, by_height))
    wide = max(MIN_WIDTH, min(round(fits * _ZOOM**zoom), width - label - 2))
    high = max(1, round(wide / proportion / 2))
    return SheetLayout(columns, lines, wide, high, label, head, seeds_line)
