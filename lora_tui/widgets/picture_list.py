"""The list of training pictures, of which only what is in view is asked for and made into text."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.pictures.picture_cache import Pictures, Pixels, Want
from lora_tui.widgets.drawn_list import CursorList
from lora_tui.widgets.half_blocks import row
from lora_tui.wording.cell_width import cut, cut_front, left, right
from lora_tui.wording.dataset import COLUMNS, PICTURE_MEANINGS, PICTURE_SIGNS, PictureColumn, facts_of, picture_sign
from lora_tui.wording.list_columns import GAP, fitted_columns
from lora_tui.wording.pane_terms import PaneTerms, Term
from lora_tui.wording.state_symbols import Sign
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.data_index.record import IndexedPicture

CURSOR = "▸"
MARKED = "*"

# Cells before the columns: cursor, mark, sign, and a blank.
_LEAD = 4
# A list is left and come back to, and scrolled to and fro.
_KEPT_ROWS = 4096
# Lines of a picture's row with a thumbnail, and cells of it.
_TALL, _THUMBNAIL = 5, 12


class PictureList(CursorList, can_focus=True):
    """A virtual list with a cursor, which stays on its picture whatever comes and goes around it.

    Args:
        pictures: where thumbnails come from.
    """

    PARTS = "picture-list"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "picture-list--head",
        "picture-list--muted",
        "picture-list--cursor",
        "picture-list--accent",
        "picture-list--secondary",
        "picture-list--warning",
        "picture-list--error",
    }

    DEFAULT_CSS = """
    PictureList {
        height: 1fr;
        min-height: 3;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .picture-list--head { color: $muted; }
        & > .picture-list--muted { color: $muted; }
        & > .picture-list--cursor { background: $cursor-ground; }
        &:focus > .picture-list--cursor { background: $cursor-ground; text-style: bold; }
        & > .picture-list--accent { color: $accent; }
        & > .picture-list--secondary { color: $secondary; }
        & > .picture-list--warning { color: $warning; }
        & > .picture-list--error { color: $error; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("picture list")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "pictures",
        (
            *(Term(column.head, PICTURE_MEANINGS[column.key]) for column in COLUMNS),
            Term(MARKED, "marked by you"),
            *(Term(sign.mark, means) for sign, means in PICTURE_SIGNS.items()),
        ),
    )

    @dataclass
    class Moved(CursorList.Moved):
        """The cursor rests on another picture, on a newer version of it, or on none."""

    @dataclass
    class RowsWanted(Message):
        """Pictures are in view, or soon will be, that are not known."""

        ids: tuple[int, ...]

        def can_replace(self, message: Message) -> bool:
            """Take the place of an older one."""
            return isinstance(message, PictureList.RowsWanted)

    @dataclass
    class MarksChanged(Message):
        """Other pictures are marked."""

    @dataclass
    class CaptionAsked(Message):
        """The caption of the picture under the cursor is asked for."""

    @dataclass
    class ExclusionAsked(Message):
        """The marked pictures, or the one under the cursor, are to be left out or taken in."""

    @dataclass
    class SortAsked(Message):
        """Another order is asked for."""

    def __init__(self, pictures: Pictures, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pictures = pictures
        self._ids: Sequence[int] = ()
        self._rows: OrderedDict[int, IndexedPicture] = OrderedDict()
        self._old: set[int] = set()
        self._marked: dict[int, None] = {}
        self._empty = ""
        self._lines = 1
        self._columns: list[tuple[PictureColumn, int]] = []
        self._asked: tuple[int, ...] = ()

    def on_mount(self) -> None:
        """Hear of thumbnails."""
        self._pictures.watch(self._pictures_arrived)

    def on_unmount(self) -> None:
        """Hear of them no more, and wish for none."""
        self._pictures.unwatch(self._pictures_arrived)
        self._pictures.want(self, ())

    def show(self, ids: Sequence[int], empty: str = "") -> None:
        """List these pictures; the cursor stays on its own, and that in its line of the screen.

        Args:
            ids: in their order.
            empty: stands there where no picture is to be shown.
        """
        held, line = self.current_id, self._at - self._top
        self._ids, self._empty = ids, empty
        self.virtual_size = Size(0, len(ids) * self._lines + 1)
        if held is not None:
            # Nearly always it is where it was.
            here = self._at < len(ids) and ids[self._at] == held
            place = self._at if here else next((at for at, each in enumerate(ids) if each == held), self._at)
            self._at = max(0, min(place, len(ids) - 1))
            self._put_at_top(max(0, self._at - line))
        else:
            self._at = 0
        self._settle()

    def keep(self, rows: "Mapping[int, IndexedPicture]") -> None:
        """Take pictures that were asked for."""
        changed = any(self._rows.get(each) != picture for each, picture in rows.items())
        for each, picture in rows.items():
            self._rows.pop(each, None)
            self._rows[each] = picture
            self._old.discard(each)
        while len(self._rows) > _KEPT_ROWS:
            self._old.discard(self._rows.popitem(last=False)[0])
        if changed:
            self.refresh()
            self._want_thumbnails()
        if self.current_id in rows:
            self.post_message(self.Moved())

    def read_again(self) -> None:
        """Ask again for what is in view: it may have changed. Until the answer comes what is known stays."""
        self._old.update(self._rows)
        self._asked = ()
        self._want_rows()

    def show_thumbnails(self, shown: bool) -> None:
        """Show a small picture with each row, or one line each."""
        top = self._top
        self._lines = _TALL if shown else 1
        self._columns = []
        self.virtual_size = Size(0, len(self._ids) * self._lines + 1)
        self._put_at_top(top)
        self._settle()

    @property
    def has_thumbnails(self) -> bool:
        """Whether there is a small picture with each row."""
        return self._lines > 1

    @property
    def ids(self) -> Sequence[int]:
        """The pictures listed."""
        return self._ids

    @property
    def current_id(self) -> int | None:
        """The picture under the cursor; None where none is listed."""
        return self._ids[self._at] if self._at < len(self._ids) else None

    @property
    def current(self) -> "IndexedPicture | None":
        """What is known of the picture under the cursor."""
        held = self.current_id
        return self._rows.get(held) if held is not None else None

    @property
    def place(self) -> int:
        """How many pictures are listed before the one under the cursor."""
        return self._at

    @property
    def marked(self) -> AbstractSet[int]:
        """The pictures that are marked, in their order."""
        return self._marked.keys()

    def known(self, each: int) -> "IndexedPicture | None":
        """Return what is known of a picture."""
        return self._rows.get(each)

    def go_to(self, each: int) -> None:
        """Put the cursor on a picture, if it is listed."""
        if each in self._ids:
            self._go_to(self._ids.index(each))

    def keep_marks(self, known: AbstractSet[int]) -> None:
        """Unmark what is not there any more."""
        gone = [each for each in self._marked if each not in known]
        for each in gone:
            del self._marked[each]
        if gone:
            self.post_message(self.MarksChanged())

    # What the keys do

    def action_mark(self) -> None:
        """Mark the picture under the cursor, or unmark it, and go to the next."""
        if (held := self.current_id) is not None:
            if held in self._marked:
                del self._marked[held]
            else:
                self._marked[held] = None
            self.post_message(self.MarksChanged())
            self.action_move(1)

    def action_mark_all(self) -> None:
        """Mark all pictures listed; where all are, unmark them."""
        if all(each in self._marked for each in self._ids):
            self._marked.clear()
        else:
            self._marked.update(dict.fromkeys(self._ids))
        self.post_message(self.MarksChanged())
        self.refresh()

    def action_caption(self) -> None:
        """Go to the caption."""
        self.post_message(self.CaptionAsked())

    def action_exclude(self) -> None:
        """Leave pictures out, or take them in again."""
        self.post_message(self.ExclusionAsked())

    def action_sort(self) -> None:
        """Ask for the order."""
        self.post_message(self.SortAsked())

    # Lines, of which a picture may have several

    @property
    def _count(self) -> int:
        return len(self._ids)

    @property
    def _room(self) -> int:
        return max(1, (self.scrollable_content_region.height - 1) // self._lines)

    @property
    def _top(self) -> int:
        """The first picture in view."""
        return self.scroll_offset.y // self._lines

    def _put_at_top(self, place: int) -> None:
        self.scroll_to(y=place * self._lines, animate=False, immediate=True, force=True)

    def _settle(self, *, repaint: bool = True) -> None:
        top, room = self._top, self._room
        if self._at < top:
            top = self._at
        elif self._at >= top + room:
            top = self._at - room + 1
        self._put_at_top(top)
        self.post_message(self.Moved())
        self._want_rows()
        if repaint:
            self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for what came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._want_rows()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the columns into the new width."""
        # Before the list's own, which brings the cursor into view.
        self._columns = []

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked picture."""
        # Instead of the list's own, which has a line for each.
        event.prevent_default()
        place = (self.scroll_offset.y + event.y - 1) // self._lines
        if event.y > 0 and place < self._count:
            self._go_to(place)

    def _in_view(self, around: int = 0) -> Iterator[int]:
        first = max(0, self._top - around)
        yield from self._ids[first : self._top + self._room + 1 + around]

    def _want_rows(self) -> None:
        """Ask for the pictures in view, and a screenful before and behind, that are not known."""
        wanted = [each for each in self._in_view() if each not in self._rows or each in self._old]
        if wanted:
            known = set(wanted)
            wanted += [each for each in self._in_view(self._room) if each not in self._rows and each not in known]
        if (ids := tuple(wanted)) and ids != self._asked:
            self._asked = ids
            self.post_message(self.RowsWanted(ids))
        self._want_thumbnails()

    def render_line(self, y: int) -> Strip:
        """Return the head, then the lines of the pictures in view."""
        if not self._columns:
            self._columns = fitted_columns(COLUMNS, max(1, self._width - _LEAD))
        if y == 0:
            return self._strip([Segment(self._head(), self._style("head"))], self.rich_style)
        if not self._ids and y == 2:
            return self._strip([Segment(cut(f"  {self._empty}", self._width), self._style("muted"))], self.rich_style)
        place, inner = divmod(self.scroll_offset.y + y - 1, self._lines)
        if place >= len(self._ids):
            return self._strip([], self.rich_style)
        here, each = place == self._at, self._ids[place]
        under = self._style("cursor") if here else self.rich_style
        picture = self._rows.get(each)
        if self._lines > 1:
            return self._strip(self._tall_line(each, picture, inner, under, here=here), under)
        return self._strip(self._segments(each, picture, under, here=here), under)

    def _head(self) -> str:
        if self._lines > 1:
            return " " * (_LEAD + _THUMBNAIL + GAP) + "picture"
        cells = (
            right(column.head, width) if column.side == "right" else left(column.head, width)
            for column, width in self._columns
        )
        return " " * _LEAD + (" " * GAP).join(cells)

    def _lead(self, each: int, sign: Sign | None, under: Style, *, here: bool) -> list[Segment]:
        mark = (
            Segment(MARKED, self._on("accent", under) + Style(bold=True))
            if each in self._marked
            else Segment(" ", under)
        )
        mark_of = Segment(" ", under) if sign is None else Segment(sign.mark, self._ink(sign, under))
        return [Segment(CURSOR if here else " ", under), mark, mark_of, Segment(" ", under)]

    def _segments(self, each: int, picture: "IndexedPicture | None", under: Style, *, here: bool) -> list[Segment]:
        if picture is None:
            return [*self._lead(each, None, under, here=here), Segment("…", self._on("muted", under))]
        segments = self._lead(each, picture_sign(picture), under, here=here)
        past = picture.excluded
        for place, (column, width) in enumerate(self._columns):
            text = column.text(picture)
            if column.key == "name":
                text = cut_front(text, width)
            cells = right(text, width) if column.side == "right" else left(text, width)
            ink = self._on("muted", under) if past or column.key == "caption" else under
            segments.append(Segment((" " * GAP if place else "") + cells, ink))
        return segments

    def _tall_line(
        self, each: int, picture: "IndexedPicture | None", inner: int, under: Style, *, here: bool
    ) -> list[Segment]:
        """Return one line of a row with a small picture: that picture's at the left, words at the right."""
        if picture is None:
            return self._segments(each, None, under, here=here) if inner == 0 else []
        sign = picture_sign(picture)
        lead = self._lead(each, sign, under, here=here) if inner == 0 else [Segment(" " * _LEAD, under)]
        if inner == _TALL - 1:
            return [Segment(" " * _LEAD, under)]
        words = [picture.name, *(f"{mark.mark} {text}" for mark, text in facts_of(picture))]
        words.insert(3, picture.caption)
        ink = under if inner == 0 and not picture.excluded else self._on("muted", under)
        room = max(0, self._width - _LEAD - _THUMBNAIL - GAP)
        text = cut(_line_of(words, inner), room)
        return [*lead, *self._thumbnail(picture, inner, under), Segment(" " * GAP + text, ink)]

    def _thumbnail(self, picture: "IndexedPicture", inner: int, under: Style) -> list[Segment]:
        pixels: Pixels | None = self._pictures.find(_small(picture))
        if not pixels or inner >= pixels.height // 2:
            return [Segment(" " * _THUMBNAIL, under)]
        return [*row(pixels, inner), Segment(" " * (_THUMBNAIL - pixels.width), under)]

    def _want_thumbnails(self) -> None:
        if self._lines > 1:
            rows = [picture for each in self._in_view() if (picture := self._rows.get(each)) is not None]
            self._pictures.want(self, [_small(picture) for picture in rows])
        else:
            self._pictures.want(self, ())

    def _pictures_arrived(self, wants: frozenset[Want]) -> None:
        if self._lines > 1:
            self.refresh()

    def _ink(self, sign: Sign, under: Style) -> Style:
        part = sign.colour.removeprefix("$")
        return under if part == "foreground" else self._on(part, under)


def _small(picture: "IndexedPicture") -> Want:
    return Want(picture.path, _THUMBNAIL, 2 * (_TALL - 1))


def _line_of(words: Sequence[str], inner: int) -> str:
    return printable(words[inner], 400) if inner < len(words) else ""
