"""Lanes of doneness as bars over the epochs of a bake, with the band to aim for and the user's verdicts, and a cursor."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.pane import Pane
from lora_tui.wording.pane_terms import PaneTerms, Term
from trainer.doneness.record import LETTERS, DonenessLane, EpochState, SavedEpoch
from trainer.doneness.words import BAND_SIGN, legend, mark_signs, mark_words, shown_text

if TYPE_CHECKING:
    from trainer.doneness.record import Doneness

_COLOURS: Mapping[EpochState, str] = {
    EpochState.UNKNOWN: "$muted",
    EpochState.RAW: "$secondary",
    EpochState.FORMING: "$warning",
    EpochState.DONE: "$success",
    EpochState.OVER: "$error",
    EpochState.NO_SIGN: "$success",
    EpochState.MILD: "$warning",
    EpochState.STRONG: "$error",
}
_STATES: Mapping[EpochState, str] = {
    EpochState.UNKNOWN: "nothing that was measured places it",
    EpochState.RAW: "the part has hardly learned yet",
    EpochState.FORMING: "it is learning",
    EpochState.DONE: "it learns no more than the noise",
    EpochState.OVER: "more training made it worse",
    EpochState.NO_SIGN: "no sign of memorized pictures",
    EpochState.MILD: "mild signs of memorized pictures",
    EpochState.STRONG: "strong signs of memorized pictures",
}
_BAR, _GAP = "━", "·"
_ROW, _COLUMN = "▸", "▾"
_LEAST = 3


class DonenessView(Pane, can_focus=True):
    """The lanes of one bake. The cursor is at an epoch, and at a lane."""

    DEFAULT_CSS = """
    DonenessView {
        padding: 0 1;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("doneness lanes")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "lanes",
        (
            Term("epoch", "the saved epochs, from left to right"),
            Term("step", "the step at which each was saved"),
            Term("shown", "how often each picture was shown by then; a range where repeats differ"),
            *(Term(letter, f"{state.value}: {_STATES[state]}") for state, letter in LETTERS.items()),
            Term("aim for", f"{BAND_SIGN} where every lane that is placed is done"),
            Term("you call", "your verdicts on pictures of that epoch"),
        ),
    )

    class Moved(Message):
        """The cursor was moved to an epoch and a lane."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._doneness: Doneness | None = None
        self._epoch = self._lane = self._first = 0

    @property
    def epoch(self) -> int:
        """Place of the epoch under the cursor."""
        return self._epoch

    @property
    def lane(self) -> int:
        """Place of the lane under the cursor."""
        return self._lane

    def show(self, doneness: "Doneness") -> None:
        """Show a bake; the cursor stays, and starts where the band does, else at the last epoch."""
        first = self._doneness is None
        self._doneness = doneness
        if first:
            self._epoch = doneness.band.first if doneness.band is not None else len(doneness.epochs) - 1
        self._place_cursor(self._epoch, self._lane)
        self.refresh(layout=True)

    def action_move(self, epochs: int, lanes: int) -> None:
        """Move the cursor."""
        self._go_to(self._epoch + epochs, self._lane + lanes)

    def action_edge(self, end: int) -> None:
        """Move the cursor to the first epoch (0) or the last (-1)."""
        if self._doneness is not None:
            self._go_to(len(self._doneness.epochs) - 1 if end else 0, self._lane)

    def lines(self, width: int) -> list[Content]:
        """Return axis, lanes, band, verdicts and what the letters mean."""
        shown = self._doneness
        if shown is None or not shown.epochs:
            return []
        head = max(len(name) for name in (*(lane.title for lane in shown.lanes), *_HEADS)) + 3
        room = max(1, width - head)
        with_shown = self._cell(shown.epochs, exposures=True) * len(shown.epochs) <= room
        cell = self._cell(shown.epochs, exposures=with_shown)
        places = self._in_view(len(shown.epochs), max(1, room // cell))
        rows = [
            _row("", head, cell, [(_COLUMN if place == self._epoch else "", "bold") for place in places]),
            self._axis("epoch", head, cell, places, [epoch.label for epoch in shown.epochs]),
            self._axis("step", head, cell, places, [f"{epoch.step:,}" for epoch in shown.epochs]),
        ]
        if with_shown and any(epoch.exposures for epoch in shown.epochs):
            rows.append(self._axis("shown", head, cell, places, [shown_text(epoch) for epoch in shown.epochs]))
        rows += [self._bar(lane, at, head, cell, places) for at, lane in enumerate(shown.lanes)]
        if (band := shown.band) is not None:
            inside = [place for place in range(len(shown.epochs)) if band.first <= place <= band.last]
            marks = [(BAND_SIGN * (cell - 1) if place in inside else "", "$success") for place in places]
            rows.append(_row("aim for", head, cell, marks))
        if shown.marks:
            said = [(mark_signs(shown.marks, place), "$primary") for place in places]
            rows.append(_row("you call", head, cell, said))
        words = [text for text in (legend(shown), mark_words(shown)) if text]
        together = "   ".join(words)
        words = [together] if len(together) + 3 <= width else words
        return [*rows, *(Content.styled(f"   {text}", "$muted") for text in words)]

    def _cell(self, epochs: Sequence[SavedEpoch], *, exposures: bool) -> int:
        """Return the width of an epoch's column, with the gap before it."""
        texts = [text for epoch in epochs for text in (epoch.label, f"{epoch.step:,}")]
        texts += [shown_text(epoch) for epoch in epochs] if exposures else []
        return max(_LEAST, *map(len, texts)) + 1

    def _in_view(self, count: int, room: int) -> range:
        """Return the places that are in view: those around the cursor."""
        self._first = max(0, min(self._first, self._epoch, count - room))
        if self._epoch >= self._first + room:
            self._first = self._epoch - room + 1
        return range(self._first, min(count, self._first + room))

    def _axis(self, name: str, head: int, cell: int, places: range, texts: Sequence[str]) -> Content:
        styles = ["bold" if place == self._epoch else "$muted" for place in places]
        return _row(name, head, cell, [(texts[place], style) for place, style in zip(places, styles, strict=True)])

    def _bar(self, lane: DonenessLane, at: int, head: int, cell: int, places: range) -> Content:
        here = at == self._lane
        title = (f"{_ROW if here else ' '} {lane.title:<{head - 2}}", "bold" if here else "")
        if not lane.is_measured:
            return Content.assemble(title, (_GAP * 3 + " not placed: see below", "$muted"))
        parts: list[tuple[str, str]] = [title]
        for place in places:
            state = lane.epochs[place].state
            bar = _GAP if state is EpochState.UNKNOWN else _BAR
            text = LETTERS[state].center(cell - 1, bar) + " "
            parts.append((text, f"{_COLOURS[state]}{' bold' if place == self._epoch else ''}"))
        return Content.assemble(*parts)

    def _go_to(self, epoch: int, lane: int) -> None:
        if self._place_cursor(epoch, lane):
            self.post_message(self.Moved())

    def _place_cursor(self, epoch: int, lane: int) -> bool:
        """Put the cursor there, or as near as there is something; return whether there is anything."""
        shown = self._doneness
        if shown is None or not shown.epochs:
            return False
        self._epoch = max(0, min(len(shown.epochs) - 1, epoch))
        self._lane = max(0, min(len(shown.lanes) - 1, lane))
        self.redraw()
        return True


_HEADS = ("aim for", "you call")


def _row(name: str, head: int, cell: int, texts: Sequence[tuple[str, str]]) -> Content:
    """Return one line: a name, and a text with its style for each epoch, in the middle of its column."""
    cells = [(f"{text.center(cell - 1)} "[:cell], style) for text, style in texts]
    return Content.assemble((f"  {name:<{head - 2}}", "$muted"), *cells)
