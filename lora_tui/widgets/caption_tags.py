"""The tags of one caption, with a cursor on one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.drawn_list import DrawnList
from lora_tui.wording.cell_width import cut
from lora_tui.wording.pane_terms import PaneTerms, Term
from trainer.text import printable

CURSOR = "▸"
# A tag longer than a line of the narrowest pane is cut: its end is seen where it is edited.
_LONGEST = 200


class CaptionTags(DrawnList, can_focus=True):
    """Shows tags one behind the other, in as many lines as they need; what the keys ask for comes as messages."""

    PARTS = "caption-tags"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "caption-tags--muted",
        "caption-tags--cursor",
    }

    DEFAULT_CSS = """
    CaptionTags {
        height: 1fr;
        min-height: 2;
        padding: 0 1;
        scrollbar-size-vertical: 1;
        & > .caption-tags--muted { color: $muted; }
        & > .caption-tags--cursor { background: $cursor-ground; text-style: bold; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("caption tags")
    TERMS: ClassVar[PaneTerms] = PaneTerms("caption", (Term(CURSOR, "the tag that the keys act on"),))

    @dataclass
    class LineAsked(Message):
        """A line to type into is asked for: the tag under the cursor (`renames`), or tags to be added behind it."""

        renames: bool

    @dataclass
    class Ordered(Message):
        """The tags are to be these."""

        tags: tuple[str, ...]
        at: int

    @dataclass
    class Left(Message):
        """The list of pictures is asked for."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tags: tuple[str, ...] = ()
        self.at = 0
        self._owner: object = None
        self._empty = ""
        self._lines: list[list[tuple[int, str]]] = []

    def show(self, owner: object, tags: Sequence[str], empty: str = "") -> None:
        """Show the tags of a caption.

        Args:
            owner: what it is the caption of; the cursor stays where it is while that is the same.
            tags: in their order.
            empty: stands there where there are none.
        """
        if owner != self._owner:
            self.at = 0
        self._owner, self.tags, self._empty = owner, tuple(tags), empty
        self.at = max(0, min(self.at, len(self.tags) - 1))
        self._lay_out()

    @property
    def current(self) -> str | None:
        """The tag under the cursor; None without any."""
        return self.tags[self.at] if self.at < len(self.tags) else None

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines anew."""
        self._lay_out()

    # What the keys do

    def action_leave(self) -> None:
        """Back to the list of pictures."""
        self.post_message(self.Left())

    def action_move(self, by: int) -> None:
        """Move the cursor by a number of tags."""
        self._go_to(self.at + by)

    def action_line(self, by: int) -> None:
        """Move the cursor to the line above or below, as near as there is a tag."""
        here = self._line_of(self.at)
        wanted = here + by
        if not 0 <= wanted < len(self._lines) or not self._lines[wanted]:
            return
        column = self._column_of(self.at)
        self._go_to(
            min((each for each, _ in self._lines[wanted]), key=lambda each: abs(self._column_of(each) - column))
        )

    def action_edge(self, place: int) -> None:
        """Move the cursor to the first tag (0) or the last (-1)."""
        self._go_to(0 if place == 0 else len(self.tags) - 1)

    def action_rename(self) -> None:
        """Ask for another name of the tag under the cursor."""
        if self.current is not None:
            self.post_message(self.LineAsked(True))

    def action_add(self) -> None:
        """Ask for tags behind the one under the cursor."""
        self.post_message(self.LineAsked(False))

    def action_delete(self) -> None:
        """Take the tag under the cursor out."""
        if self.current is not None:
            left = (*self.tags[: self.at], *self.tags[self.at + 1 :])
            self.post_message(self.Ordered(left, min(self.at, max(0, len(left) - 1))))

    def action_shift(self, by: int) -> None:
        """Move the tag under the cursor by places."""
        self._move_tag(self.at + by)

    def action_to_front(self) -> None:
        """Move the tag under the cursor to the front."""
        self._move_tag(0)

    def _move_tag(self, place: int) -> None:
        tag = self.current
        if tag is None or place == self.at or not 0 <= place < len(self.tags):
            return
        others = [*self.tags[: self.at], *self.tags[self.at + 1 :]]
        others.insert(place, tag)
        self.post_message(self.Ordered(tuple(others), place))

    # Lines

    def _go_to(self, at: int) -> None:
        self.at = max(0, min(at, len(self.tags) - 1))
        self._settle()

    def _settle(self) -> None:
        line, lines = self._line_of(self.at), max(1, self.scrollable_content_region.height)
        top = self.scroll_offset.y
        if line < top:
            top = line
        elif line >= top + lines:
            top = line - lines + 1
        self.scroll_to(y=top, animate=False, immediate=True, force=True)
        self.refresh()

    def _lay_out(self) -> None:
        room = max(8, self._width)
        self._lines, used = [[]], 0
        for each, tag in enumerate(self.tags):
            comma = "," if each + 1 < len(self.tags) else ""
            # A blank before each tag, or the cursor.
            text = cut(printable(tag, _LONGEST), room - 2) + comma
            if used and used + 1 + cell_len(text) > room:
                self._lines.append([])
                used = 0
            self._lines[-1].append((each, text))
            used += 1 + cell_len(text)
        self.virtual_size = Size(0, len(self._lines))
        self._settle()

    def _line_of(self, at: int) -> int:
        return next((line for line, parts in enumerate(self._lines) if parts and parts[-1][0] >= at), 0)

    def _column_of(self, at: int) -> int:
        parts = self._lines[self._line_of(at)] if self._lines else []
        return sum(1 + cell_len(text) for each, text in parts if each < at)

    def render_line(self, y: int) -> Strip:
        """Return one line of tags."""
        place = self.scroll_offset.y + y
        if not self.tags:
            words = self._empty if place == 0 else ""
            return self._strip([Segment(cut(words, self._width), self._style("muted"))], self.rich_style)
        if place >= len(self._lines):
            return self._strip([], self.rich_style)
        segments = []
        for each, text in self._lines[place]:
            here = each == self.at
            segments.append(
                Segment((CURSOR if here else " ") + text, self._style("cursor") if here else self.rich_style)
            )
        return self._strip(segments, self.rich_style)
