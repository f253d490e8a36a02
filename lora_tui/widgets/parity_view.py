"""The table of several trainers: row labels and the first column stand, the others scroll, a cursor goes from cell to cell."""

import textwrap
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.drawn_list import DrawnList
from lora_tui.wording.cell_width import cut
from lora_tui.wording.pane_terms import PaneTerms, Term, only
from lora_tui.wording.state_symbols import DIFFERS
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.parity.table import ParityCell, ParityRow, ParityTable

_CURSOR = "▸"
# Cells before a cell's text: the cursor, the sign of what differs, a blank.
_LEAD = 3
# … and the rule behind the column that stands.
_RULE = 2
_MIN_TEXT = 8
# Cells of the widest text and label, in a narrow terminal and in a wide one.
_MAX_TEXT = (8, 11, 15)
_MAX_LABEL = (10, 17, 24)
_SOME, _WIDE = 56, 100
# Lines that the title of a column may have.
_MAX_HEAD = 4


class ParityView(DrawnList, can_focus=True):
    """Draws a ParityTable. The columns that have no room scroll by whole columns, with the cursor."""

    PARTS = "parity-view"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "parity-view--head",
        "parity-view--here",
        "parity-view--label",
        "parity-view--differs",
        "parity-view--rule",
        "parity-view--cursor",
    }

    DEFAULT_CSS = """
    ParityView {
        height: 1fr;
        scrollbar-size-vertical: 1;
        & > .parity-view--head { color: $muted; }
        & > .parity-view--here { color: $primary; text-style: bold; }
        & > .parity-view--label { color: $muted; }
        & > .parity-view--differs { color: $warning; text-style: bold; }
        & > .parity-view--rule { color: $rule; }
        & > .parity-view--cursor { background: $cursor-ground; text-style: bold; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("parity table")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "trainers",
        (
            Term("first column", "your settings"),
            Term("other columns", "a trainer each, on the day named: what it makes of the same settings and data"),
            Term(_CURSOR, "the cursor; why a cell differs stands below"),
            *only(DIFFERS),
        ),
    )

    @dataclass
    class Moved(Message):
        """The cursor rests on another cell, or other columns are in view."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._table: ParityTable | None = None
        self._row = 0
        self._column = 0
        # The first column in view beside the one that stands.
        self._first = 1
        self._heads: list[list[str]] = []
        self._widths: list[int] = []

    def show(self, table: "ParityTable") -> None:
        """Show `table`; the cursor stays on its row and column where they are still there."""
        row, column = self.row, self.column
        self._table = table
        keys = [each.key for each in table.rows]
        self._row = keys.index(row.key) if row is not None and row.key in keys else 0
        self._column = table.columns.index(column) if column in table.columns else min(1, len(table.columns) - 1)
        self._lay_out()
        self._bring_into_view()

    @property
    def row(self) -> "ParityRow | None":
        """The row under the cursor; None without any."""
        return self._table.rows[self._row] if self._table is not None and self._table.rows else None

    @property
    def column(self) -> str:
        """Key of the column under the cursor; "" without any."""
        return self._table.columns[self._column] if self._table is not None and self._table.columns else ""

    @property
    def cell(self) -> "ParityCell | None":
        """The cell under the cursor; None without any."""
        return self.row.cells[self._column] if self.row is not None else None

    @property
    def columns_in_view(self) -> tuple[int, int]:
        """The first and the last column in view beside the one that stands, counted from 1; (0, 0) for none."""
        return (self._first, self._last) if self._widths and self._last >= self._first else (0, 0)

    def on_resize(self, event: events.Resize) -> None:
        """Fit the columns into the new width."""
        self._lay_out()
        self._bring_into_view()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked cell."""
        place = self.scroll_offset.y + event.y - self._head_lines
        if self._table is None or event.y < self._head_lines or place >= len(self._table.rows):
            return
        right = self._label_width
        for column in self._columns_shown:
            left, right = right, right + self._widths[column] + (_RULE if column == 0 else 0)
            if left <= event.x < right:
                self._go_to(place, column)

    def action_move(self, across: int, down: int) -> None:
        """Move the cursor by cells."""
        self._go_to(self._row + down, self._column + across)

    def action_edge(self, place: int) -> None:
        """Move the cursor to the first (0) or the last (-1) column."""
        if self._table is not None:
            self._go_to(self._row, range(len(self._table.columns))[place])

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful of rows."""
        self._go_to(self._row + by * max(1, self.size.height - self._head_lines - 1), self._column)

    def render_line(self, y: int) -> Strip:
        """Return one line: of the titles, which stand, or of a row."""
        plain = self.rich_style
        if self._table is None:
            return Strip.blank(self._width, plain)
        if y < self._head_lines:
            return self._strip(self._head(y))
        place = self.scroll_offset.y + y - self._head_lines
        if place >= len(self._table.rows):
            return Strip.blank(self._width, plain)
        return self._strip(self._row_segments(place, self._table.rows[place]))

    @property
    def _head_lines(self) -> int:
        return max(map(len, self._heads), default=0) + 1

    @property
    def _label_width(self) -> int:
        assert self._table is not None
        longest = max((cell_len(row.label) for row in self._table.rows), default=0)
        return min(longest, _MAX_LABEL[self._room_for_text]) + 2

    @property
    def _room_for_text(self) -> int:
        """Place in the tables of widths: little room, some, enough."""
        return (self._width >= _SOME) + (self._width >= _WIDE)

    @property
    def _columns_shown(self) -> list[int]:
        return [0, *range(self._first, self._last + 1)]

    @property
    def _last(self) -> int:
        """The last column that is in view whole; the first in view where none is."""
        room = self._width - self._label_width - self._widths[0] - _RULE
        last = self._first
        for column in range(self._first, len(self._widths)):
            room -= self._widths[column]
            if room < 0:
                break
            last = column
        return min(last, len(self._widths) - 1)

    def _lay_out(self) -> None:
        """Work out the width of each column and the lines of its title."""
        table = self._table
        if table is None or not table.columns or not self._width:
            return
        most = _MAX_TEXT[self._room_for_text]
        self._widths, self._heads = [], []
        for column, title in enumerate(table.titles):
            words = printable(title)
            longest = max((cell_len(printable(row.cells[column].text)) for row in table.rows), default=0)
            longest = max(longest, *map(cell_len, words.split() or [""]))
            width = max(_MIN_TEXT, min(most, longest))
            self._widths.append(_LEAD + width)
            lines = textwrap.wrap(words, width) or [""]
            # The titles leave most of the lines to the rows.
            most_lines = max(1, min(_MAX_HEAD, self.size.height // 3))
            if len(lines) > most_lines:
                lines = [*lines[: most_lines - 1], cut(" ".join(lines[most_lines - 1 :]), width)]
            self._heads.append(lines)
        self.virtual_size = Size(0, len(table.rows) + self._head_lines)
        self.refresh()

    def _go_to(self, row: int, column: int) -> None:
        if self._table is None or not self._table.rows:
            return
        self._row = max(0, min(len(self._table.rows) - 1, row))
        self._column = max(0, min(len(self._table.columns) - 1, column))
        self._bring_into_view()

    def _bring_into_view(self) -> None:
        if self._table is None or not self._widths:
            return
        self._first = max(1, min(self._first, len(self._widths) - 1))
        if 0 < self._column < self._first:
            self._first = self._column
        while self._column > self._last and self._first < self._column:
            self._first += 1
        # What became wide enough takes the columns to the left back in.
        while self._first > 1 and self._takes_one_more():
            self._first -= 1
        # The titles stand over the first lines of what scrolls.
        top, height = self.scroll_offset.y, max(1, self.size.height - self._head_lines)
        if self._row < top or self._row >= top + height:
            y = self._row if self._row < top else self._row - height + 1
            self.scroll_to(y=y, animate=False, immediate=True, force=True)
        self.post_message(self.Moved())
        self.refresh()

    def _takes_one_more(self) -> bool:
        """Return whether all columns from the one before the first in view on have room."""
        room = self._width - self._label_width - self._widths[0] - _RULE
        return sum(self._widths[self._first - 1 :]) <= room

    def _head(self, y: int) -> list[Segment]:
        assert self._table is not None
        segments = [Segment(" " * self._label_width, self.rich_style)]
        if y == self._head_lines - 1:
            return [Segment("─" * self._width, self._style("rule"))]
        for column in self._columns_shown:
            lines, width = self._heads[column], self._widths[column]
            # The lines stand on the rule.
            line = y - (self._head_lines - 1 - len(lines))
            text = lines[line] if line >= 0 else ""
            ink = self._style("here" if column == self._column else "head")
            segments.append(Segment(set_cell_size(" " * _LEAD + text, width), ink))
            segments += self._rule_behind(column, self.rich_style)
        return segments

    def _row_segments(self, place: int, row: "ParityRow") -> list[Segment]:
        label = set_cell_size(f" {cut(printable(row.label), self._label_width - 2)}", self._label_width)
        here = place == self._row
        segments = [Segment(label, self._style("here" if here else "label"))]
        for column in self._columns_shown:
            cell, width = row.cells[column], self._widths[column]
            on_it = here and column == self._column
            ink = self._style("differs") if cell.differs else self.rich_style
            if on_it:
                under = self._style("cursor")
                ink += Style(bgcolor=under.bgcolor, bold=True)
            lead = f"{_CURSOR if on_it else ' '}{DIFFERS.mark if cell.differs else ' '} "
            # A blank between two columns, where the text takes all of its own.
            text = cut(printable(cell.text), width - _LEAD)
            segments.append(Segment(set_cell_size(lead + text, width), ink))
            segments += self._rule_behind(column, self.rich_style)
        return segments

    def _rule_behind(self, column: int, plain: Style) -> list[Segment]:
        """Return the rule between the column that stands and those that scroll; something scrolled away is marked in it."""
        if column != 0:
            return []
        return [Segment(" ┊" if self._first > 1 else " │", plain + self._style("rule"))]


def with_columns(table: "ParityTable", columns: Collection[str]) -> "ParityTable":
    """Return `table` with the first column and those of these keys alone."""
    kept = [place for place, key in enumerate(table.columns) if place == 0 or key in columns]
    return replace(
        table,
        columns=tuple(table.columns[place] for place in kept),
        titles=tuple(table.titles[place] for place in kept),
        rows=tuple(replace(row, cells=tuple(row.cells[place] for place in kept)) for row in table.rows),
    )


def with_differences(table: "ParityTable") -> "ParityTable":
    """Return `table` with those rows alone in which a column differs from the first."""
    return replace(table, rows=tuple(row for row in table.rows if any(cell.differs for cell in row.cells)))
