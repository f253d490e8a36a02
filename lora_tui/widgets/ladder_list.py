"""The list of ladders, drawn line by line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
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
from lora_tui.wording.pane_terms import PaneTerms, Term

_CURSOR = "▸"
# Cells before the columns: cursor, sign, and blanks.
_LEAD = 4
_GAP = 1
# With less room the answer is left to the text below the list.
_LEAST_ANSWER = 24


@dataclass(frozen=True)
class _Column:
    """One column: what stands above it, its cells, what it says, its text, whether numbers stand at its right end, and whether it is left out while it is empty."""

    head: str
    width: int
    means: str
    text: Callable[[LadderLine, float], str]
    is_number: bool = True
    may_be_left_out: bool = False


def _count(standing: RungStanding) -> Callable[[LadderLine, float], str]:
    def text(line: LadderLine, now: float) -> str:
        found = counts(line.state)[standing]
        return f"{found:,}" if found else ""

    return text


_COLUMNS = (
    _Column("no.", 4, "number of the ladder", lambda line, now: str(line.state.number)),
    _Column("title", 30, "what it asks, or your title", lambda line, now: title_text(line.state), is_number=False),
    _Column("done", 5, "rungs baked, of how many", lambda line, now: rungs_text(line.state)),
    _Column("failed", 6, "rungs of which a bake ended early", _count(RungStanding.FAILED), may_be_left_out=True),
    _Column("waiting", 7, "rungs that are queued or held", _count(RungStanding.WAITING), may_be_left_out=True),
    _Column(
        "twins",
        5,
        "bakes of each rung that differ in random numbers alone; what they differ by is the noise",
        lambda line, now: str(line.state.spec.twins),
    ),
    _Column(
        "ends",
        9,
        "when the last bake is expected to end; ? until its speed is known",
        lambda line, now: end_text(line.state, now),
        may_be_left_out=True,
    ),
)
_TITLE = 1
_ANSWER = "answer"
_LEAST_TITLE, _MOST_TITLE = 12, 48


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
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "ladders",
        (
            Term(_CURSOR, "the cursor"),
            *(Term(column.head, column.means) for column in _COLUMNS),
            Term(_ANSWER, "what the ladder says, as far as it stands out from the noise"),
        ),
    )

    @dataclass
    class Moved(CursorList.Moved):
        """The cursor rests on another ladder, on a newer version of it, or on none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[LadderLine] = ()
        self._now = 0.0
        self._empty = ""
        self._columns: Sequence[_Column] = _COLUMNS
        self._longest = _LEAST_TITLE

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
        # What no ladder has leaves its cells to the titles.
        self._columns = [
            column
            for column in _COLUMNS
            if not (lines and column.may_be_left_out) or any(column.text(line, now) for line in lines)
        ]
        self._longest = max((cell_len(title_text(line.state)) for line in lines), default=_LEAST_TITLE)
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
        shown = _that_fit(self._columns, self._width - _LEAD)
        widths = _widths(self._width - _LEAD, shown, self._longest)
        if y == 0:
            heads = [_cell(column.head, column, width) for column, width in zip(shown, widths, strict=False)]
            heads += [_ANSWER] if len(widths) > len(shown) else []
            return self._strip([Segment(" " * _LEAD + (" " * _GAP).join(heads), self._style("head"))])
        if not self._lines and y == 2:
            return self._strip([Segment(cut(f"  {self._empty}", self._width), self._style("muted"))])
        place = self.scroll_offset.y + y - 1
        if place >= len(self._lines):
            return self._strip([])
        line, here = self._lines[place], place == self._at
        under = self._style("cursor") if here else self.rich_style
        return self._strip(self._segments(line, shown, widths, under, here=here), under)

    def _segments(
        self, line: LadderLine, shown: "Sequence[_Column]", widths: Sequence[int], under: Style, *, here: bool
    ) -> list[Segment]:
        sign = ladder_sign(line.state)
        cells = [
            _cell(column.text(line, self._now), column, width) for column, width in zip(shown, widths, strict=False)
        ]
        segments = [
            Segment(f"{_CURSOR if here else ' '} ", under),
            Segment(f"{sign.mark} ", self._on(sign.colour.removeprefix("$"), under)),
            Segment((" " * _GAP).join(cells), under),
        ]
        if len(widths) > len(shown):
            segments.append(Segment(" " * _GAP + left(first_words(line.answer), widths[-1]), self._on("muted", under)))
        return segments


def _that_fit(columns: Sequence[_Column], width: int) -> Sequence[_Column]:
    """Return the columns that fit whole beside a short title; the last ones go first."""
    now = list(columns)
    least = [_LEAST_TITLE if place == _TITLE else column.width for place, column in enumerate(columns)]
    while len(now) > _TITLE + 2 and sum(least[: len(now)]) + _GAP * (len(now) - 1) > width:
        now.pop()
    return now


def _widths(width: int, columns: Sequence[_Column], longest: int) -> list[int]:
    """Return the cells of the columns, and behind them of the answer where there is room for it.

    Args:
        width: of all together.
        columns: that are shown.
        longest: cells of the longest title.
    """
    widths = [column.width for column in columns]
    fixed = sum(widths) - widths[_TITLE] + _GAP * (len(widths) - 1)
    left_over = width - fixed
    title = max(_LEAST_TITLE, min(longest, _MOST_TITLE))
    if left_over - title - _GAP >= _LEAST_ANSWER:
        widths[_TITLE] = title
        return [*widths, left_over - title - _GAP]
    widths[_TITLE] = max(_LEAST_TITLE, left_over)
    return widths


def _cell(text: str, column: _Column, width: int) -> str:
    return right(text, width) if column.is_number else left(text, width)
