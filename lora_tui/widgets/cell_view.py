"""One picture of a grid large, with its recipe and judgement, and the same picture at the epochs before and after."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from lora_tui.pictures.grid_model import GridView, cell_text
from lora_tui.pictures.picture_cache import Pictures
from lora_tui.widgets.pane import heading
from lora_tui.widgets.picture_view import PictureView
from trainer.grid.cell import Place
from trainer.journal.grid_records import CellNote


class CellView(Vertical):
    """The picture under the cursor.

    Args:
        pictures: where they come from.
    """

    DEFAULT_CSS = """
    CellView {
        & > #large { height: auto; max-height: 55%; }
        & > #about { height: auto; max-height: 42%; scrollbar-size-vertical: 1; margin-top: 1; }
        & > #about > Static { height: auto; }
        & > #beside { height: 1fr; margin-top: 1; }
        & > #beside > PictureView { width: 1fr; height: 100%; }
        & > #beside > #after { margin-left: 1; }
    }
    """

    def __init__(self, pictures: Pictures, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pictures = pictures

    def compose(self) -> ComposeResult:
        """Yield the large picture, its text, and the two small ones."""
        yield PictureView(self._pictures, true=True, id="large")
        with VerticalScroll(id="about", can_focus=False):
            yield Static("", markup=False)
        with Horizontal(id="beside"):
            yield PictureView(self._pictures, id="before")
            yield PictureView(self._pictures, id="after")

    def on_mount(self) -> None:
        """Put the title up."""
        self.border_title = heading("picture")

    def show(self, view: GridView | None, place: Place | None, note: CellNote, *, blind: bool) -> None:
        """Show the picture of `place`; None for nothing."""
        cell = view.cells.get(place) if view is not None and place is not None else None
        words = self.query_one("#about > Static", Static)
        large = self.query_one("#large", PictureView)
        if view is None or cell is None:
            large.show(None, (1, 1))
            words.update("")
            self._show_beside(None, None)
            return
        size = (cell.recipe.width, cell.recipe.height)
        large.show(view.path_of(cell), size, empty="not made yet")
        words.update(cell_text(view, cell, note, blind=blind))
        # Which epochs stand beside it would tell which one it is.
        self._show_beside(view, None if blind else cell.place)

    def _show_beside(self, view: GridView | None, place: Place | None) -> None:
        row = view.epochs_of(place) if view is not None and place is not None else ()
        here = row.index(place) if place in row else 0
        for name, at in (("#before", here - 1), ("#after", here + 1)):
            widget = self.query_one(name, PictureView)
            cell = view.cells.get(row[at]) if view is not None and 0 <= at < len(row) else None
            widget.visible = cell is not None
            if view is None or cell is None:
                widget.show(None, (1, 1))
                continue
            label = view.axis_label(view.epoch_axis, cell.place)
            size = (cell.recipe.width, cell.recipe.height)
            arrow = f"‹ {label}" if name == "#before" else f"{label} ›"
            widget.show(view.path_of(cell), size, arrow, empty="not made yet")
