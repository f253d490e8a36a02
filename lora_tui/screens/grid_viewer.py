"""The pictures of one grid: the sheet, the picture under the cursor, and the keys that judge it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from lora_tui.keys.keymap import bindings
from lora_tui.keys.own_keys import keys_of
from lora_tui.pictures.grid_model import Sheet
from lora_tui.pictures.grid_selection import GridSelection
from lora_tui.pictures.picture_cache import Pictures
from lora_tui.widgets.cell_view import CellView
from lora_tui.widgets.sheet_view import SheetView
from lora_tui.workers.grid_watcher import GridRead, GridTrouble, GridWatcher
from lora_tui.workers.picture_requests import PicturesRead
from trainer.journal.grid_records import CellNote
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.screens.crop import Square
    from trainer.gallery.sidecar import MadeCell

_NONE_OPEN = "<key grid.make> makes this grid"
_NEEDS_A_PICTURE = {"favourite", "verdict", "part", "mark", "compare", "crop", "checklist", "large"}


class GridViewer(Horizontal):
    """Shows one grid and follows it while it is made.

    Args:
        workspace: whose grids.
        may_judge: whether verdicts may be written; says so where not.
        clock: epoch seconds now.
    """

    DEFAULT_CSS = """
    GridViewer {
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
        &.-no-grid CellView { display: none; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("pictures")

    def __init__(
        self,
        workspace: Workspace,
        may_judge: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.time,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.watcher = GridWatcher(workspace, self.post_message)
        self.pictures = Pictures(self.watcher.request_pictures)
        self.selection = GridSelection(lambda: self.sheet.cursor, self._write_note, clock)
        self._may_judge = may_judge
        self._drawn: Sheet | None = None
        self._square: Square | None = None

    @property
    def sheet(self) -> SheetView:
        """The matrix of pictures."""
        return self.query_one(SheetView)

    @property
    def cell(self) -> "MadeCell | None":
        """The picture under the cursor, made or still to come."""
        return self.selection.cell if self.is_mounted else None

    def open_grid(self, number: int) -> None:
        """Show grid `number`, and follow it."""
        self.selection.open_grid(number)
        self.watcher.open(number)

    def draw(self) -> None:
        """Show what there is now; called after every change of the grid, of the notes, of the mode and of the cursor."""
        selection = self.selection
        sheet = selection.sheet
        self.set_class(selection.number is None, "-no-grid")
        if sheet is None or sheet is not self._drawn:
            self._drawn = sheet
            empty = keys_of(self.app).fill(_NONE_OPEN) if selection.number is None else selection.empty_text
            self.sheet.show(sheet, empty)
        note = selection.note or CellNote(0, "")
        self.query_one(CellView).show(selection.view, selection.place, note, blind=selection.blind)

    def compose(self) -> ComposeResult:
        """Yield the sheet and the picture beside it."""
        yield SheetView(self.pictures, id="sheet")
        yield CellView(self.pictures, id="cell")

    def on_mount(self) -> None:
        """Start reading."""
        self.watcher.start()
        self.selection.watch(self.draw)
        self.draw()

    def on_unmount(self) -> None:
        """Stop reading."""
        self.watcher.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that have nothing to act on."""
        return self.cell is not None if action in _NEEDS_A_PICTURE else True

    def on_key(self, event: events.Key) -> None:
        """Forget the part named for a verdict when another key follows."""
        self.selection.forget_part(event.key)

    # What comes from the thread and the widgets

    @on(GridRead)
    def _show_view(self, event: GridRead) -> None:
        self.selection.replace_view(event.view)
        self.screen.refresh_bindings()

    @on(PicturesRead)
    def _keep_pictures(self, event: PicturesRead) -> None:
        self.pictures.keep(event.pixels)

    @on(GridTrouble)
    def _show_trouble(self, event: GridTrouble) -> None:
        self.notify(printable(event.error.line()), severity="error", markup=False)

    @on(SheetView.Moved)
    def _follow_cursor(self) -> None:
        self.selection.cursor_moved()

    # What the keys do

    def action_favourite(self) -> None:
        """Make the picture a favourite, or no longer one."""
        self.selection.toggle_favourite()

    def action_part(self, part: str) -> None:
        """Make the next verdict one on a part."""
        self.notify(self.selection.name_part(part), timeout=3, markup=False)

    def action_verdict(self, verdict: str) -> None:
        """Judge the picture, or the part named before; the same verdict again takes it back."""
        self.selection.give_verdict(verdict)

    def action_blind(self) -> None:
        """Hide what tells the pictures apart, or reveal it; the cursor stays on its picture."""
        place = self.selection.toggle_blind()
        if place is not None:
            self.sheet.put_cursor(place)
            self.selection.cursor_moved()

    def action_mark(self) -> None:
        """Mark the picture for comparison, or unmark it."""
        self.selection.toggle_mark()

    def action_compare(self) -> None:
        """Compare the marked picture with this one."""
        from lora_tui.screens.compare import CompareScreen

        view, cell, marked = self.selection.view, self.cell, self.selection.marked_cell
        if view is None or cell is None:
            return
        if marked is None or marked is cell:
            self.notify(
                keys_of(self.app).fill(
                    "mark a picture with <key grid.mark>, go to another, then press <key grid.compare> to compare the two"
                )
            )
            return
        if view.path_of(marked) is None or view.path_of(cell) is None:
            self.notify("both pictures must be made first", markup=False)
            return
        self.app.push_screen(CompareScreen(self.pictures, view, marked, cell, blind=self.selection.blind))

    def action_crop(self) -> None:
        """Mark a region of the picture and show it at native pixels for every epoch."""
        from lora_tui.screens.crop import CropScreen

        view, cell = self.selection.view, self.cell
        if view is None or cell is None or view.path_of(cell) is None:
            self.notify("the picture is not made yet", markup=False)
            return

        def keep(square: "Square | None") -> None:
            # The next picture is looked at in the same place.
            self._square = square

        self.app.push_screen(CropScreen(self.pictures, view, cell, self.selection.order, self._square), keep)

    def action_checklist(self) -> None:
        """Tick the subject's checklist for the picture."""
        from lora_tui.screens.checklist import offer_checklist

        offer_checklist(self.screen, self.selection)

    def action_large(self) -> None:
        """Show the picture on the full screen."""
        from lora_tui.screens.full_picture import FullPictureScreen

        self.app.push_screen(FullPictureScreen(self.selection, self.pictures, self.sheet.action_move))

    def _write_note(self, note: CellNote) -> bool:
        """Write what is judged of a picture, where this screen may; return whether it may."""
        may = self._may_judge()
        if may:
            self.watcher.note(note)
        return may
