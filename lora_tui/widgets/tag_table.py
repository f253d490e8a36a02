"""The tags of the pictures that are listed, with counts and a cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.drawn_list import CursorList
from lora_tui.wording.cell_width import cut, left, right
from lora_tui.wording.numbers import count
from lora_tui.wording.pane_terms import PaneTerms, Term
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.data_index.record import TagCount

CURSOR = "▸"
MARKED = "*"
_COUNT, _SHOWN = 8, 10
# Cells from which there is room for how often a tag is shown, too.
_WITH_SHOWN = 40


class TagTable(CursorList, can_focus=True):
    """A virtual list of tags. The cursor stays on its tag; marks stay on tags that are not listed at the moment."""

    PARTS = "tag-table"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "tag-table--head",
        "tag-table--muted",
        "tag-table--cursor",
        "tag-table--accent",
    }

    DEFAULT_CSS = """
    TagTable {
        height: 1fr;
        min-height: 3;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .tag-table--head { color: $muted; }
        & > .tag-table--muted { color: $muted; }
        & > .tag-table--cursor { background: $cursor-ground; }
        &:focus > .tag-table--cursor { background: $cursor-ground; text-style: bold; }
        & > .tag-table--accent { color: $accent; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("tag table")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "tags",
        (
            Term("pictures", "how many of the pictures listed have the tag"),
            Term("shown", "how often an epoch shows it"),
            Term("tag", "its name in the captions"),
            Term(MARKED, "marked by you"),
        ),
    )

    @dataclass
    class OnlyAsked(Message):
        """Only pictures with a tag are to be listed, or only those without it."""

        tag: str
        without: bool = False

    @dataclass
    class OperationAsked(Message):
        """An operation on the marked tags, or the one under the cursor, is asked for."""

        operation: str

    @dataclass
    class Changed(Message):
        """Other tags are marked, or listed in another order."""

    @dataclass
    class Left(Message):
        """The list of pictures is asked for."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._all: Sequence[TagCount] = ()
        self._tags: list[TagCount] = []
        self._marked: dict[str, None] = {}
        self._find = ""
        self._by_name = False
        self._empty = ""

    def show(self, tags: "Sequence[TagCount]", empty: str = "") -> None:
        """Show these tags, the most frequent first; `empty` stands there where there are none."""
        self._all, self._empty = tags, empty
        self._list()

    def find(self, text: str) -> None:
        """List only tags with `text` in them, in any case."""
        self._find = text.strip().casefold()
        self._list()

    @property
    def found_by(self) -> str:
        """What the tags listed have in them, "" for all."""
        return self._find

    @property
    def listed(self) -> "Sequence[TagCount]":
        """The tags listed, in their order."""
        return self._tags

    @property
    def names(self) -> "Sequence[str]":
        """Every tag, the most frequent first."""
        return [each.tag for each in self._all]

    @property
    def order(self) -> str:
        """The order, in words."""
        return "by name" if self._by_name else "by count"

    @property
    def current(self) -> "TagCount | None":
        """The tag under the cursor; None where none is listed."""
        return self._tags[self._at] if self._at < len(self._tags) else None

    @property
    def marked(self) -> tuple[str, ...]:
        """The marked tags, in their order."""
        return tuple(self._marked)

    @property
    def chosen(self) -> tuple[str, ...]:
        """The marked tags, else the one under the cursor."""
        if self._marked:
            return self.marked
        return (self.current.tag,) if self.current is not None else ()

    # What the keys do

    def action_leave(self) -> None:
        """All tags again, then back to the list of pictures."""
        if self._find:
            self.find("")
        else:
            self.post_message(self.Left())

    def action_only(self) -> None:
        """List only pictures with the tag under the cursor."""
        if self.current is not None:
            self.post_message(self.OnlyAsked(self.current.tag))

    def action_without(self) -> None:
        """List only pictures without it."""
        if self.current is not None:
            self.post_message(self.OnlyAsked(self.current.tag, without=True))

    def action_sort(self) -> None:
        """Sort by name, or by count."""
        self._by_name = not self._by_name
        self._list()
        self.post_message(self.Changed())

    def action_mark(self) -> None:
        """Mark the tag under the cursor, or unmark it, and go to the next."""
        if (here := self.current) is not None:
            if here.tag in self._marked:
                del self._marked[here.tag]
            else:
                self._marked[here.tag] = None
            self.post_message(self.Changed())
            self.action_move(1)

    def action_operate(self, operation: str) -> None:
        """Ask for an operation on the tags."""
        self.post_message(self.OperationAsked(operation))

    # Lines

    def _list(self) -> None:
        held = self.current.tag if self.current is not None else None
        found = [each for each in self._all if not self._find or self._find in each.tag.casefold()]
        self._tags = sorted(found, key=lambda each: (each.tag.casefold(), each.tag)) if self._by_name else found
        self.virtual_size = Size(0, len(self._tags) + 1)
        self._at = next(
            (at for at, each in enumerate(self._tags) if each.tag == held), min(self._at, len(self._tags) - 1)
        )
        self._at = max(0, self._at)
        self._settle()

    @property
    def _count(self) -> int:
        return len(self._tags)

    def render_line(self, y: int) -> Strip:
        """Return the head, then one line a tag."""
        width = self._width
        if y == 0:
            return self._strip(
                [Segment("  " + self._row("pictures", "shown", "tag"), self._style("head"))], self.rich_style
            )
        if not self._tags and y == 2:
            words = f"no tag has `{printable(self._find, 30)}` in it" if self._all else self._empty
            return self._strip([Segment(cut(f"  {words}", width), self._style("muted"))], self.rich_style)
        place = self.scroll_offset.y + y - 1
        if place >= len(self._tags):
            return self._strip([], self.rich_style)
        here, tag = place == self._at, self._tags[place]
        under = self._style("cursor") if here else self.rich_style
        mark = (
            Segment(MARKED, self._on("accent", under) + Style(bold=True))
            if tag.tag in self._marked
            else Segment(" ", under)
        )
        words = self._row(count(tag.pictures), count(tag.shown), printable(tag.tag, 300))
        return self._strip([Segment(CURSOR if here else " ", under), mark, Segment(words, under)], under)

    def _row(self, pictures: str, shown: str, tag: str) -> str:
        numbers = right(pictures, _COUNT) + (right(shown, _SHOWN) if self._width >= _WITH_SHOWN else "")
        return left(f"{numbers}  {tag}", max(0, self._width - 2))
