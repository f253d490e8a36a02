"""List of settings, one line each, drawn line by line: a widget per field took 0.6 s to mount, this takes none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.drawn_list import DrawnList
from lora_tui.wording.numbers import unit_for
from lora_tui.wording.pane_terms import PaneTerms, Term
from lora_tui.wording.state_symbols import FAILED
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.settings.describe import FieldInfo

CHANGED = "•"
"""Differs from the last bake."""
UNSAVED = "*"
"""Edited since the file was read or written."""

# Cells of the longest label, the two before it, and the two that keep an option's name off it.
_LABEL = 22
_LABEL_COLUMN = 2 + _LABEL + 2
_NAME = 34
_UNIT = 9
_MARKS = 3
# Cells that a value keeps beside label and name, its unit and marks included.
_MIN_VALUE = 18
# Cells of an option's name with less of which it is left out.
_MIN_NAME = 12
# Lines under a field: more of them would push the fields behind out of view.
_MAX_LINES_BELOW = 4


@dataclass(frozen=True)
class FormState:
    """What the form shows.

    Attributes:
        values: name -> value as text.
        inherited: name of a blank field -> what is used in its place.
        changed: names that differ from the last bake.
        unsaved: names edited since the file was read or written.
        wrong: name of the field that `error` is about; empty without one.
        error: what is wrong with it.
        below: name -> text shown under a field.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    inherited: Mapping[str, str] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    unsaved: frozenset[str] = frozenset()
    wrong: str = ""
    error: str = ""
    below: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Row:
    kind: Literal["space", "section", "field", "name", "error", "below", "note"]
    text: str = ""
    info: "FieldInfo | None" = None


