"""Lists drawn line by line: the cells of a line, and the styles of its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

# A head, and what is said where there is nothing to list.
_LEAST_LINES = 2


class DrawnList(ScrollView):
    """A list of which only the lines in view are made into text."""

    PARTS: ClassVar[str]
    """The component class of a part is this, two hyphens, and the part."""

    _shares_lines = False

    def share_lines(self, shares: bool) -> None:
        """Take no more lines than there is to show, where others can use the rest; or all there are again."""
        self._shares_lines = shares
        self._limit_lines()

    def _limit_lines(self) -> None:
        """Keep to what there is to show, now that it is more or less."""
        wanted = max(_LEAST_LINES, self.virtual_size.height) + self.gutter.height
        self.styles.max_height = wanted if self._shares_lines else None

    @property
    def _width(self) -> int:
        """The cells that no scrollbar covers."""
        return self.scrollable_content_region.width

    def _strip(self, segments: Sequence[Segment], fill: Style | None = None) -> Strip:
        """Return a line of the list's width, filled up in the style of `fill`, None for the list's own."""
        return Strip(segments).adjust_cell_length(self._width, self.rich_style if fill is None else fill)

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"{self.PARTS}--{part}")

    def _on(self, part: str, under: Style) -> Style:
        """Return the ink of `part` on the ground of `under`."""
        return self._style(part) + Style(bgcolor=under.bgcolor, bold=under.bold)


class CursorList(DrawnList):
    """A list of lines below a head, with a cursor on one of them."""

    @dataclass
    class Moved(Message):
        """The cursor rests on another line, on a newer version of it, or on none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._at = 0

    @property
    def _count(self) -> int:
        """How many lines there are without the head."""
        raise NotImplementedError

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in view."""
        self._settle()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked line."""
        place = self.scroll_offset.y + event.y - 1
        if event.y > 0 and place < self._count:
            self._go_to(place)

    def action_move(self, by: int) -> None:
        """Move the cursor by a number of lines."""
        self._go_to(self._at + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful."""
        self._go_to(self._at + by * max(1, self._room - 1))

    def action_edge(self, place: int) -> None:
        """Move the cursor to the first line (0) or the last (-1)."""
        self._go_to(0 if place == 0 else self._count - 1)

    def _go_to(self, place: int) -> None:
        self._at = max(0, min(place, self._count - 1))
        self._settle()

    def _settle(self, *, repaint: bool = True) -> None:
        """Bring the cursor into view, and tell; paint again unless nothing is seen to differ."""
        top, lines = self.scroll_offset.y, self._room
        if self._at < top:
            top = self._at
        elif self._at >= top + lines:
            top = self._at - lines + 1
        self.scroll_to(y=top, animate=False, immediate=True, force=True)
        self.post_message(self.Moved())
        if repaint:
            self.refresh()

    @property
    def _room(self) -> int:
        """The lines below the head."""
        return max(1, self.scrollable_content_region.height - 1)
