"""Two pictures in one place, with a movable edge between them."""

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.pictures.grid_model import GridView, cell_labels, cell_name
from lora_tui.pictures.picture_cache import Pictures, Pixels, Want
from lora_tui.screens.dialog import hint_keys
from lora_tui.widgets.half_blocks import row
from lora_tui.widgets.key_line import KeyLine
from trainer.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.gallery.sidecar import MadeCell

_KEYS = (
    "compare.left compare.right=edge",
    "compare.second=2nd picture",
    "compare.first=1st picture",
    "compare.swap",
    "compare.close",
)
_STEPS = 16


class CompareScreen(ModalScreen[None]):
    """Compares two pictures.

    Args:
        pictures: where they come from.
        view: their grid.
        first, second: the pictures; the first is to the left of the edge.
        blind: show nothing that tells which is which.
    """

    DEFAULT_CSS = """
    CompareScreen {
        background: $background;
        & > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("compare")

    def __init__(
        self, pictures: Pictures, view: GridView, first: "MadeCell", second: "MadeCell", *, blind: bool
    ) -> None:
        super().__init__()
        paths = [path for cell in (first, second) if (path := view.path_of(cell)) is not None]
        self._names, self._common = (["one", "the other"], "") if blind else told_apart(view, first, second)
        self._pair = ComparedPictures(pictures, paths)

    def compose(self) -> ComposeResult:
        """Yield the names, the pictures and the keys."""
        yield Static("", id="names")
        yield self._pair
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Name the sides."""
        self.query_one(KeyLine).show_keys(hint_keys(self, *_KEYS))
        self._show_names()

    def action_edge(self, by: int) -> None:
        """Move the edge."""
        self._pair.move(by)

    def action_swap(self) -> None:
        """Swap the sides."""
        self._names.reverse()
        self._pair.swap()
        self._show_names()

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import show_help

        show_help(self)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def _show_names(self) -> None:
        first, second = self._names
        common = (f"   {self._common}" if self._common else "", "$muted")
        words = Content.assemble(
            (f"◀ {first}", "bold $primary"), ("   │   ", "$muted"), (f"{second} ▶", "bold"), common
        )
        self.query_one("#names", Static).update(words)


def told_apart(view: GridView, first: "MadeCell", second: "MadeCell") -> tuple[list[str], str]:
    """Return what two pictures of a grid are called beside each other, in which they differ, and what they have in common."""
    labels = [[printable(label) for label in cell_labels(view, cell.place)] for cell in (first, second)]
    whole = [printable(cell_name(view, cell.place)) for cell in (first, second)]
    if len(labels[0]) != len(labels[1]) or labels[0] == labels[1]:
        return whole, ""
    pairs = list(zip(*labels, strict=True))
    differing = [(one, other) for one, other in pairs if one != other]
    names = [" · ".join(side) for side in zip(*differing, strict=True)]
    return names, " · ".join(one for one, other in pairs if one == other)


class ComparedPictures(Widget):
    """Draws the first picture up to the edge, the second behind it; both fitted into the same space."""

    COMPONENT_CLASSES = {"compared-pictures--edge"}  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    ComparedPictures {
        height: 1fr;
        & > .compared-pictures--edge { color: $accent; }
    }
    """

    def __init__(self, pictures: Pictures, paths: "list[Path]") -> None:
        super().__init__()
        self._pictures = pictures
        self._paths = paths
        self._share = 0.5

    def on_mount(self) -> None:
        """Watch for pictures that arrive."""
        self._pictures.watch(self._show_arrived)

    def on_unmount(self) -> None:
        """Stop watching, and request none."""
        self._pictures.unwatch(self._show_arrived)
        self._pictures.want(self, ())

    def on_resize(self, event: events.Resize) -> None:
        """Request the new size."""
        self._pictures.want(self, self._wants())

    def move(self, by: int) -> None:
        """Move the edge by sixteenths of the pictures."""
        self._share = min(1.0, max(0.0, self._share + by / _STEPS))
        self.refresh()

    def swap(self) -> None:
        """Change sides."""
        self._paths.reverse()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of both pictures."""
        width, plain = self.content_size.width, self.rich_style
        wants = self._wants()
        first, second = (self._line(want, y) for want in wants)
        if self._share in (0, 1):
            return (first if self._share else second).adjust_cell_length(width, plain)
        # Over the pictures and not over the space, so that every step moves something.
        broad = max((pixels.width for want in wants if (pixels := self._pictures.find(want))), default=width)
        edge = (width - broad) // 2 + round(self._share * (broad - 1))
        mark = Strip([Segment("│", self.get_component_rich_style("compared-pictures--edge"))])
        return Strip.join([first.crop(0, edge), mark, second.crop(edge + 1, width)])

    def _line(self, want: Want, y: int) -> Strip:
        width, plain = self.content_size.width, self.rich_style
        pixels: Pixels | None = self._pictures.find(want)
        top = (self.content_size.height - pixels.height // 2) // 2 if pixels else 0
        if not pixels or not 0 <= y - top < pixels.height // 2:
            return Strip.blank(width, plain)
        beside = " " * ((width - pixels.width) // 2)
        return Strip([Segment(beside, plain), *row(pixels, y - top)]).adjust_cell_length(width, plain)

    def _wants(self) -> list[Want]:
        width, height = self.content_size
        return [Want(path, max(1, width), max(2, height * 2)) for path in self._paths]

    def _show_arrived(self, wants: frozenset[Want]) -> None:
        if wants & set(self._wants()):
            self.refresh()