class FieldList(DrawnList, can_focus=True):
    """A virtual list of fields under section heads, with a cursor that rests on fields only.

    Each field has its option's name beside its label. Where that does not fit, it is on the line below: of the field under the cursor, and of each field that a search finds.
    """

    PARTS = "field-list"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "field-list--section",
        "field-list--name",
        "field-list--unit",
        "field-list--inherited",
        "field-list--changed",
        "field-list--unsaved",
        "field-list--error",
        "field-list--cursor",
    }

    DEFAULT_CSS = """
    FieldList {
        height: 1fr;
        scrollbar-size-vertical: 1;
        & > .field-list--section { color: $primary; }
        & > .field-list--name { color: $muted; }
        & > .field-list--unit { color: $muted; }
        & > .field-list--inherited { color: $muted; }
        & > .field-list--changed { color: $secondary; text-style: bold; }
        & > .field-list--unsaved { color: $warning; text-style: bold; }
        & > .field-list--error { color: $error; }
        & > .field-list--cursor { background: $cursor-ground; }
        &:focus > .field-list--cursor { background: $cursor-ground; text-style: bold; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("form")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "settings",
        (
            Term(CHANGED, "differs from the last bake"),
            Term(UNSAVED, "edited, not saved"),
            Term("grey", "not set: the value that follows from other settings, or the default"),
            Term("–", "not set, and nothing follows"),
        ),
    )

    @dataclass
    class Moved(Message):
        """The cursor rests on another field."""

        name: str

    @dataclass
    class Chosen(Message):
        """The field under the cursor is to be edited."""

        name: str

    @dataclass
    class Turned(Message):
        """The next (1) or the previous (-1) option is asked for."""

        name: str
        by: int

    @dataclass
    class ResetAsked(Message):
        """A field is to be reset to its saved value."""

        name: str

    def __init__(self, *, notes: "Mapping[str, str] | None" = None, id: str | None = None) -> None:
        """Start without fields.

        Args:
            notes: section -> what stands beside its head, such as the key that does something about it.
            id: of the widget.
        """
        super().__init__(id=id)
        self._notes = notes or {}
        self._infos: tuple[FieldInfo, ...] = ()
        self._state = FormState()
        self._found: tuple[str, ...] | None = None
        self._beside: tuple[str, ...] = ()
        self._rows: list[_Row] = []
        self._cursor = ""

    @property
    def cursor(self) -> str:
        """Name of the field under the cursor; empty without fields."""
        return self._cursor

    def show(self, infos: "Sequence[FieldInfo]", state: FormState) -> None:
        """Show `infos` with the values of `state`."""
        given = tuple(infos)
        if given == self._infos and state == self._state:
            return
        self._infos, self._state = given, state
        self._build()

    def show_found(self, names: Sequence[str], notes: Sequence[str] = ()) -> None:
        """Show only the fields of these names, in this order, and above them a line for each of `notes`."""
        self._found, self._beside = tuple(names), tuple(notes)
        self._build()

    def show_all(self) -> None:
        """Show every field in its section again."""
        self._found, self._beside = None, ()
        self._build()

    def go_to(self, name: str) -> None:
        """Put the cursor on field `name` and scroll it into view."""
        if name not in self._names():
            return
        if name != self._cursor:
            self._cursor = name
            # The line with the option's name moves with the cursor.
            self._build()
            self.post_message(self.Moved(name))
        places = [place for place, row in enumerate(self._rows) if row.info is not None and row.info.name == name]
        first, last = places[0], places[-1]
        # The head of a section, and what is wrong with the field, come into view with it.
        head = first - 1 if first and self._rows[first - 1].kind == "section" else first
        self.scroll_to_region(Region(0, head, 1, last - head + 1), animate=False, immediate=True, force=True)

    def value_region(self, name: str) -> Region | None:
        """Return where the value of `name` stands, in cells of this widget; None while it is out of view."""
        for place, row in enumerate(self._rows):
            if row.kind == "field" and row.info is not None and row.info.name == name:
                y = place - self.scroll_offset.y
                if not 0 <= y < self.size.height:
                    return None
                left = 2 if row.info.kind in ("text", "path", "list") else self._value_left(row.info)
                return Region(left, y, max(4, self.size.width - left - 1), 1)
        return None

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        width = self.size.width
        place = self.scroll_offset.y + y
        row = self._rows[place] if place < len(self._rows) else _Row("space")
        if row.kind == "space" or (row.kind == "field" and row.info is None):
            return Strip.blank(width, self.rich_style)
        if row.kind == "section":
            head = [Segment(f" {row.text}", self._style("section"))]
            if note := self._notes.get(row.text):
                head.append(Segment(f"   {note}", self._style("inherited")))
            return self._strip(head, self.rich_style)
        if row.kind in ("error", "below", "note"):
            ink = self._style({"error": "error", "below": "inherited", "note": "changed"}[row.kind])
            return self._strip([Segment(row.text, ink)], self.rich_style)
        assert row.info is not None
        under = self._style("cursor") if row.info.name == self._cursor else self.rich_style
        if row.kind == "name":
            return self._strip([Segment(f"    {row.text}", self._on("name", under))], under)
        return self._strip(self._field(row.info, under), under)

    def on_resize(self, event: events.Resize) -> None:
        """Fold the error line at the new width, and keep the cursor in view."""
        self._build()
        self.go_to(self._cursor)
        # An editor over it moves along.
        self.post_message(self.Moved(self._cursor))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked field; a second click edits it."""
        place = self.scroll_offset.y + event.y
        info = self._rows[place].info if place < len(self._rows) else None
        if info is None:
            return
        if info.name == self._cursor:
            self.action_choose()
        else:
            self.go_to(info.name)

    def action_move(self, by: int) -> None:
        """Move the cursor by a number of fields."""
        names = self._names()
        if names:
            here = names.index(self._cursor) if self._cursor in names else 0
            self.go_to(names[max(0, min(len(names) - 1, here + by))])

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful."""
        self.action_move(by * max(1, self.size.height - 2))

    def action_section(self, by: int) -> None:
        """Move the cursor to the start of the next section (1), or of its own and then of the previous one (-1)."""
        fields = [row.info for row in self._rows if row.kind == "field" and row.info is not None]
        names = [info.name for info in fields]
        if not names:
            return
        here = names.index(self._cursor) if self._cursor in names else 0
        heads = [place for place, info in enumerate(fields) if not place or fields[place - 1].section != info.section]
        if by > 0:
            self._bring_up(names[next((head for head in heads if head > here), -1)])
        else:
            self._bring_up(names[next((head for head in reversed(heads) if head < here), 0)])

    def action_edge(self, place: int) -> None:
        """Move the cursor to the first (0) or the last (-1) field."""
        names = self._names()
        if names:
            self.go_to(names[place])

    def action_choose(self) -> None:
        """Ask for the field under the cursor to be edited."""
        if self._cursor:
            self.post_message(self.Chosen(self._cursor))

    def action_turn(self, by: int) -> None:
        """Ask for another option."""
        if self._cursor:
            self.post_message(self.Turned(self._cursor, by))

    def action_put_back(self) -> None:
        """Ask for the saved value."""
        if self._cursor:
            self.post_message(self.ResetAsked(self._cursor))

    def _bring_up(self, name: str) -> None:
        """Put the cursor on `name`, with the head of its section in the first line."""
        self.go_to(name)
        place = next(place for place, row in enumerate(self._rows) if row.info is not None and row.info.name == name)
        if place and self._rows[place - 1].kind == "section":
            self.scroll_to(y=place - 1, animate=False, immediate=True, force=True)

    def _names(self) -> list[str]:
        return [row.info.name for row in self._rows if row.kind == "field" and row.info is not None]

    def _build(self) -> None:
        searching = self._found is not None
        rows = [_Row("note", line) for text in self._beside for line in self._folded(text)]
        section = ""
        for info in self._shown():
            # What is found stands in the order of likelihood; the note below the list names the section.
            if info.section != section and not searching:
                rows += [_Row("space")] if rows else []
                rows.append(_Row("section", info.section))
                section = info.section
            rows.append(_Row("field", info=info))
            # What a search finds, it may have found by its name.
            if (info.name == self._cursor or searching) and cell_len(info.name) > self._name_cells():
                rows.append(_Row("name", info.name, info))
            if info.name == self._state.wrong:
                rows += [_Row("error", text, info) for text in self._error_lines()]
            rows += [_Row("below", text, info) for text in self._lines_below(info.name)]
        self._rows = rows
        self.virtual_size = Size(0, len(rows))
        names = self._names()
        if names and self._cursor not in names:
            self.go_to(names[0])
        self.refresh()

    def _shown(self) -> "Sequence[FieldInfo]":
        """Return the fields that are listed, in their order."""
        if self._found is None:
            return self._infos
        by_name = {info.name: info for info in self._infos}
        return [by_name[name] for name in self._found if name in by_name]

    def _folded(self, text: str) -> list[str]:
        return [f"  {piece.plain}" for piece in Content(printable(text)).wrap(max(8, self.size.width - 3))]

    def _error_lines(self) -> list[str]:
        pieces = Content(printable(self._state.error)).wrap(max(8, self.size.width - 6))
        return [f"   {FAILED.mark if place == 0 else ' '} {piece.plain}" for place, piece in enumerate(pieces)]

    def _lines_below(self, name: str) -> list[str]:
        pieces = Content(printable(self._state.below.get(name, ""))).wrap(max(8, self.size.width - 6))
        lines = [f"     {piece.plain}" for piece in pieces if piece.plain]
        return (
            lines
            if len(lines) <= _MAX_LINES_BELOW
            else [*lines[: _MAX_LINES_BELOW - 1], f"{lines[_MAX_LINES_BELOW - 1]} …"]
        )

    def _field(self, info: "FieldInfo", under: Style) -> list[Segment]:
        name, state = info.name, self._state
        wrong = name == state.wrong
        left = [Segment(f"  {info.label}", under)]
        if name_cells := self._name_cells():
            left = [
                Segment(set_cell_size(f"  {_shortened(info.label, _LABEL)}", _LABEL_COLUMN), under),
                Segment(_shortened(name, name_cells), self._on("name", under)),
            ]
        used = sum(cell_len(segment.text) for segment in left)
        value = printable(state.values.get(name, ""))
        ink = self._on("error", under) if wrong else under
        if not value:
            value, ink = printable(state.inherited.get(name, "")) or "–", self._on("inherited", under)
        unit = _unit(info, value)
        marks = [
            Segment(CHANGED if name in state.changed else " ", self._on("changed", under)),
            Segment(UNSAVED if name in state.unsaved else " ", self._on("unsaved", under)),
        ]
        room = self.size.width - used - _MARKS - 1
        number_room = room - _UNIT
        if unit or cell_len(value) <= number_room:
            text = _right(value, number_room, keep_end=info.kind == "path")
            tail = Segment(f" {unit:<{_UNIT - 1}}", self._on("unit", under))
        else:
            text, tail = _right(value, room - 1, keep_end=info.kind == "path"), Segment(" ", under)
        return [*left, Segment(" ", under), Segment(text, ink), tail, *marks]

    def _name_cells(self) -> int:
        """Return the cells of the names beside the labels, 0 in a list too narrow for them."""
        cells = min(_NAME, self.size.width - _LABEL_COLUMN - _MIN_VALUE)
        return cells if cells >= _MIN_NAME else 0

    def _value_left(self, info: "FieldInfo") -> int:
        """Return where an editor begins: over all of the value, which in a narrow list begins left of the others' column."""
        shown = printable(self._state.values.get(info.name, "") or self._state.inherited.get(info.name, ""))
        begin = self.size.width - _MARKS - _UNIT - cell_len(shown)
        return max(cell_len(info.label) + 3, min(_LABEL_COLUMN + self._name_cells(), begin))

    @property
    def _width(self) -> int:
        """All cells: a line is as wide with a scrollbar as without."""
        return self.size.width


def _shortened(text: str, cells: int) -> str:
    """Return `text` without its end where it is longer than `cells`."""
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1) + "…"


def _right(text: str, room: int, *, keep_end: bool) -> str:
    """Return `text` at the right of `room` cells; of one too long the end or the beginning is kept."""
    length = cell_len(text)
    if length <= room:
        return " " * (room - length) + text
    if room < 2:
        return " " * max(0, room)
    if keep_end:
        while text and cell_len(text) > room - 1:
            text = text[1:]
        return set_cell_size(f"…{text}", room)
    return set_cell_size(set_cell_size(text, room - 1).rstrip() + "…", room)


def _unit(info: "FieldInfo", value: str) -> str:
    """Return the unit of a value; with `steps or %` a share has its sign in the value itself."""
    if not value or value == "–" or not info.unit:
        return ""
    return "" if value.endswith("%") or "," in value else unit_for(value, info.unit.split(" or ")[0])
