"""The picture under the cursor on the whole screen; the keys of the sheet go on to work."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from lora_tui.pictures.grid_model import cell_name, verdict_line
from lora_tui.widgets.picture_view import PictureView
from lora_tui.widgets.sheet_view import SheetView
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.screens.grid_viewing import GridViewing

_KEYS = "arrows: another picture · 1 2 3 U T verdict · space favourite · esc back"


class FullPictureScreen(ModalScreen[None]):
    """One picture and a line about it.

    Args:
        viewing: the screen below, whose cursor, keys and notes are used.
    """

    DEFAULT_CSS = """
    FullPictureScreen {
        background: $background;
        & > PictureView { height: 1fr; }
        & > #name { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #keys { height: 1; padding: 0 1; color: $muted; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "leave", "back", id="large.close", show=False, tooltip="back to the sheet"),
        Binding("left,h", "move(-1, 0)", "left", id="large.left", show=False, tooltip="picture to the left"),
        Binding("right,l", "move(1, 0)", "right", id="large.right", show=False, tooltip="picture to the right"),
        Binding("up,k", "move(0, -1)", "up", id="large.up", show=False, tooltip="picture above"),
        Binding("down,j", "move(0, 1)", "down", id="large.down", show=False, tooltip="picture below"),
        Binding("space", "judge('favourite')", "favourite", id="large.favourite", show=False, tooltip="favourite"),
        Binding("1", "judge('verdict', 'under')", "under", id="large.under", show=False, tooltip="underbaked"),
        Binding("2", "judge('verdict', 'right')", "right", id="large.right-verdict", show=False, tooltip="baked right"),
        Binding("3", "judge('verdict', 'over')", "over", id="large.over", show=False, tooltip="overbaked"),
        Binding("U", "judge('part', 'unet')", "U-Net", id="large.unet", show=False, tooltip="verdict on the U-Net"),
        Binding(
            "T",
            "judge('part', 'text_encoder')",
            "text encoder",
            id="large.text-encoder",
            show=False,
            tooltip="verdict on the text encoder",
        ),
        Binding("c", "judge('checklist')", "checklist", id="large.checklist", show=False, tooltip="the checklist"),
    ]

    def __init__(self, viewing: "GridViewing") -> None:
        """Show the picture under the cursor of `viewing`."""
        super().__init__()
        self._viewing = viewing

    def compose(self) -> ComposeResult:
        """Yield picture, name and keys."""
        yield PictureView(self._viewing.pictures, true=True)
        yield Static("", id="name", markup=False)
        yield Static(_KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """Follow what the screen below shows."""
        self._viewing.redrawn.subscribe(self, lambda _: self._draw())
        self._draw()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_move(self, across: int, down: int) -> None:
        """Go to a neighbour."""
        self._viewing.query_one(SheetView).action_move(across, down)

    def action_judge(self, what: str, *value: str) -> None:
        """Do what the key does on the sheet."""
        getattr(self._viewing, f"action_{what}")(*value)

    def _draw(self) -> None:
        view, cell = self._viewing.view, self._viewing.cell
        if view is None or cell is None:
            return
        size = (cell.recipe.width, cell.recipe.height)
        self.query_one(PictureView).show(view.path(cell), size, empty="not made yet")
        name = "blind" if self._viewing.blind else cell_name(view, cell.place)
        said = verdict_line(self._viewing.note_of(cell.place), view.checklist)
        self.query_one("#name", Static).update(Content.assemble((printable(name), "bold"), f"   {said}"))
