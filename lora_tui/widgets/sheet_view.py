"""One Z sheet of a grid as a matrix of small pictures, with a cursor on one of them."""

from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.pictures.grid_model import FAVOURITE, VERDICT_SIGNS, Sheet, sheet_title, verdict_line
from lora_tui.pictures.picture_cache import Pictures, Want
from lora_tui.widgets.half_blocks import row
from lora_tui.widgets.pane import heading
from lora_tui.widgets.sheet_layout import SheetLayout, lay_out
from lora_tui.wording.cell_width import centred, cut, right
from lora_tui.wording.pane_terms import PaneTerms, Term
from lora_tui.wording.state_symbols import FAILED
from trainer.grid.cell import Place
from trainer.journal.grid_records import CellNote

_NO_NOTE = CellNote(0, "")
_MARKED = "◆"


class SheetView(ScrollView, can_focus=True, inherit_bindings=False):
    """The matrix. What did not change is not painted again: a picture that comes paints its own cells alone.

    Args:
        pictures: where they come from.
    """

    class Moved(Message):
        """The cursor stands on another picture."""

    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "sheet-view--label",
        "sheet-view--missing",
        "sheet-view--caption",
        "sheet-view--favourite",
        "sheet-view--cursor",
    }

    DEFAULT_CSS = """
    SheetView {
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
        & > .sheet-view--label { color: $muted; }
        & > .sheet-view--missing { color: $faint; background: $surface; }
        & > .sheet-view--caption { color: $muted; }
        & > .sheet-view--favourite { color: $warning; }
        & > .sheet-view--cursor { color: $muted; }
        &:focus > .sheet-view--cursor { color: $accent; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("sheet")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "sheet",
        (
            Term("columns, rows", "the values of the axes X and Y; each Z has a sheet, each seed a picture"),
            Term(_MARKED, "marked for comparison"),
            Term(FAVOURITE, "a favourite"),
            *(Term(sign, f"your verdict: {name}") for name, sign in VERDICT_SIGNS.items()),
            Term("U T", "before a verdict: of the {body} or of the {encoder} alone"),
            Term("3/4", "the subject's checklist: what the picture shows, of what you looked at"),
        ),
    )

    def __init__(self, pictures: Pictures, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pictures = pictures
        self._sheet: Sheet | None = None
        self._empty = ""
        self._cursor = Place(0, 0, 0, 0)
        self._zoom = 0
        self._layout = SheetLayout()

    @property
    def cursor(self) -> Place:
        """Where the cursor stands on the screen; in blind mode that is not the picture's own place."""
        return self._cursor

    def on_mount(self) -> None:
        """Subscribe to pictures."""
        self._pictures.watch(self._pictures_arrived)
        self._show_title()

    def on_unmount(self) -> None:
        """Unsubscribe."""
        self._pictures.unwatch(self._pictures_arrived)
        self._pictures.want(self, ())

    def show(self, sheet: Sheet | None, empty: str = "") -> None:
        """Show `sheet`; without pictures, `empty` stands there."""
        before, self._sheet = self._sheet, sheet
        same = (
            before is not None
            and sheet is not None
            and before.view.made is sheet.view.made
            and before.view.grid.number == sheet.view.grid.number
            and before.order == sheet.order
        )
        if not same or empty != self._empty:
            self._empty = empty
            if sheet is None or before is None or before.view.grid.number != sheet.view.grid.number:
                self._cursor = Place(0, 0, 0, 0)
            self._lay_out()
        else:
            assert before is not None
            self._repaint_changed(before)
        self._show_title()
        self._request_pictures()

    def put_cursor(self, at: Place) -> None:
        """Put the cursor at a place of the screen, and bring it into view."""
        x, y, z, seeds = self._sheet.view.shape if self._sheet is not None else (0, 0, 0, 0)
        if not (0 <= at.x < x and 0 <= at.y < y and 0 <= at.z < z and 0 <= at.seed < seeds) or at == self._cursor:
            return
        before, self._cursor = self._cursor, at
        if before.z != at.z:
            self.refresh()
            self._show_title()
            self._request_pictures()
        else:
            for place in (before, at):
                self._refresh_frame(place)
        self._scroll_to_cursor()
        self.post_message(self.Moved())

    # What the keys do

    def action_move(self, across: int, down: int) -> None:
        """Go to a neighbour."""
        seeds = max(1, self._shape[3])
        column = self._cursor.x * seeds + self._cursor.seed + across
        if 0 <= column < self._shape[0] * seeds:
            self.put_cursor(Place(column // seeds, self._cursor.y + down, self._cursor.z, column % seeds))

    def action_edge(self, way: int) -> None:
        """Go to an end of the row."""
        x, _, _, seeds = self._shape
        last = way > 0
        self.put_cursor(replace(self._cursor, x=x - 1 if last else 0, seed=seeds - 1 if last else 0))

    def action_turn(self, by: int) -> None:
        """Turn to another sheet."""
        self.put_cursor(replace(self._cursor, z=self._cursor.z + by))

    def action_zoom(self, by: int) -> None:
        """Draw the pictures larger or smaller."""
        self._zoom = max(-4, min(8, self._zoom + by))
        self._lay_out()
        self._request_pictures()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the picture under the pointer."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        found = self._layout.at(offset.x, offset.y, self.scroll_offset.x, self.scroll_offset.y)
        if found is not None:
            column, line = found
            seeds = max(1, self._shape[3])
            self.put_cursor(Place(column // seeds, line, self._cursor.z, column % seeds))

    def on_resize(self, event: events.Resize) -> None:
        """Lay the pictures out for the new size."""
        self._lay_out()
        self._request_pictures()

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """Ask for what has come into view."""
        super().watch_scroll_x(old_value, new_value)
        self._request_pictures()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for what has come into view."""
        super().watch_scroll_y(old_value, new_value)
        self._request_pictures()

    # What is drawn

    def render_line(self, y: int) -> Strip:
        """Return one line: labels above, then pictures with a caption under each."""
        width, plain = self._room.width, self.rich_style
        layout = self._layout
        if not layout.columns:
            text = self._empty if y == self._room.height // 2 else ""
            return Strip([Segment(centred(text, width), self._style("label"))]).adjust_cell_length(width, plain)
        if y < layout.head:
            return self._head_line(y)
        line, inner = divmod(y - layout.head + self.scroll_offset.y, layout.line_height)
        if line >= layout.lines:
            return Strip.blank(width, plain)
        label = self._label("y", line) if inner == (layout.height - 1) // 2 else ""
        segments = [Segment(right(label, layout.label - 1) + " " if layout.label else "", self._style("label"))]
        return self._beside(segments, self._row_cells(line, inner))

    def _row_cells(self, line: int, inner: int) -> list[Segment]:
        layout = self._layout
        segments: list[Segment] = []
        for column in self._columns_in_view():
            segments.append(self._gap(column, line))
            place = self._place(column, line)
            segments += self._picture_line(place, inner) if inner < layout.height else [self._caption(place)]
        segments.append(self._gap(self._columns_in_view().stop, line))
        return segments

    def _picture_line(self, at: Place, inner: int) -> list[Segment]:
        width, height = self._layout.width, self._layout.height
        plain = self.rich_style
        want = self._want(at)
        pixels = self._pictures.find(want) if want is not None else None
        if pixels:
            over = (height - pixels.height // 2) // 2
            if not 0 <= inner - over < pixels.height // 2:
                return [Segment(" " * width, plain)]
            beside = (width - pixels.width) // 2
            rest = width - pixels.width - beside
            return [Segment(" " * beside, plain), *row(pixels, inner - over), Segment(" " * rest, plain)]
        text = ""
        if inner == (height - 1) // 2:
            # Of a broken file there are no pixels; of one that is being read there are none yet.
            text = "·" if want is None else FAILED.mark if pixels is not None else ""
        return [Segment(centred(text, width), self._style("missing"))]

    def _caption(self, at: Place, of: Sheet | None = None) -> Segment:
        sheet = of or self._sheet
        assert sheet is not None
        name = sheet.order.place_at(at).name
        note = sheet.notes.get(name, _NO_NOTE)
        text = verdict_line(note, sheet.view.checklist)
        if name == sheet.marked:
            text = f"{_MARKED} {text}"
        part = "favourite" if note.favourite else "caption"
        return Segment(centred(text, self._layout.width), self._style(part))

    def _gap(self, column: int, line: int) -> Segment:
        if line == self._cursor.y:
            here = self._cursor.x * max(1, self._shape[3]) + self._cursor.seed
            if column == here:
                return Segment("▐", self._style("cursor"))
            if column == here + 1:
                return Segment("▌", self._style("cursor"))
        return Segment(" ", self.rich_style)

    def _head_line(self, y: int) -> Strip:
        layout, seeds = self._layout, max(1, self._shape[3])
        segments: list[Segment] = []
        of_seeds = y == layout.head - 1 and layout.seeds_line
        for column in self._columns_in_view():
            if of_seeds:
                text = self._label("seed", column % seeds)
                # The last digits tell drawn seeds apart.
                text = text if len(text) <= layout.width else "…" + text[1 - layout.width :]
                segments.append(Segment(" " + centred(text, layout.width), self._style("label")))
            elif column % seeds == 0 or not segments:
                # One label stands over all the seeds of its value.
                over = min(seeds - column % seeds, self._columns_in_view().stop - column) * (layout.width + 1)
                text = cut(self._label("x", column // seeds), over - 1)
                segments.append(Segment(" " + centred(text, over - 1), self._style("label")))
        segments.append(Segment(" ", self.rich_style))
        return self._beside([Segment(" " * layout.label, self._style("label"))], segments)

    def _beside(self, label: list[Segment], cells: list[Segment]) -> Strip:
        """Return the labels' column, which stands, and beside it the part of the cells that is scrolled into view."""
        room = self._room.width - self._layout.label
        first = self._columns_in_view().start * (self._layout.width + 1)
        begin = self.scroll_offset.x - first
        scrolled = Strip(cells).crop(begin, begin + room).adjust_cell_length(room, self.rich_style)
        return Strip.join([Strip(label), scrolled])

    def _label(self, axis: str, at: int) -> str:
        return self._sheet.label(axis, at, self._cursor.z) if self._sheet is not None else ""

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"sheet-view--{part}")

    # Where things are

    @property
    def _shape(self) -> tuple[int, int, int, int]:
        return self._sheet.view.shape if self._sheet is not None else (0, 0, 0, 0)

    @property
    def _room(self) -> Size:
        """The cells that no scrollbar covers."""
        return self.scrollable_content_region.size

    def _lay_out(self) -> None:
        room = self.size if self._sheet is not None else Size(0, 0)
        self._layout = lay_out(self._sheet.view, room.width, room.height, self._zoom) if self._sheet else SheetLayout()
        self.virtual_size = Size(self._layout.full_width, self._layout.full_height)
        self.refresh()
        self._scroll_to_cursor()

    def _place(self, column: int, line: int) -> Place:
        seeds = max(1, self._shape[3])
        return Place(column // seeds, line, self._cursor.z, column % seeds)

    def _columns_in_view(self) -> range:
        stride = self._layout.width + 1
        first = self.scroll_offset.x // stride
        last = -(-(self.scroll_offset.x + self._room.width - self._layout.label) // stride)
        return range(min(first, self._layout.columns), max(0, min(last, self._layout.columns)))

    def _lines_in_view(self) -> range:
        high = self._layout.line_height
        first = self.scroll_offset.y // high
        last = -(-(self.scroll_offset.y + self._room.height - self._layout.head) // high)
        return range(min(first, self._layout.lines), max(0, min(last, self._layout.lines)))

    def _in_view(self) -> list[Place]:
        columns = self._columns_in_view() if self._layout.columns else range(0)
        return [self._place(column, line) for line in self._lines_in_view() for column in columns]

    def _want(self, at: Place, of: Sheet | None = None) -> Want | None:
        sheet = of or self._sheet
        assert sheet is not None
        cell = sheet.view.cells.get(sheet.order.place_at(at))
        path = sheet.view.path_of(cell) if cell is not None else None
        return Want(path, self._layout.width, self._layout.height * 2) if path is not None else None

    def _request_pictures(self) -> None:
        wants = [want for at in self._in_view() if (want := self._want(at)) is not None] if self._sheet else []
        self._pictures.want(self, wants)

    def _pictures_arrived(self, wants: frozenset[Want]) -> None:
        for at in self._in_view() if self._sheet else ():
            if self._want(at) in wants:
                self.refresh(self._box(at, self._layout.height))

    def _repaint_changed(self, before: Sheet) -> None:
        """Paint the cells in view whose picture came or went, or whose rating changed."""
        for at in self._in_view():
            if (self._want(at) is None) != (self._want(at, before) is None):
                self.refresh(self._box(at, self._layout.line_height))
            elif self._caption(at) != self._caption(at, before):
                self.refresh(self._box(at, 1, self._layout.height))

    def _refresh_frame(self, at: Place) -> None:
        box = self._box(at, self._layout.line_height)
        self.refresh(Region(box.x - 1, box.y, 1, box.height), Region(box.right, box.y, 1, box.height))

    def _box(self, at: Place, height: int, down: int = 0) -> Region:
        x, y = self._layout.corner(at.x * max(1, self._shape[3]) + at.seed, at.y)
        offset = self.scroll_offset
        return Region(x - offset.x, y - offset.y + down, self._layout.width, height)

    def _scroll_to_cursor(self) -> None:
        layout = self._layout
        if not layout.columns:
            return
        column = self._cursor.x * max(1, self._shape[3]) + self._cursor.seed
        room_x, room_y = self._room.width - layout.label, self._room.height - layout.head
        begin_x, begin_y = column * (layout.width + 1), self._cursor.y * layout.line_height
        x = min(max(self.scroll_offset.x, begin_x + layout.width + 2 - room_x), begin_x)
        y = min(max(self.scroll_offset.y, begin_y + layout.line_height - room_y), begin_y)
        if (x, y) != self.scroll_offset:
            self.scroll_to(x, y, animate=False)

    def _show_title(self) -> None:
        title = heading(*(sheet_title(self._sheet, self._cursor.z) if self._sheet is not None else ("grid",)))
        # Comparing first: setting a title repaints the widget.
        if title.markup != self.border_title:
            self.border_title = title
