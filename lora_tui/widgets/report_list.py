"""The report of an import or an export: entries under the heads of their lists, drawn line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.drawn_list import DrawnList
from lora_tui.wording.cell_width import cut, left
from lora_tui.wording.pane_terms import PaneTerms, Term, only
from lora_tui.wording.state_symbols import DONE, ENDED, FAILED, TRANSLATED, WARNING, Sign
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.wording.interop_report import ReportEntry, ReportPart

# Cells before a key: the cursor, and its blank.
_LEAD = 2
_MIN_KEY, _MAX_KEY = 10, 34
_MIN_VALUE, _MAX_VALUE = 8, 26


@dataclass(frozen=True)
class _Row:
    """A head, an entry, `none` below a head, or an empty line."""

    head: str = ""
    sign: Sign = ENDED
    entry: "ReportEntry | None" = None
    text: str = ""


class ReportList(DrawnList, can_focus=True):
    """A virtual list with a cursor that rests on entries only."""

    PARTS = "report-list"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "report-list--head",
        "report-list--muted",
        "report-list--to",
        "report-list--cursor",
    }

    DEFAULT_CSS = """
    ReportList {
        height: 1fr;
        scrollbar-size-vertical: 1;
        & > .report-list--head { color: $primary; text-style: bold; }
        & > .report-list--muted { color: $muted; }
        & > .report-list--to { color: $foreground; }
        & > .report-list--cursor { background: $cursor-ground; }
        &:focus > .report-list--cursor { background: $cursor-ground; text-style: bold; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("report list")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "report",
        (
            Term("first column", "the key of the other program, or the setting here"),
            Term("second column", "its value there"),
            Term("third column", "what became of it, and why"),
            Term(DONE.mark, "taken, or written"),
            *only(TRANSLATED),
            Term(ENDED.mark, "without effect here, or not needed there"),
            Term(WARNING.mark, "unknown, and not taken"),
            Term(FAILED.mark, "lost: the other trainer has nothing like it"),
        ),
    )

    @dataclass
    class Moved(Message):
        """The cursor rests on another entry, or on none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lists: tuple[ReportPart, ...] = ()
        self._filter = ""
        self._rows: list[_Row] = []
        self._at: int | None = None
        self._key_width = _MIN_KEY
        self._value_width = _MIN_VALUE

    def show(self, lists: "Sequence[ReportPart]") -> None:
        """Show these lists."""
        self._lists = tuple(lists)
        self._build()

    def filter(self, text: str) -> None:
        """Show only the keys with `text` in name, value, result or reason; "" shows all."""
        if text != self._filter:
            self._filter = text
            self._build()

    @property
    def current(self) -> "ReportEntry | None":
        """What is under the cursor; None where nothing is listed."""
        return self._rows[self._at].entry if self._at is not None else None

    @property
    def found(self) -> int:
        """How many entries are listed."""
        return len(self._places())

    def on_resize(self, event: events.Resize) -> None:
        """Fit the columns into the new width."""
        self._measure()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked key."""
        place = self.scroll_offset.y + event.y
        if place < len(self._rows) and self._rows[place].entry is not None:
            self._go_to(place)

    def action_move(self, by: int) -> None:
        """Move the cursor by a number of keys."""
        places = self._places()
        if places and self._at is not None:
            self._go_to(places[max(0, min(len(places) - 1, places.index(self._at) + by))])

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful."""
        self.action_move(by * max(1, self.size.height - 2))

    def action_edge(self, place: int) -> None:
        """Move the cursor to the first (0) or the last (-1) key."""
        if places := self._places():
            self._go_to(places[place])

    def action_list(self, number: int) -> None:
        """Bring list `number`, counted from 1, to the top, with the cursor on its first key."""
        heads = [place for place, row in enumerate(self._rows) if row.head]
        if number <= len(heads):
            self._show_list(heads[number - 1])

    def action_next_list(self, by: int) -> None:
        """Bring the next list (1) to the top, or the start of this one and then the previous one (-1)."""
        heads = [place for place, row in enumerate(self._rows) if row.head and self._rows[place + 1].entry is not None]
        here = self._at if self._at is not None else 0
        ahead = [head for head in heads if head > here] if by > 0 else [head for head in heads if head + 1 < here]
        if ahead:
            self._show_list(ahead[0 if by > 0 else -1])

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        place = self.scroll_offset.y + y
        row = self._rows[place] if place < len(self._rows) else _Row()
        if row.head:
            words = [Segment(f"{row.sign.mark} {row.head}", self._style("head"))]
            return self._strip(words, self.rich_style)
        if row.entry is None:
            return self._strip([Segment(row.text, self._style("muted"))], self.rich_style)
        here = place == self._at
        under = self._style("cursor") if here else self.rich_style
        return self._strip(self._entry_segments(row.entry, under, here=here), under)

    def _build(self) -> None:
        held = self.current
        self._rows, self._at = [], None
        for each in self._lists:
            shown = [entry for entry in each.entries if _matches(entry, self._filter.casefold())]
            count = f"{len(shown):,} of {len(each.entries):,}" if self._filter else f"{len(each.entries):,}"
            self._rows += [_Row()] if self._rows else []
            self._rows.append(_Row(f"{each.head}  {count}", each.sign))
            self._rows += [_Row(entry=entry) for entry in shown] or [_Row(text="  none")]
        places = self._places()
        if places:
            self._at = next((place for place in places if self._rows[place].entry == held), places[0])
        self.virtual_size = Size(0, len(self._rows))
        self._measure()
        if self._at is not None:
            self._go_to(self._at)
        else:
            self.post_message(self.Moved())

    def _measure(self) -> None:
        """Fit the columns: a third of the width each for key and value at most, the rest is what became of them."""
        third = self._width // 3
        entries = [entry for each in self._lists for entry in each.entries if entry.fate]
        # Not of what is printed in place of a control character: of 100,000 keys that would take a second.
        longest = max((cell_len(entry.name) for entry in entries), default=0)
        self._key_width = max(_MIN_KEY, min(longest, _MAX_KEY, third))
        longest = max((cell_len(entry.value[:_MAX_VALUE]) for entry in entries), default=0)
        self._value_width = max(_MIN_VALUE, min(longest, _MAX_VALUE, third - 4))
        self.refresh()

    def _places(self) -> list[int]:
        return [place for place, row in enumerate(self._rows) if row.entry is not None]

    def _go_to(self, place: int) -> None:
        self._at = place
        # The head of a list comes into view with its first key.
        top = place - 1 if self._rows[place - 1].head else place
        self.scroll_to_region(Region(0, top, 1, place - top + 1), animate=False, immediate=True, force=True)
        self.post_message(self.Moved())
        self.refresh()

    def _show_list(self, head: int) -> None:
        if self._rows[head + 1].entry is not None:
            self._go_to(head + 1)
        self.scroll_to(y=head, animate=False, immediate=True, force=True)

    def _entry_segments(self, entry: "ReportEntry", under: Style, *, here: bool) -> list[Segment]:
        lead = "▸" if here else " "
        if not entry.fate:
            return [Segment(cut(f"{lead} {printable(entry.name)}", self._width), under)]
        muted = self._on("muted", under)
        name = left(printable(entry.name), self._key_width)
        value = left(printable(entry.value, 200), self._value_width)
        segments = [Segment(f"{lead} {name}  ", under), Segment(f"{value}  ", muted)]
        if entry.to:
            # Under the same name the new value is enough.
            segments.append(Segment(f"→ {printable(entry.to.removeprefix(f'{entry.name} = '))}", self._on("to", under)))
        if entry.why:
            segments.append(Segment(f"{'  ' if entry.to else ''}{printable(entry.why)}", muted))
        used, room = 0, self._width
        kept: list[Segment] = []
        for segment in segments:
            text = cut(segment.text, room - used)
            kept.append(Segment(text, segment.style))
            used += cell_len(text)
        return kept


def _matches(entry: "ReportEntry", wanted: str) -> bool:
    return not wanted or any(wanted in text.casefold() for text in (entry.name, entry.value, entry.to, entry.why))
