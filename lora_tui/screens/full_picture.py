"""The picture under the cursor on the full screen, with the keys that judge it."""

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.pictures.grid_model import cell_name, verdict_line
from lora_tui.pictures.grid_selection import GridSelection
from lora_tui.pictures.picture_cache import Pictures
from lora_tui.screens.checklist import offer_checklist
from lora_tui.screens.dialog import hint_keys
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.picture_view import PictureView
from trainer.text import printable

_KEYS = (
    "arrows: move",
    "grid.under",
    "grid.right",
    "grid.over",
    "grid.unet grid.text-encoder=of one part",
    "grid.favourite",
    "full-picture.close",
)


class FullPictureScreen(ModalScreen[None]):
    """One picture and a line about it.

    Args:
        selection: the grid, the picture under the cursor and the notes on it.
        pictures: where they come from.
        move_cursor: moves the cursor by a number of pictures across and down.
    """

    DEFAULT_CSS = """
    FullPictureScreen {
        background: $background;
        & > PictureView { height: 1fr; }
        & > #name { height: auto; max-height: 2; padding: 0 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("full picture")

    def __init__(self, selection: GridSelection, pictures: Pictures, move_cursor: Callable[[int, int], object]) -> None:
        super().__init__()
        self._selection = selection
        self._pictures = pictures
        self._move_cursor = move_cursor

    def compose(self) -> ComposeResult:
        """Yield picture, name and keys."""
        yield PictureView(self._pictures, true=True)
        yield Static("", id="name", markup=False)
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Follow the cursor and the notes."""
        self.query_one(KeyLine).show_keys(hint_keys(self, *_KEYS))
        self._selection.watch(self._draw)
        self._draw()

    def on_unmount(self) -> None:
        """Stop following them."""
        self._selection.unwatch(self._draw)

    def on_key(self, event: events.Key) -> None:
        """Forget the part named for a verdict when another key follows."""
        self._selection.forget_part(event.key)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import show_help

        show_help(self)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_move(self, across: int, down: int) -> None:
        """Go to the next picture in a direction."""
        self._move_cursor(across, down)

    def action_favourite(self) -> None:
        """Make the picture a favourite, or no longer one."""
        self._selection.toggle_favourite()

    def action_verdict(self, verdict: str) -> None:
        """Judge the picture, or the part named before; the same verdict again takes it back."""
        self._selection.give_verdict(verdict)

    def action_part(self, part: str) -> None:
        """Make the next verdict one on a part."""
        self.notify(self._selection.name_part(part), timeout=3, markup=False)

    def action_checklist(self) -> None:
        """Tick the subject's checklist for the picture."""
        offer_checklist(self, self._selection)

    def _draw(self) -> None:
        selection = self._selection
        view, cell = selection.view, selection.cell
        if view is None or cell is None:
            return
        size = (cell.recipe.width, cell.recipe.height)
        self.query_one(PictureView).show(view.path_of(cell), size, empty="not made yet")
        name = "blind" if selection.blind else cell_name(view, cell.place)
        verdicts = verdict_line(selection.note_of(cell.place), view.checklist)
        self.query_one("#name", Static).update(Content.assemble((printable(name), "bold"), f"   {verdicts}"))
