"""The list of bakes, drawn line by line: only what is in view is made into text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.plots.overlay import letter_of
from lora_tui.widgets.drawn_list import CursorList
from lora_tui.wording.bake_entries import (
    COLUMNS,
    MEANINGS,
    OF_LADDER,
    EntryColumn,
    columns_for,
    entry_sign,
    made_from_text,
)
from lora_tui.wording.cell_width import cut, left, right
from lora_tui.wording.list_columns import GAP
from lora_tui.wording.pane_terms import PaneTerms, Term

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry

CURSOR = "▸"
# A mark beyond the colours there are.
MARKED = "+"

# Cells before the columns: cursor, mark, state, and whether it belongs to a ladder.
_LEAD = 4
# A chain of re-bakes is indented no further, so that its names stay in their column.
_MAX_INDENT = 6


@dataclass(frozen=True)
class BakeMarks:
    """What is marked in the list.

    Attributes:
        colours: number of a marked bake -> the place of its colour, None where there are no more.
        pinned: number of the bake on top, None for none.
    """

    colours: Mapping[int, int | None]
    pinned: int | None = None


class BakeList(CursorList, can_focus=True):
    """A virtual list with a cursor, which stays on its bake whatever comes and goes around it."""

    PARTS = "bake-list"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "bake-list--head",
        "bake-list--muted",
        "bake-list--cursor",
        "bake-list--live",
        "bake-list--success",
        "bake-list--warning",
        "bake-list--error",
        *(f"bake-list--curve-{place}" for place in range(1, 9)),
    }

    DEFAULT_CSS = """
    BakeList {
        height: 1fr;
        min-height: 3;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .bake-list--head { color: $muted; }
        & > .bake-list--muted { color: $muted; }
        & > .bake-list--cursor { background: $cursor-ground; }
        &:focus > .bake-list--cursor { background: $cursor-ground; text-style: bold; }
        & > .bake-list--live { color: $live; }
        & > .bake-list--success { color: $success; }
        & > .bake-list--warning { color: $warning; }
        & > .bake-list--error { color: $error; }
        & > .bake-list--curve-1 { color: $curve-1; }
        & > .bake-list--curve-2 { color: $curve-2; }
        & > .bake-list--curve-3 { color: $curve-3; }
        & > .bake-list--curve-4 { color: $curve-4; }
        & > .bake-list--curve-5 { color: $curve-5; }
        & > .bake-list--curve-6 { color: $curve-6; }
        & > .bake-list--curve-7 { color: $curve-7; }
        & > .bake-list--curve-8 { color: $curve-8; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("bake list")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "bakes",
        (
            Term(CURSOR, "the cursor"),
            Term("a b c", "letters of marked bakes, in the colours of their curves; a capital is pinned on top"),
            Term(MARKED, "marked, beyond the colours that there are"),
            Term(OF_LADDER, "belongs to a ladder"),
            *(Term(column.head, MEANINGS[column.key]) for column in COLUMNS),
        ),
    )

    @dataclass
    class Moved(CursorList.Moved):
        """The cursor rests on another bake, on a newer version of it, or on none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: Sequence[BakeEntry] = ()
        self._depths: Mapping[int, int] = {}
        self._is_tree = False
        self._marks = BakeMarks({})
        self._empty = ""
        self._columns: list[tuple[EntryColumn, int]] = []

    def show(self, entries: "Sequence[BakeEntry]", depths: Mapping[int, int] | None = None, empty: str = "") -> None:
        """Show these bakes; the cursor stays on its own, and that in its line of the screen.

        Args:
            entries: in their order.
            depths: of a tree, number of a bake -> how far its name is indented; None for a plain list.
            empty: stands there where no bake is to be shown.
        """
        held, line = self.current, self._at - self.scroll_offset.y
        seen = self._seen
        self._entries, self._depths, self._empty = entries, depths or {}, empty
        self._is_tree = depths is not None
        self.virtual_size = Size(0, len(entries) + 1)
        if held is not None:
            place = next((at for at, entry in enumerate(entries) if entry.number == held.number), self._at)
            self._at = max(0, min(place, len(entries) - 1))
            self.scroll_to(y=self._at - line, animate=False, immediate=True, force=True)
        else:
            self._at = 0
        self._settle(repaint=self._seen != seen)

    def show_marks(self, marks: BakeMarks) -> None:
        """Show which bakes are marked."""
        if marks != self._marks:
            self._marks = marks
            self.refresh()

    def go_to(self, number: int) -> None:
        """Put the cursor on a bake, if it is listed."""
        for at, entry in enumerate(self._entries):
            if entry.number == number:
                self._go_to(at)
                return

    @property
    def current(self) -> "BakeEntry | None":
        """The bake under the cursor; None where none is listed."""
        return self._entries[self._at] if self._at < len(self._entries) else None

    @property
    def entries(self) -> "Sequence[BakeEntry]":
        """The bakes listed."""
        return self._entries

    def on_resize(self, event: events.Resize) -> None:
        """Fit the columns into the new width."""
        # Before the list's own, which brings the cursor into view.
        self._columns = []

    @property
    def _count(self) -> int:
        return len(self._entries)

    def render_line(self, y: int) -> Strip:
        """Return the head, then one line a bake."""
        width = self._width
        if not self._columns:
            self._columns = columns_for(max(1, width - _LEAD))
        if y == 0:
            return self._strip([Segment(self._head(), self._style("head"))], self.rich_style)
        if not self._entries and y == 2:
            return self._strip([Segment(cut(f"  {self._empty}", width), self._style("muted"))], self.rich_style)
        place = self.scroll_offset.y + y - 1
        if place >= len(self._entries):
            return self._strip([], self.rich_style)
        entry, here = self._entries[place], place == self._at
        under = self._style("cursor") if here else self.rich_style
        return self._strip(self._segments(entry, under, here=here), under)

    def _head(self) -> str:
        cells = (
            right(column.head, width) if column.side == "right" else left(column.head, width)
            for column, width in self._columns
        )
        return " " * _LEAD + (" " * GAP).join(cells)

    def _segments(self, entry: "BakeEntry", under: Style, *, here: bool) -> list[Segment]:
        sign = entry_sign(entry)
        segments = [
            Segment(CURSOR if here else " ", under),
            self._mark(entry.number, under),
            Segment(sign.mark, self._on(sign.colour.removeprefix("$"), under)),
            Segment(OF_LADDER if entry.ladders else " ", self._on("muted", under)),
        ]
        past = entry.withdrawn
        for place, (column, width) in enumerate(self._columns):
            text = made_from_text(entry) if self._is_tree and column.key == "changed" else column.text(entry)
            if column.key == "name":
                text = self._indent(entry.number) + text
            cells = right(text, width) if column.side == "right" else left(text, width)
            faint = past or column.key in ("number", "note")
            ink = self._on("muted", under) if faint else under
            segments.append(Segment((" " * GAP if place else "") + cells, ink))
        return segments

    def _mark(self, number: int, under: Style) -> Segment:
        if number not in self._marks.colours:
            return Segment(" ", under)
        colour = self._marks.colours[number]
        if colour is None:
            return Segment(MARKED, under)
        letter = letter_of(colour, on_top=number == self._marks.pinned)
        return Segment(letter, self._on(f"curve-{colour + 1}", under) + Style(bold=True))

    def _indent(self, number: int) -> str:
        depth = self._depths.get(number, 0)
        return "" if depth == 0 else f"{'  ' * (min(depth, _MAX_INDENT) - 1)}└ "

    @property
    def _seen(self) -> tuple[object, ...]:
        """Everything that the lines in view are made of."""
        top = self.scroll_offset.y
        shown = [(entry, self._depths.get(entry.number)) for entry in self._entries[top : top + self._room]]
        return self._at, top, self._is_tree, self._empty, shown, len(self._entries)
