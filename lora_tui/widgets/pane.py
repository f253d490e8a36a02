"""A titled pane of text laid out for its width: one rule above, no box."""

from collections.abc import Iterable, Sequence

from textual.content import Content
from textual.geometry import Region, Size
from textual.widget import Widget

from lora_tui.wording.state_symbols import Sign
from trainer.text import printable

COMPACT = "-compact"
"""Class of a screen without room for a title and several lines of each pane."""


class Pane(Widget):
    """Shows the lines that a subclass makes for a width; repaints only where they differ, lays out only where their number does."""

    DEFAULT_CSS = """
    Pane {
        height: auto;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    title = ""
    """The title in the rule above; empty for none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: list[Content] = []

    def on_mount(self) -> None:
        """Put the title up."""
        if self.title:
            self.border_title = heading(self.title)

    def lines(self, width: int) -> list[Content]:
        """Return the lines for `width` columns; none if there is nothing to show."""
        return []

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of lines."""
        return len(self.lines(width))

    def render(self) -> Content:
        """Return the lines as one text."""
        self._drawn = self.lines(self.content_size.width)
        return Content("\n").join(self._drawn)

    def redraw(self) -> None:
        """Draw again if the lines differ from those drawn."""
        lines = self.lines(self.content_size.width)
        before, self._drawn = self._drawn, lines
        if len(lines) != len(before):
            self.refresh(layout=True)
            return
        others = [y for y, line in enumerate(lines) if not line.is_same(before[y])]
        if others:
            self.refresh(*(Region(0, y, self.content_size.width, 1) for y in others))


def heading(*parts: str | tuple[str, str]) -> Content:
    """Return a title with a space on either side, for the rule."""
    return Content.assemble(" ", *parts, " ")


def signed_lines(facts: Iterable[tuple[Sign, str]]) -> list[Content]:
    """Return a line for each fact, behind the sign that says how it stands."""
    return [Content.assemble((f"{sign.mark} ", sign.colour), printable(text)) for sign, text in facts]


def first_that_fit(parts: Sequence[Content], width: int, gap: str) -> Content:
    """Return one line with as many of the first `parts` as fit whole, `gap` between them; the first is cut where it alone does not."""
    line = parts[0].truncate(max(1, width), ellipsis=True) if parts else Content("")
    for part in parts[1:]:
        if line.cell_length + len(gap) + part.cell_length > width:
            break
        line = Content.assemble(line, gap, part)
    return line


def rows_that_fit(parts: Sequence[Content], width: int, gap: str, most: int) -> list[Content]:
    """Return as many of the first `parts` as fit whole in `most` lines, `gap` between those of one line."""
    rows: list[Content] = []
    for part in parts:
        if rows and rows[-1].cell_length + len(gap) + part.cell_length <= width:
            rows[-1] = Content.assemble(rows[-1], gap, part)
        elif len(rows) == most:
            break
        else:
            rows.append(part.truncate(max(1, width), ellipsis=True))
    return rows or [Content("")]


def spread(width: int, left: Content, right: Content) -> Content:
    """Return one line with `left` at the left and `right` at the right end; `left` is cut if both do not fit."""
    room = width - right.cell_length
    if room <= 1:
        return left.truncate(width, ellipsis=True)
    left = left.truncate(room - 1, ellipsis=True)
    return Content.assemble(left, " " * (room - left.cell_length), right)
