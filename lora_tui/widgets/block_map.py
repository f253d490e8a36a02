"""A map of one measure: rows are parts and their block groups, columns epochs, the darker a cell the greater its value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from lora_tui.keys.keymap import bindings
from lora_tui.wording.cell_width import left, right
from lora_tui.wording.pane_terms import PaneTerms, Term
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.plots.measure_map import MeasureMap

SHADES = "░▒▓█"
"""Signs of a cell from the least value to the greatest."""

NOTHING = "·"
"""Stands where nothing was measured."""

_MAX_LABEL, _MIN_LABEL = 30, 12
_MIN_CELL, _MAX_CELL = 4, 8


class BlockMap(Widget, can_focus=True):
    """A table of shaded cells with a cursor, which scrolls both ways."""

    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "block-map--head",
        "block-map--part",
        "block-map--group",
        "block-map--cell",
        "block-map--nothing",
        "block-map--cursor",
    }

    DEFAULT_CSS = """
    BlockMap {
        height: 1fr;
        padding: 0 1;
        & > .block-map--head { color: $muted; }
        & > .block-map--part { color: $foreground; text-style: bold; }
        & > .block-map--group { color: $foreground; }
        & > .block-map--cell { color: $primary; }
        & > .block-map--nothing { color: $faint; }
        & > .block-map--cursor { background: $cursor-ground; text-style: bold; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("block map")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "map",
        (
            Term("rows", "the parts, and below each its block groups: its layers by where they are and what they do"),
            Term("columns", "the saved epochs"),
            Term(" ".join(SHADES), "from the least value of the part to the greatest; the number stands below"),
            Term(NOTHING, "not measured"),
        ),
    )

    @dataclass
    class Moved(Message):
        """The cursor rests on another cell."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._map: MeasureMap | None = None
        self._levels: dict[int, list[int | None]] = {}
        self.row = 0
        """Row under the cursor."""
        self.column = 0
        """Column under the cursor."""
        self._top = self._left = 0

    def show(self, found: "MeasureMap") -> None:
        """Show a measure; the cursor stays on its row and its column, in the last one if it was there."""
        before = self._map
        kept = (before.rows[self.row].part, before.rows[self.row].scope) if before and before.rows else None
        was_last = before is None or not before.steps or self.column >= len(before.steps) - 1
        self._map, self._levels = found, {}
        places = {(row.part, row.scope): at for at, row in enumerate(found.rows)}
        self.row = places.get(kept, 0) if kept is not None else 0
        self.column = max(0, len(found.steps) - 1) if was_last else min(self.column, max(0, len(found.steps) - 1))
        self._follow()
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, across: int, down: int) -> None:
        """Move the cursor."""
        self._go(self.column + across, self.row + down)

    def action_edge(self, way: int) -> None:
        """Go to the first epoch or to the last."""
        self._go(0 if way == 0 else 10**6, self.row)

    def action_page(self, way: int) -> None:
        """Go up or down by what is seen at once."""
        self._go(self.column, self.row + way * max(1, self.content_size.height - 2))

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in sight."""
        self._follow()

    def render_line(self, y: int) -> Strip:
        """Return the heads, or one row."""
        width, plain = self.content_size.width, self.rich_style
        if self._map is None or not self._map.rows:
            return Strip.blank(width, plain)
        label, cell, columns = self._widths()
        if y == 0:
            heads = [right(self._map.heads[at], cell) for at in columns]
            return self._strip([Segment(" " * label, plain), *(Segment(head, self._style("head")) for head in heads)])
        at = self._top + y - 1
        if at >= len(self._map.rows):
            return Strip.blank(width, plain)
        row = self._map.rows[at]
        name = left(printable(row.label), label)
        style = self._style("group" if row.scope else "part")
        segments = [Segment(name, style + self._style("cursor") if at == self.row else style)]
        for column in columns:
            segments += self._cell(at, column, cell)
        return self._strip(segments)

    def _cell(self, row: int, column: int, width: int) -> list[Segment]:
        if row not in self._levels:
            assert self._map is not None
            self._levels[row] = self._map.levels(row, len(SHADES))
        level = self._levels[row][column]
        inner = width - 1
        text = NOTHING.rjust(inner) if level is None else SHADES[level] * inner
        style = self._style("nothing" if level is None else "cell")
        if (row, column) != (self.row, self.column):
            return [Segment(" ", self.rich_style), Segment(text, style)]
        # A frame, so that the cursor is seen without colours too.
        return [Segment("▸", self._style("cursor")), Segment(text, style + self._style("cursor"))]

    def _widths(self) -> tuple[int, int, range]:
        """Return the cells of a label and of a column, and the columns that are seen."""
        assert self._map is not None
        longest = max(len(row.label) for row in self._map.rows)
        label = min(_MAX_LABEL, max(_MIN_LABEL, longest) + 1, max(_MIN_LABEL, self.content_size.width // 2))
        count = len(self._map.steps)
        room = max(0, self.content_size.width - label)
        widest = max(len(head) for head in self._map.heads) + 1
        cell = max(_MIN_CELL, widest, min(_MAX_CELL, room // max(1, count)))
        return label, cell, range(self._left, min(count, self._left + max(1, room // cell)))

    def _go(self, column: int, row: int) -> None:
        if self._map is None or not self._map.rows:
            return
        self.column = max(0, min(len(self._map.steps) - 1, column))
        self.row = max(0, min(len(self._map.rows) - 1, row))
        self._follow()
        self.refresh()
        self.post_message(self.Moved())

    def _follow(self) -> None:
        """Scroll so that the cursor is seen."""
        if self._map is None or not self._map.rows or not self.content_size.width:
            return
        seen = max(1, self.content_size.height - 1)
        self._top = max(0, min(self._top, self.row, len(self._map.rows) - seen), self.row - seen + 1)
        columns = len(self._widths()[2])
        self._left = max(0, min(self._left, self.column), self.column - max(1, columns) + 1)

    def _strip(self, segments: list[Segment]) -> Strip:
        return Strip(segments).adjust_cell_length(self.content_size.width, self.rich_style)

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"block-map--{part}")
