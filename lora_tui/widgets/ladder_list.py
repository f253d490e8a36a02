"""The list of ladders, drawn line by line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.strip import Strip

from lora_tui.keymap import bindings
from lora_tui.widgets.drawn_list import CursorList
from lora_tui.wording.cell_width import cut, left, right
from lora_tui.wording.ladders import (
    LadderLine,
    RungStanding,
    counts,
    end_text,
    first_words,
    ladder_sign,
    rungs_text,
    title_text,
)

_CURSOR = "▸"
# Cells before the columns: cursor, sign, and blanks.
_LEAD = 4
_GAP = 1
# With less room the answer is left to the text below the list.
_LEAST_ANSWER = 24


@dataclass(frozen=True)
class _Column:
    """One column: what stands above it, its cells, its text, and whether numbers stand at its right end."""

    head: str
    width: int
    text: Callable[[LadderLine, float], str]
    is_number: bool = True


def _count(standing: RungStanding) -> Callable[[LadderLine, float], str]:
    def text(line: LadderLine, now: float) -> str:
        found = counts(line.state)[standing]
        return f"{found:,}" if found else ""

    return text


_COLUMNS = (
    _Column("no.", 4, lambda line, now: str(line.state.number)),
    _Column("title", 30, lambda line, now: title_text(line.state), is_number=False),
    _Column("done", 5, lambda line, now: rungs_text(line.state)),
    _Column("failed", 6, _count(RungStanding.FAILED)),
    _Column("waiting", 7, _count(RungStanding.WAITING)),
    _Column("twins", 5, lambda line, now: str(line.state.spec.twins)),
    _Column("ends", 9, lambda line, now: end_text(line.state, now)),
)
_TITLE = 1
_LEAST_TITLE, _MOST_TITLE = 12, 36


class LadderList(CursorList, can_focus=True):
    """A list with a cursor, which stays on its ladder whatever comes and goes around it."""

    PARTS = "ladder-list"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "ladder-list--head",
        "ladder-list--muted",
        "ladder-list--cursor",
        "ladder-list--live",
        "ladder-list--success",
        "ladder-list--warning",
        "ladder-list--error",
    }

    DEFAULT_CSS = """
    LadderList {
        height: 1fr;
        min-height: 3;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .ladder-list--head { color: $muted; }
        & > .ladder-list--muted { color: $muted; }
        & > .ladder-list--cursor { background: $cursor-ground; }
        &:focus > .ladder-list--cursor { background: $cursor-ground; text-style: bold; }
        & > .ladder-list--live { color: $live; }
        & > .ladder-list--success { color: $success; }
        & > .ladder-list--warning { color: $warning; }
        & > .ladder-list--error { color: $error; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("ladder list")

    @dataclass
    class Moved(CursorList.Moved):
        """The cursor rests on another ladder, on a newer version of it, or on none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[LadderLine] = ()
        self._now = 0.0
        self._empty = ""

    @property
    def current(self) -> LadderLine | None:
        """The ladder under the cursor, None where there is none."""
        return self._lines[self._at] if self._at < len(self._lines) else None

    @property
    def shown(self) -> Sequence[LadderLine]:
        """The ladders listed."""
        return self._lines

    def show(self, lines: Sequence[LadderLine], now: float, empty: str = "") -> None:
        """Show these ladders.

        Args:
            lines: in their order.
            now: epoch seconds.
            empty: stands there where there is none.
        """
        held = self.current
        self._lines, self._now, self._empty = lines, now, empty
        self.virtual_size = Size(0, len(lines) + 1)
        if held is not None:
            number = held.state.number
            place = next((at for at, line in enumerate(lines) if line.state.number == number), self._at)
            self._at = max(0, min(place, len(lines) - 1))
        else:
            self._at = 0
        self._settle()

    def go_to(self, number: int) -> None:
        """Put the cursor on a ladder, if it is listed."""
        for at, line in enumerate(self._lines):
            if line.state.number == number:
                self._go_to(at)
                return

    @property
    def _count(self) -> int:
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        """Return the head, then one line a ladder."""
        widths = _widths(self._width - _LEAD)
        if y == 0:
            heads = [_cell(column.head, column, width) for column, width in zip(_COLUMNS, widths, strict=False)]
            heads += ["answer"] if len(widths) > len(_COLUMNS) else []
            return self._strip([Segment(" " * _LEAD + (" " * _GAP).join(heads), self._style("head"))])
        if not self._lines and y == 2:
            return self._strip([Segment(cut(f"  {self._empty}", self._width), self._style("muted"))])
        place = self.scroll_offset.y + y - 1
        if place >= len(self._lines):
            return self._strip([])
        line, here = self._lines[place], place == self._at
        under = self._style("cursor") if here else self.rich_style
        return self._strip(self._segments(line, widths, under, here=here), under)

    def _segments(self, line: LadderLine, widths: Sequence[int], under: Style, *, here: bool) -> list[Segment]:
        sign = ladder_sign(line.state)
        cells = [
            _cell(column.text(line, self._now), column, width) for column, width in zip(_COLUMNS, widths, strict=False)
        ]
        segments = [
            Segment(f"{_CURSOR if here else ' '} ", under),
            Segment(f"{sign.mark} ", self._on(sign.colour.removeprefix("$"), under)),
            Segment((" " * _GAP).join(cells), under),
        ]
        if len(widths) > len(_COLUMNS):
            segments.append(Segment(" " * _GAP + left(first_words(line.answer), widths[-1]), self._on("muted", under)))
        return segments


def _widths(width: int) -> list[int]:
    """Return the cells of the columns, and behind them of the answer where there is room for it."""
    widths = [column.width for column in _COLUMNS]
    fixed = sum(widths) - widths[_TITLE] + _GAP * (len(widths) - 1)
    left_over = width - fixed
    if left_over - _MOST_TITLE - _GAP >= _LEAST_ANSWER:
        widths[_TITLE] = _MOST_TITLE
        return [*widths, left_over - _MOST_TITLE - _GAP]
    widths[_TITLE] = max(_LEAST_TITLE, left_over)
    return widths


def _cell(text: str, column: _Column, width: int) -> str:
    return right(text, width) if column.is_number else left(text, width)
