"""The rungs of a ladder: a line each, with the states of its bakes and the value of a measure, and a cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from lora_tui.keys.keymap import bindings
from lora_tui.plots.ladder_plot import CENTRE
from lora_tui.wording.cell_width import cut, left
from lora_tui.wording.ladders import NO_BAKE, bake_of_rung_sign, point_text, progress_text
from lora_tui.wording.pane_terms import PaneTerms, Term
from trainer.ladders.measures import curve_title
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry
    from trainer.ladders.record import BakeOfRung, LadderCurve, LadderState

_CURSOR = "▸"
_MIN_LABEL, _MAX_LABEL = 6, 24
# Cursor, sign, blank, number and a blank; while one runs, its percent too.
_BAKE, _PROGRESS = 9, 4
# Of what is beside the bakes, so much is kept for the values.
_VALUE = 9
_HEADS = ("bake", "twin")
_CUT = "cut"


@dataclass(frozen=True)
class _Row:
    """One rung: its place, its name, and its bakes by twin."""

    place: int
    label: str
    is_centre: bool
    bakes: "Mapping[int, BakeOfRung]"


class RungList(Widget, can_focus=True):
    """The rungs as a table. The cursor is at a rung, and at one of its bakes; it scrolls both ways."""

    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "rung-list--head",
        "rung-list--muted",
        "rung-list--cursor",
        "rung-list--centre",
        "rung-list--live",
        "rung-list--success",
        "rung-list--warning",
        "rung-list--error",
    }

    DEFAULT_CSS = """
    RungList {
        height: auto;
        padding: 0 1;
        & > .rung-list--head { color: $muted; }
        & > .rung-list--muted { color: $muted; }
        & > .rung-list--cursor { background: $cursor-ground; text-style: bold; }
        & > .rung-list--centre { text-style: bold; }
        & > .rung-list--live { color: $live; }
        & > .rung-list--success { color: $success; }
        & > .rung-list--warning { color: $warning; }
        & > .rung-list--error { color: $error; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("rung list")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "rungs",
        (
            Term(CENTRE, "the centre: the rung of the settings as they are"),
            Term(_HEADS[0], "number of the rung's first bake, and how far it is"),
            Term(f"{_HEADS[1]} 1", "the same with other random numbers"),
            Term(NO_BAKE.mark, "not queued"),
            Term(_CUT, "taken out of the ladder; what it baked is kept"),
            Term(
                "the last column",
                "the measure that is drawn above: its mean over the twins, and the interval of the noise",
            ),
        ),
    )

    @dataclass
    class Moved(Message):
        """The cursor rests on another bake or rung."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._state: LadderState | None = None
        self._known: Mapping[int, BakeEntry] = {}
        self._curve: LadderCurve | None = None
        self._rows: list[_Row] = []
        self._row = self._twin = 0
        self._top = self._first = 0

    @property
    def rung(self) -> int | None:
        """Place of the rung under the cursor among the ladder's rungs; None where there is none."""
        return self._rows[self._row].place if self._rows else None

    @property
    def bake(self) -> "BakeOfRung | None":
        """The bake under the cursor, None where there is none."""
        return self._rows[self._row].bakes.get(self._twin) if self._rows else None

    def show(self, state: "LadderState", known: "Mapping[int, BakeEntry]", curve: "LadderCurve | None") -> None:
        """Show a ladder; the cursor stays on its rung and twin.

        Args:
            state: how it stands.
            known: every bake by number.
            curve: the measure whose values stand beside the rungs, None for none.
        """
        before, height = self.rung, len(self._rows)
        first = self._state is None
        self._state, self._known, self._curve = state, known, curve
        self._rows = [
            _Row(place, printable(rung.label, 60), rung.is_centre, {each.twin: each for each in state.of_rung(place)})
            for place, rung in enumerate(state.spec.rungs)
        ]
        places = [row.place for row in self._rows]
        self._row = places.index(before) if before in places else 0
        self._follow()
        self.refresh(layout=len(self._rows) != height)
        if first or self.rung != before:
            self.post_message(self.Moved())

    def action_move(self, twins: int, rungs: int) -> None:
        """Move the cursor."""
        self._go_to(self._row + rungs, self._twin + twins)

    def action_edge(self, end: int) -> None:
        """Move the cursor to the first rung (0) or the last (-1)."""
        self._go_to(len(self._rows) - 1 if end else 0, self._twin)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked rung."""
        if 0 < event.y <= len(self._rows) - self._top:
            self._go_to(self._top + event.y - 1, self._twin)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in view."""
        self._follow()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return a line for the head and one for each rung."""
        return 1 + max(1, len(self._rows))

    def render_line(self, y: int) -> Strip:
        """Return the head, then one line a rung."""
        if y == 0:
            return self._strip(self._head())
        place = self._top + y - 1
        if place >= len(self._rows):
            return self._strip([])
        return self._strip(self._segments(place))

    def _head(self) -> list[Segment]:
        cells = [
            left(f"  {_HEADS[0] if twin == 0 else f'{_HEADS[1]} {twin}'}", self._bake_width) for twin in self._twins()
        ]
        value = "" if self._curve is None else curve_title(self._curve)
        room = self.content_size.width - self._label_width - sum(map(cell_len, cells))
        text = " " * self._label_width + "".join(cells) + cut(printable(value), max(0, room))
        return [Segment(text, self._style("head"))]

    def _segments(self, place: int) -> list[Segment]:
        row, here = self._rows[place], place == self._row
        under = self._style("cursor") if here else self.rich_style
        label = left(f" {CENTRE if row.is_centre else ' '} {row.label}", self._label_width)
        segments = [Segment(label, under + self._style("centre") if row.is_centre else under)]
        if not row.bakes:
            return [*segments, Segment(f"  {_CUT}", self._on("muted", under))]
        for twin in self._twins():
            segments += self._cell(row, twin, under, here=here and twin == self._twin)
        room = self.content_size.width - self._label_width - len(self._twins()) * self._bake_width
        segments.append(Segment(self._value(row.place, room), under))
        return segments

    def _cell(self, row: _Row, twin: int, under: Style, *, here: bool) -> list[Segment]:
        bake, width = row.bakes.get(twin), self._bake_width
        pointer = Segment(_CURSOR if here else " ", under)
        if bake is None:
            return [pointer, Segment(" " * (width - 1), under)]
        sign = bake_of_rung_sign(bake)
        entry = None if bake.bake is None else self._known.get(bake.bake)
        number = "" if bake.bake is None else f"{bake.bake:04d}"
        words = " ".join(filter(None, (number, progress_text(bake, entry))))
        return [
            pointer,
            Segment(f"{sign.mark} ", self._on(sign.colour.removeprefix("$"), under)),
            Segment(left(words, width - 3), under),
        ]

    def _value(self, rung: int, room: int) -> str:
        """Return the value of a rung, with its interval where there is room."""
        curve = self._curve
        point = None if curve is None else next((each for each in curve.points if each.rung == rung), None)
        if curve is None or point is None:
            return ""
        whole = point_text(curve, point)
        return whole if cell_len(whole) <= room else cut(point_text(curve, replace(point, low=None, high=None)), room)

    def _twins(self) -> Sequence[int]:
        """Return the twins whose columns are in view."""
        return range(self._first, min(self._count, self._first + self._room))

    @property
    def _count(self) -> int:
        """Columns of bakes."""
        twins = [twin for row in self._rows for twin in row.bakes]
        return max(twins, default=0) + 1

    @property
    def _room(self) -> int:
        """Columns of bakes that there is room for."""
        value = 0 if self._curve is None else _VALUE
        return max(1, (self.content_size.width - self._label_width - value) // self._bake_width)

    @property
    def _bake_width(self) -> int:
        runs = self._state is not None and any(each.state is not None and each.state.live for each in self._state.bakes)
        return _BAKE + _PROGRESS if runs else _BAKE

    @property
    def _label_width(self) -> int:
        longest = max((cell_len(row.label) for row in self._rows), default=0)
        return 4 + max(_MIN_LABEL, min(_MAX_LABEL, longest, max(_MIN_LABEL, self.content_size.width // 3)))

    def _go_to(self, row: int, twin: int) -> None:
        if not self._rows:
            return
        self._row = max(0, min(len(self._rows) - 1, row))
        self._twin = max(0, min(self._count - 1, twin))
        self._follow()
        self.refresh()
        self.post_message(self.Moved())

    def _follow(self) -> None:
        """Scroll so that the cursor is in view."""
        if not self.content_size.width or not self._rows:
            return
        self._twin = min(self._twin, self._count - 1)
        seen = max(1, self.content_size.height - 1)
        self._top = max(0, min(self._top, self._row, len(self._rows) - seen), self._row - seen + 1)
        room = self._room
        self._first = max(0, min(self._first, self._twin, self._count - room), self._twin - room + 1)

    def _strip(self, segments: list[Segment]) -> Strip:
        return Strip(segments).adjust_cell_length(self.content_size.width, self.rich_style)

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"rung-list--{part}")

    def _on(self, part: str, under: Style) -> Style:
        """Return the ink of `part` on the ground of `under`."""
        return self._style(part) + Style(bgcolor=under.bgcolor, bold=under.bold)
