"""Looking at a grid and judging it: the sheet, the picture under the cursor, verdicts, ticks, blind mode. Nothing here orders a grid."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.signal import Signal

from lora_tui.pictures.grid_model import PARTS, BlindOrder, GridView, Sheet
from lora_tui.pictures.picture_cache import Pictures
from lora_tui.ports import OWNER, Rights
from lora_tui.widgets.cell_view import CellView
from lora_tui.widgets.sheet_view import SheetView
from lora_tui.workers.grid_watcher import GridRead, GridTrouble, GridWatcher, PicturesRead
from trainer.grid.cell import Place
from trainer.journal.records import CellNote, Grid, GridState
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.screens.crop import Square
    from trainer.gallery.sidecar import MadeCell, MadeGrid

VERDICTS = {"1": "under", "2": "right", "3": "over"}
"""Which key says what of a picture."""

NEEDS_A_PICTURE = {"favourite", "verdict", "part", "mark", "wipe", "crop", "checklist", "large"}
"""Actions on the picture under the cursor."""


class GridViewing(Screen[None]):
    """Shows one grid and follows it while it is made. A subclass puts `viewer()` beside what it has itself.

    Args:
        workspace: whose grids.
        clock: epoch seconds now.
        rights: what the keys may do; verdicts are orders.
    """

    AUTO_FOCUS = "SheetView"

    DEFAULT_CSS = """
    GridViewing {
        background: $background;
        color: $foreground;
        & SheetView, & CellView {
            border-top: solid $rule;
            border-title-color: $muted;
            border-title-style: none;
            border-title-align: left;
            height: 100%;
        }
        & SheetView:focus { border-title-color: $accent; border-title-style: bold; }
        & SheetView { width: 3fr; padding: 0; }
        & CellView { width: 2fr; min-width: 26; max-width: 72; margin-left: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "space",
            "favourite",
            "favourite",
            id="grid.favourite",
            tooltip="keep the picture as a favourite, or no more",
        ),
        Binding("1", "verdict('under')", "under", id="grid.under", tooltip="underbaked; again takes it back"),
        Binding("2", "verdict('right')", "right", id="grid.right", tooltip="baked right; again takes it back"),
        Binding("3", "verdict('over')", "over", id="grid.over", tooltip="overbaked; again takes it back"),
        Binding("U", "part('unet')", "U-Net", id="grid.unet", tooltip="the next verdict is the U-Net's alone"),
        Binding(
            "T",
            "part('text_encoder')",
            "text encoder",
            id="grid.text-encoder",
            tooltip="the next verdict is the text encoder's alone",
        ),
        Binding("enter", "large", "large", id="grid.large", tooltip="the picture on the whole screen"),
        Binding("m", "mark", "mark", id="grid.mark", tooltip="mark the picture, for a wipe between it and another"),
        Binding("w", "wipe", "wipe", id="grid.wipe", tooltip="wipe between the marked picture and this one"),
        Binding(
            "z", "crop", "crop", id="grid.crop", tooltip="mark a region and see it at native pixels for every epoch"
        ),
        Binding(
            "c", "checklist", "checklist", id="grid.checklist", tooltip="tick the subject's checklist for this picture"
        ),
        Binding(
            "B",
            "blind",
            "blind",
            id="grid.blind",
            tooltip="blind mode: labels hidden, order shuffled; again reveals them",
        ),
    ]

    def __init__(self, workspace: Workspace, clock: Callable[[], float] = time.time, rights: Rights = OWNER) -> None:
        """Make the keeper; nothing is read before the screen is up."""
        super().__init__()
        self.workspace = workspace
        self.clock = clock
        self.rights = rights
        self.watcher = GridWatcher(workspace, self.post_message)
        self.pictures = Pictures(self.watcher.wish)
        self._view: GridView | None = None
        self._notes: dict[str, CellNote] = {}
        self._arrangement = BlindOrder((0, 0, 0, 0))
        self._marked = ""
        self._part = ""
        self._opened: int | None = None
        self._square: Square | None = None
        self.redrawn: Signal[None] = Signal(self, "redrawn")
        """Told after every change of the grid, the notes, the mode or the cursor."""

    # What a subclass asks and says

    @property
    def grid(self) -> Grid | None:
        """The row of the grid shown, None before it is read."""
        return self._view.grid if self._view is not None else None

    @property
    def view(self) -> GridView | None:
        """The grid shown, None before it is read."""
        return self._view

    @property
    def made(self) -> "MadeGrid | None":
        """What the sidecar of the grid shown tells."""
        return self._view.made if self._view is not None else None

    @property
    def notes(self) -> Mapping[str, CellNote]:
        """What was thought of the pictures, by the name of their place; with what was just typed."""
        return self._notes

    @property
    def checklist(self) -> tuple[str, ...]:
        """What to look for in the subject's pictures."""
        return self._view.checklist if self._view is not None else ()

    @property
    def blind(self) -> bool:
        """Whether labels are hidden and the order is shuffled."""
        return self._arrangement.blind

    @property
    def cell(self) -> "MadeCell | None":
        """The picture under the cursor, made or still to come."""
        place = self._place
        return self._view.cells.get(place) if self._view is not None and place is not None else None

    def viewer(self) -> ComposeResult:
        """Yield the sheet and the picture beside it."""
        yield SheetView(self.pictures, id="sheet")
        yield CellView(self.pictures, id="cell")

    def open_grid(self, number: int) -> None:
        """Show grid `number`, and follow it."""
        self._opened = number
        self._view, self._notes, self._marked, self._part = None, {}, "", ""
        self._arrangement = BlindOrder((0, 0, 0, 0))
        self.watcher.open(number)
        if self.is_mounted:
            self.draw()

    def draw(self) -> None:
        """Show what there is now; called after every change of the grid, of the notes and of the mode."""
        sheet = (
            Sheet(self._view, self._arrangement, dict(self._notes), self._marked) if self._view is not None else None
        )
        self.query_one(SheetView).show(sheet, self._empty)
        self._draw_cell()

    def change_note(self, note: CellNote) -> None:
        """Keep what is thought of a picture now."""
        if not self.rights.order:
            self.notify("this screen only looks on", severity="warning", markup=False)
            return
        noted = replace(note, seconds=self.clock())
        self._notes[note.cell] = noted
        self.watcher.note(noted)
        self.draw()

    # What Textual calls

    def compose(self) -> ComposeResult:
        """Yield the viewer alone."""
        with Horizontal():
            yield from self.viewer()

    def on_mount(self) -> None:
        """Begin to look."""
        self.watcher.start()
        self.draw()

    def on_unmount(self) -> None:
        """Look no more."""
        self.watcher.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that have nothing to act on."""
        return self.cell is not None if action in NEEDS_A_PICTURE else True

    def on_key(self, event: events.Key) -> None:
        """Forget the part named for a verdict, where something else follows."""
        if self._part and event.key not in VERDICTS:
            self._part = ""

    # What comes from the thread and the widgets

    @on(GridRead)
    def _take_view(self, event: GridRead) -> None:
        view = event.view
        if view.grid.number != self._opened:
            return
        self._view = view
        # What was typed a moment ago may not have been written yet when the thread read.
        newer = {name: note for name, note in self._notes.items() if note.seconds > _seconds(view.notes.get(name))}
        self._notes = {**view.notes, **newer}
        if view.shape != self._arrangement.shape:
            self._arrangement = BlindOrder(view.shape, self._arrangement.shuffled_by)
        self.draw()
        self.refresh_bindings()

    @on(PicturesRead)
    def _take_pictures(self, event: PicturesRead) -> None:
        self.pictures.put(event.pixels)

    @on(GridTrouble)
    def _say_trouble(self, event: GridTrouble) -> None:
        self.notify(printable(event.error.line()), severity="error", markup=False)

    @on(SheetView.Moved)
    def _follow_cursor(self) -> None:
        self._draw_cell()

    # What the keys do

    def action_favourite(self) -> None:
        """Make the picture a favourite, or no more."""
        if (note := self._note) is not None:
            self.change_note(replace(note, favourite=not note.favourite))

    def action_part(self, part: str) -> None:
        """Let the next verdict be that of one part."""
        self._part = part
        self.notify(f"{PARTS[part]}: 1 under · 2 right · 3 over", timeout=3, markup=False)

    def action_verdict(self, verdict: str) -> None:
        """Say of the picture, or of the part named before, what it is; saying it again takes it back."""
        part, self._part = self._part or "whole", ""
        if (note := self._note) is not None:
            changes: dict[str, Any] = {part: "" if getattr(note, part) == verdict else verdict}
            self.change_note(replace(note, **changes))

    def action_blind(self) -> None:
        """Hide what tells the pictures apart, or reveal it; the cursor stays on its picture."""
        if self._view is None:
            return
        place = self._place
        shuffled_by = None if self.blind else self._view.grid.number
        self._arrangement = BlindOrder(self._view.shape, shuffled_by)
        self._marked = ""
        self.draw()
        if place is not None:
            # In blind mode the cursor would tell: it goes to the first picture.
            start = Place(0, 0, 0, 0) if self.blind else place
            self.query_one(SheetView).put_cursor(start)
        self._draw_cell()

    def action_mark(self) -> None:
        """Mark the picture, or no more."""
        if (cell := self.cell) is not None:
            self._marked = "" if self._marked == cell.place.name else cell.place.name
            self.draw()

    def action_wipe(self) -> None:
        """Wipe between the marked picture and this one."""
        from lora_tui.screens.compare import CompareScreen

        view, cell = self._view, self.cell
        marked = next((one for one in view.cells.values() if one.place.name == self._marked), None) if view else None
        if view is None or cell is None:
            return
        if marked is None or marked is cell:
            self.notify("mark one picture with m, go to another, then w wipes between the two", markup=False)
            return
        if view.path(marked) is None or view.path(cell) is None:
            self.notify("both pictures must be made first", markup=False)
            return
        self.app.push_screen(CompareScreen(self.pictures, view, marked, cell, blind=self.blind))

    def action_crop(self) -> None:
        """Mark a region of the picture and see it at native pixels for every epoch."""
        from lora_tui.screens.crop import CropScreen

        view, cell = self._view, self.cell
        if view is None or cell is None or view.path(cell) is None:
            self.notify("the picture is not made yet", markup=False)
            return

        def keep(square: "Square | None") -> None:
            # The next picture is looked at in the same place.
            self._square = square

        self.app.push_screen(CropScreen(self.pictures, view, cell, self._arrangement, self._square), keep)

    def action_checklist(self) -> None:
        """Tick the subject's checklist for the picture."""
        from lora_tui.screens.checklist import ChecklistDialog

        note = self._note
        if note is None:
            return
        if not self.checklist:
            self.notify("the subject has no checklist: its file names what to look for", markup=False)
            return

        def ticked(ticks: Mapping[str, bool] | None) -> None:
            now = self._notes.get(note.cell, note)
            if ticks is not None and ticks != now.ticks:
                self.change_note(replace(now, ticks=ticks))

        self.app.push_screen(ChecklistDialog(self.checklist, note.ticks), ticked)

    def action_large(self) -> None:
        """Show the picture on the whole screen."""
        from lora_tui.screens.full_picture import FullPictureScreen

        self.app.push_screen(FullPictureScreen(self))

    # What it knows

    @property
    def _place(self) -> Place | None:
        """The true place of the picture under the cursor."""
        if self._view is None or not self._view.cells or not self.is_mounted:
            return None
        return self._arrangement.true(self.query_one(SheetView).cursor)

    @property
    def _note(self) -> CellNote | None:
        cell = self.cell
        if cell is None or self._view is None:
            return None
        return self.note_of(cell.place)

    def note_of(self, place: Place) -> CellNote:
        """Return what was thought of the picture of `place`."""
        number = self._view.grid.number if self._view is not None else 0
        return self._notes.get(place.name, CellNote(number, place.name))

    @property
    def _empty(self) -> str:
        view = self._view
        if view is None:
            return "" if self._opened is None else "reading"
        if view.trouble:
            return printable(view.trouble)
        if view.grid.state is GridState.FAILED:
            return printable(view.grid.error)
        return "" if view.made is not None else "nothing is made yet"

    def _draw_cell(self) -> None:
        place = self._place
        note = self._note or CellNote(0, "")
        self.query_one(CellView).show(self._view, place, note, blind=self.blind)
        self.redrawn.publish(None)


def _seconds(note: CellNote | None) -> float:
    return note.seconds if note is not None else 0.0
