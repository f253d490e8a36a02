"""The log: its last lines, folded at the width, never parsed as markup."""

import time
from collections import deque
from collections.abc import Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.drawn_list import DrawnList
from lora_tui.widgets.pane import heading
from lora_tui.wording.pane_terms import PaneTerms, Term, only
from lora_tui.wording.state_symbols import FAILED, WARNING
from trainer.journal.records import LogLine
from trainer.text import printable

_MAX_LINES = 2000
_SIGNS = {"warning": WARNING.mark, "error": FAILED.mark}
# Cells before the text: time and sign.
_INDENT = 9
# What one event puts into the log twice, as an error of a bake and the toast about it, lies no further apart.
_REPEATED_LINES, _REPEATED_SECONDS = 30, 10.0
# The journal counts its lines from 1.
_OWN = 0


class _Row(NamedTuple):
    time: str
    sign: str
    level: str
    text: str


class LogPane(DrawnList, can_focus=True):
    """The journal's lines and the program's own; follows the end until the user scrolls up."""

    PARTS = "log-pane"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "log-pane--time",
        "log-pane--warning",
        "log-pane--error",
    }

    DEFAULT_CSS = """
    LogPane {
        height: 1fr;
        min-height: 3;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .log-pane--time { color: $muted; }
        & > .log-pane--warning { color: $warning; }
        & > .log-pane--error { color: $error; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("log")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "log",
        (
            Term("12:38", "when it happened; what toasts showed stands here too"),
            *only(WARNING, FAILED),
        ),
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: deque[LogLine] = deque(maxlen=_MAX_LINES)
        self._folded: deque[list[_Row]] = deque(maxlen=_MAX_LINES)
        self._rows: list[_Row] = []
        self._last_id = 0
        self._of: int | None = None
        self._folded_at = 0
        self._following = True

    def on_mount(self) -> None:
        """Put the title up."""
        self.border_title = heading("log")

    def show(self, lines: Sequence[LogLine], of: int | None = None) -> None:
        """Add those of the journal's `lines` that are new, above the program's own that were written later.

        Args:
            lines: oldest first.
            of: number of the bake whose lines alone these are, None for all; where it is another than before they take the place
                of what was there.
        """
        if of != self._of:
            self._of = of
            self._forget()
        new = [line for line in lines if line.id > self._last_id]
        if new:
            self._last_id = new[-1].id
            later = self._take_own_after(new[0].seconds)
            # Each keeps its own order, whatever the clock did.
            self._append(list(merge(new, later, key=attrgetter("seconds"))))

    def append(self, text: str, level: str, seconds: float) -> None:
        """Append a line of the program's own, which is not in the journal."""
        self._append([LogLine(_OWN, None, seconds, level, text)])

    def note(self, text: str, level: str, seconds: float) -> None:
        """Append a line of the program's own unless one of the last moments holds it already, the journal's included."""
        last = islice(reversed(self._lines), _REPEATED_LINES)
        if not any(text in line.text and seconds - line.seconds < _REPEATED_SECONDS for line in last):
            self.append(text, level, seconds)

    def on_resize(self, event: events.Resize) -> None:
        """Fold the lines at the new width, and keep the end in view."""
        if self._width != self._folded_at:
            self._fold_all()
        self.call_after_refresh(self._follow)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end after scrolling there, and stop following after scrolling up."""
        super().watch_scroll_y(old_value, new_value)
        if new_value != old_value:
            self._following = new_value >= self.max_scroll_y

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        place = self.scroll_offset.y + y
        if not self._rows and y == 0:
            return self._strip([Segment(" nothing to report yet", self._style("time"))])
        if place >= len(self._rows):
            return self._strip([])
        row = self._rows[place]
        ink = self._style(row.level) if row.level in _SIGNS else self.rich_style
        return self._strip(
            [Segment(f" {row.time:<5} ", self._style("time")), Segment(f"{row.sign:<1} ", ink), Segment(row.text, ink)]
        )

    def _forget(self) -> None:
        """Forget the journal's lines, and follow the end of those to come."""
        own = [line for line in self._lines if line.id == _OWN]
        self._lines.clear()
        self._lines.extend(own)
        self._last_id, self._following = 0, True
        self._fold_all()

    def _take_own_after(self, seconds: float) -> list[LogLine]:
        """Take the program's own lines written after `seconds` from the end, and return them."""
        taken: list[LogLine] = []
        while self._lines and self._lines[-1].id == _OWN and self._lines[-1].seconds > seconds:
            taken.insert(0, self._lines.pop())
            self._folded.pop()
        return taken

    def _append(self, lines: Sequence[LogLine]) -> None:
        self._lines.extend(lines)
        if self._folded_at != self._width:
            self._fold_all()
        else:
            self._folded.extend(self._fold(line) for line in lines)
            self._settle()

    def _fold_all(self) -> None:
        self._folded_at = self._width
        self._folded = deque((self._fold(line) for line in self._lines), maxlen=_MAX_LINES)
        self._settle()

    def _settle(self) -> None:
        self._rows = [row for rows in self._folded for row in rows]
        self.virtual_size = Size(0, len(self._rows))
        self._limit_lines()
        self.refresh()
        self.call_after_refresh(self._follow)

    def _follow(self) -> None:
        if self._following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)

    def _fold(self, line: LogLine) -> list[_Row]:
        clock = time.strftime("%H:%M", time.localtime(line.seconds))
        texts = [piece.plain for piece in Content(printable(line.text)).wrap(max(10, self._width - _INDENT))] or [""]
        first = _Row(clock, _SIGNS.get(line.level, ""), line.level, texts[0])
        return [first, *(_Row("", "", line.level, text) for text in texts[1:])]
