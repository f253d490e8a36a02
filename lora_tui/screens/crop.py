"""One region of a picture at every epoch, at native pixels, side by side."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.pictures.grid_model import BlindOrder, GridView, cell_name
from lora_tui.pictures.picture_cache import Pictures, Region, Want
from lora_tui.screens.dialog import hint_keys
from lora_tui.widgets.crop_view import CropRow, RegionPicture
from lora_tui.widgets.key_line import KeyLine
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.gallery.sidecar import MadeCell

_PICK_KEYS = ("arrows: move (shift: far)", "+ -: size", "crop.switch", "crop.close")
_CROP_KEYS = ("arrows: move", "+ -: size", "pgup pgdn: scroll", "enter: the whole picture", "crop.close")

MIN_SIDE = 8
_FIRST_SIDE = 40
_SIDE_STEP = 8


@dataclass(frozen=True)
class Square:
    """A square region of a picture, in its pixels. All sides are even: a line of the terminal shows two pixels."""

    left: int
    top: int
    side: int

    @property
    def region(self) -> Region:
        """Its edges."""
        return self.left, self.top, self.left + self.side, self.top + self.side

    def within(self, width: int, height: int) -> "Square":
        """Return it moved and shrunk into a picture of that size."""
        side = max(2, min(self.side, width, height) // 2 * 2)
        return Square(min(max(0, self.left), width - side), min(max(0, self.top), height - side) // 2 * 2, side)


def first_square(width: int, height: int) -> Square:
    """Return a square in the middle of a picture, a little above: where a face is."""
    side = min(_FIRST_SIDE, min(width, height) // 2)
    return Square((width - side) // 2, (height - side) // 3, side).within(width, height)


class CropScreen(ModalScreen[Square]):
    """Marks a region, then shows it; dismissed with the region, for the next picture.

    Args:
        pictures: where they come from.
        view: the grid.
        cell: the picture to mark it on.
        order: in blind mode no label is shown, and the order is the shuffled one.
        square: the region to start with; None for the middle.
    """

    DEFAULT_CSS = """
    CropScreen {
        background: $background;
        & > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > RegionPicture { height: 1fr; }
        & > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; display: none; }
        &.-crops > RegionPicture { display: none; }
        &.-crops > VerticalScroll { display: block; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("crop")

    def __init__(
        self,
        pictures: Pictures,
        view: GridView,
        cell: "MadeCell",
        order: BlindOrder,
        square: Square | None = None,
    ) -> None:
        super().__init__()
        self._view = view
        self._cell = cell
        self._blind = order.blind
        self._of = (cell.recipe.width, cell.recipe.height)
        self.square = (square or first_square(*self._of)).within(*self._of)
        path = view.path_of(cell)
        assert path is not None
        self._picture = RegionPicture(pictures, path, self._of)
        self._crops = CropRow(pictures)
        places = view.epochs_of(cell.place)
        self._places = sorted(places, key=order.position_of) if order.blind else places

    def compose(self) -> ComposeResult:
        """Yield the picture, the crops, and the keys."""
        yield Static("", id="name")
        yield self._picture
        with VerticalScroll(can_focus=False):
            yield self._crops
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Draw the region."""
        self.query_one(KeyLine).show_keys(hint_keys(self, *_PICK_KEYS))
        self._draw()

    def action_switch(self) -> None:
        """Show the crops, or the whole picture."""
        self.toggle_class("-crops")
        self.query_one(KeyLine).show_keys(hint_keys(self, *(_CROP_KEYS if self.has_class("-crops") else _PICK_KEYS)))

    def action_move(self, across: int, down: int) -> None:
        """Move the region by an eighth of its side."""
        step = max(2, self.square.side // 8 // 2 * 2)
        left, top = self.square.left + across * step, self.square.top + down * step
        self._set_square(replace(self.square, left=left, top=top))

    def action_grow(self, by: int) -> None:
        """Make the region larger or smaller around its middle."""
        side = max(MIN_SIDE, self.square.side + by * _SIDE_STEP)
        off = (self.square.side - side) // 2
        self._set_square(Square(self.square.left + off, self.square.top + off, side))

    def action_scroll(self, way: int) -> None:
        """Scroll the crops by a page."""
        body = self.query_one(VerticalScroll)
        if way > 0:
            body.scroll_page_down(animate=False)
        else:
            body.scroll_page_up(animate=False)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import show_help

        show_help(self)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(self.square)

    def _set_square(self, square: Square) -> None:
        self.square = square.within(*self._of)
        self._draw()

    def _draw(self) -> None:
        region = self.square.region
        self._picture.show(region)
        rows = []
        for place in self._places:
            cell = self._view.cells.get(place)
            path = self._view.path_of(cell) if cell is not None else None
            label = "" if self._blind else self._view.axis_label(self._view.epoch_axis, place)
            # The region is that of the picture marked; one of another size is cut where it ends.
            rows.append((label, Want(path, 0, 0, region) if path is not None else None))
        self._crops.show(rows, self.square.side)
        name = "blind" if self._blind else printable(cell_name(self._view, self._cell.place))
        # What the keys change comes first, for a long name is cut at its end.
        where = f"{self.square.side}×{self.square.side} pixels at {self.square.left}, {self.square.top}"
        self.query_one("#name", Static).update(Content.assemble((where, "bold"), (f"   {name}", "$muted")))
