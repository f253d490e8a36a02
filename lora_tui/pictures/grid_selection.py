"""The grid that is shown, the picture under the cursor, and what was judged of it. Plain data; the screens draw it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lora_tui.pictures.grid_model import BlindOrder, GridView, Sheet
from trainer.grid.cell import Place
from trainer.journal.grid_records import CellNote, Grid, GridState
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.gallery.sidecar import MadeCell, MadeGrid

VERDICT_KEYS = {"1": "under", "2": "right", "3": "over"}
"""Which key gives which verdict on a picture."""

_NO_PICTURES = (0, 0, 0, 0)


class GridSelection:
    """One grid at a time with its notes; shared by the screens that show it.

    Args:
        cursor: returns where the cursor is on the screen; in blind mode that is not the picture's own place.
        write_note: writes a changed note; returns False where this screen may not, and the note stays as it was.
        clock: epoch seconds now.
    """

    def __init__(
        self, cursor: Callable[[], Place], write_note: Callable[[CellNote], bool], clock: Callable[[], float]
    ) -> None:
        self._cursor = cursor
        self._write_note = write_note
        self._clock = clock
        self._watchers: list[Callable[[], object]] = []
        self._notes: dict[str, CellNote] = {}
        self._sheet: Sheet | None = None
        self.number: int | None = None
        """Number of the grid opened, None before one is."""
        self.view: GridView | None = None
        """The grid as last read, None before that."""
        self.order = BlindOrder(_NO_PICTURES)
        """Which picture is shown where."""
        self.marked = ""
        """Name of the place marked for comparison, "" for none."""
        self.part = ""
        """Field of the note that the next verdict goes to, "" for the picture as a whole."""

    @property
    def grid(self) -> Grid | None:
        """The row of the grid shown, None before it is read."""
        return self.view.grid if self.view is not None else None

    @property
    def made(self) -> "MadeGrid | None":
        """The sidecar of the grid shown, None before it is written."""
        return self.view.made if self.view is not None else None

    @property
    def checklist(self) -> tuple[str, ...]:
        """What to look for in the subject's pictures."""
        return self.view.checklist if self.view is not None else ()

    @property
    def proposed(self) -> Mapping[str, bool]:
        """What a tagger proposes for the picture under the cursor: item of the checklist -> whether it is there."""
        note = self.note
        if self.view is None or note is None or note.cell not in self.view.proposed:
            return {}
        return self.view.proposed[note.cell].ticks

    @property
    def blind(self) -> bool:
        """Whether labels are hidden and the order is shuffled."""
        return self.order.blind

    @property
    def notes(self) -> Mapping[str, CellNote]:
        """Name of a place -> what was judged of its picture, with what was just typed."""
        return self._notes

    @property
    def place(self) -> Place | None:
        """The true place of the picture under the cursor, None without pictures."""
        if self.view is None or not self.view.cells:
            return None
        return self.order.place_at(self._cursor())

    @property
    def cell(self) -> "MadeCell | None":
        """The picture under the cursor, made or still to come."""
        place = self.place
        return self.view.cells.get(place) if self.view is not None and place is not None else None

    @property
    def note(self) -> CellNote | None:
        """What was judged of the picture under the cursor, None without a picture."""
        cell = self.cell
        return self.note_of(cell.place) if cell is not None else None

    @property
    def marked_cell(self) -> "MadeCell | None":
        """The picture marked for comparison."""
        cells = self.view.cells.values() if self.view is not None else ()
        return next((cell for cell in cells if cell.place.name == self.marked), None)

    @property
    def sheet(self) -> Sheet | None:
        """The grid as it is drawn; another object after each change but that of the cursor."""
        if self._sheet is None and self.view is not None:
            self._sheet = Sheet(self.view, self.order, dict(self._notes), self.marked)
        return self._sheet

    @property
    def empty_text(self) -> str:
        """What to show in place of the pictures of the grid that is open; "" where there are some."""
        view = self.view
        if view is None:
            return "reading …"
        if view.trouble:
            return printable(view.trouble)
        if view.grid.state is GridState.FAILED:
            return printable(view.grid.error)
        return "" if view.made is not None else "no pictures yet"

    def note_of(self, place: Place) -> CellNote:
        """Return what was judged of the picture of `place`."""
        number = self.view.grid.number if self.view is not None else 0
        return self._notes.get(place.name, CellNote(number, place.name))

    def watch(self, watcher: Callable[[], object]) -> None:
        """Call `watcher` after every change of the grid, the notes, the mode or the cursor."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[], object]) -> None:
        """Stop calling `watcher`."""
        self._watchers.remove(watcher)

    def open_grid(self, number: int) -> None:
        """Forget the grid shown; the view of grid `number` follows."""
        self.number = number
        self.view, self._notes, self.marked, self.part = None, {}, "", ""
        self.order = BlindOrder(_NO_PICTURES)
        self._redraw()

    def replace_view(self, view: GridView) -> None:
        """Show `view`, unless it is of a grid that is no longer open."""
        if view.grid.number != self.number:
            return
        self.view = view
        # What was typed a moment ago may not have been written yet when the thread read.
        newer = {name: note for name, note in self._notes.items() if note.seconds > _seconds(view.notes.get(name))}
        self._notes = {**view.notes, **newer}
        if view.shape != self.order.shape:
            self.order = BlindOrder(view.shape, self.order.shuffled_by)
        self._redraw()

    def cursor_moved(self) -> None:
        """Call the watchers: the cursor is on another picture."""
        for watcher in tuple(self._watchers):
            watcher()

    def change_note(self, note: CellNote) -> None:
        """Keep what is judged of a picture now, unless this screen may not."""
        noted = replace(note, seconds=self._clock())
        if self._write_note(noted):
            self._notes[note.cell] = noted
            self._redraw()

    def toggle_favourite(self) -> None:
        """Make the picture under the cursor a favourite, or no longer one."""
        if (note := self.note) is not None:
            self.change_note(replace(note, favourite=not note.favourite))

    def name_part(self, part: str) -> str:
        """Make the next verdict one on a part (`unet`, `text_encoder`); return a line that shows it."""
        self.part = part
        called = self.view.verdict_names[part] if self.view is not None else part
        return f"{called}: 1 under · 2 right · 3 over"

    def forget_part(self, key: str) -> None:
        """Make verdicts apply to the whole picture again, unless `key` gives one."""
        if key not in VERDICT_KEYS:
            self.part = ""

    def give_verdict(self, verdict: str) -> None:
        """Judge the picture under the cursor, or its part named before; the same verdict again takes it back."""
        part, self.part = self.part or "whole", ""
        if (note := self.note) is not None:
            changes: dict[str, Any] = {part: "" if getattr(note, part) == verdict else verdict}
            self.change_note(replace(note, **changes))

    def set_ticks(self, cell: str, ticks: Mapping[str, bool]) -> None:
        """Keep the ticks of the checklist for the picture of the place named `cell`."""
        now = self._notes.get(cell, CellNote(self.number or 0, cell))
        if ticks != now.ticks:
            self.change_note(replace(now, ticks=ticks))

    def toggle_mark(self) -> None:
        """Mark the picture under the cursor for comparison, or unmark it."""
        if (cell := self.cell) is not None:
            self.marked = "" if self.marked == cell.place.name else cell.place.name
            self._redraw()

    def toggle_blind(self) -> Place | None:
        """Hide what tells the pictures apart, or reveal it; return where the cursor belongs then, None for where it is."""
        if self.view is None:
            return None
        place = self.place
        self.order = BlindOrder(self.view.shape, None if self.blind else self.view.grid.number)
        self.marked = ""
        self._redraw()
        # In blind mode the cursor would tell which picture it was on: it goes to the first.
        return Place(0, 0, 0, 0) if self.blind and place is not None else place

    def _redraw(self) -> None:
        self._sheet = None
        self.cursor_moved()


def _seconds(note: CellNote | None) -> float:
    return note.seconds if note is not None else 0.0
