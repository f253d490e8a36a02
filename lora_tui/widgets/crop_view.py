"""A region marked on a picture, and the same region of several pictures beside each other."""

from collections.abc import Sequence
from pathlib import Path

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from lora_tui.pictures.picture_cache import Pictures, Pixels, Region, Want
from lora_tui.widgets.half_blocks import row
from lora_tui.wording.cell_width import centred
from lora_tui.wording.state_symbols import FAILED


def framed(pixels: Pixels, box: Region, colour: tuple[int, int, int]) -> Pixels:
    """Return `pixels` with the edge of `box` (in them) drawn in `colour`."""
    left, top, right, bottom = box
    left, right = max(0, left), min(pixels.width, right)
    top, bottom = max(0, top), min(pixels.height, bottom)
    ink, stride = bytes(colour), pixels.width * 3
    data = bytearray(pixels.data)
    for y in {top, bottom - 1}:
        data[y * stride + left * 3 : y * stride + right * 3] = ink * (right - left)
    for y in range(top, bottom):
        for x in {left, right - 1}:
            data[y * stride + x * 3 : y * stride + x * 3 + 3] = ink
    return Pixels(pixels.width, pixels.height, bytes(data))


class RegionPicture(Widget):
    """A picture as large as there is room, with a region marked on it.

    Args:
        pictures: where it comes from.
        path: its file.
        size: its own width and height, pixels.
    """

    COMPONENT_CLASSES = {"region-picture--edge"}  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    RegionPicture > .region-picture--edge { color: $accent; }
    """

    def __init__(self, pictures: Pictures, path: Path, size: tuple[int, int]) -> None:
        super().__init__()
        self._pictures = pictures
        self._path = path
        self._of = size
        self._region: Region = (0, 0, *size)
        self._drawn: Pixels | None = None

    def on_mount(self) -> None:
        """Subscribe to pictures."""
        self._pictures.watch(self._pictures_arrived)

    def on_unmount(self) -> None:
        """Unsubscribe."""
        self._pictures.unwatch(self._pictures_arrived)
        self._pictures.want(self, ())

    def on_resize(self, event: events.Resize) -> None:
        """Ask for the new size."""
        self._drawn = None
        self._pictures.want(self, (self._want(),))

    def show(self, region: Region) -> None:
        """Mark `region`, in the picture's own pixels."""
        self._region, self._drawn = region, None
        self.refresh()

    def notify_style_update(self) -> None:
        """Draw the edge in the colour that it has now."""
        self._drawn = None
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        width, height = self.content_size
        plain = self.rich_style
        pixels = self._marked()
        top = (height - pixels.height // 2) // 2 if pixels else 0
        if not pixels or not 0 <= y - top < pixels.height // 2:
            return Strip.blank(width, plain)
        beside = " " * ((width - pixels.width) // 2)
        return Strip([Segment(beside, plain), *row(pixels, y - top)]).adjust_cell_length(width, plain)

    def _marked(self) -> Pixels | None:
        if self._drawn is None:
            pixels = self._pictures.find(self._want())
            if not pixels:
                return pixels
            across, down = pixels.width / self._of[0], pixels.height / self._of[1]
            left, top, right, bottom = self._region
            box = (int(left * across), int(top * down), round(right * across), round(bottom * down))
            colour = self.get_component_styles("region-picture--edge").color
            self._drawn = framed(pixels, box, colour.rgb)
        return self._drawn

    def _want(self) -> Want:
        width, height = self.content_size
        return Want(self._path, max(1, width), max(2, height * 2))

    def _pictures_arrived(self, wants: frozenset[Want]) -> None:
        if self._want() in wants:
            self._drawn = None
            self.refresh()


class CropRow(Widget):
    """Crops beside each other, as many in a row as there is room, each under its label; one pixel of the file is one here.

    Args:
        pictures: where they come from.
    """

    COMPONENT_CLASSES = {"crop-row--label", "crop-row--missing"}  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    CropRow {
        height: auto;
        & > .crop-row--label { color: $foreground; text-style: bold; }
        & > .crop-row--missing { color: $faint; background: $surface; }
    }
    """

    def __init__(self, pictures: Pictures) -> None:
        super().__init__()
        self._pictures = pictures
        self._crops: tuple[tuple[str, Want | None], ...] = ()
        self._side = 2

    def on_mount(self) -> None:
        """Subscribe to pictures."""
        self._pictures.watch(self._pictures_arrived)

    def on_unmount(self) -> None:
        """Unsubscribe."""
        self._pictures.unwatch(self._pictures_arrived)
        self._pictures.want(self, ())

    def show(self, crops: Sequence[tuple[str, Want | None]], side: int) -> None:
        """Show (label, crop) of `side` × `side` pixels each; None is a picture that is not made."""
        taller = side != self._side or len(crops) != len(self._crops)
        self._crops, self._side = tuple(crops), side
        self.refresh(layout=taller)
        self._pictures.want(self, [want for _, want in self._crops if want is not None])

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the lines of all rows."""
        return -(-len(self._crops) // self._in_a_row(width)) * self._line_height

    def render_line(self, y: int) -> Strip:
        """Return one line: labels, half-blocks, or the space between two rows."""
        width, plain = self.content_size.width, self.rich_style
        line, inner = divmod(y, self._line_height)
        number = self._in_a_row(width)
        segments: list[Segment] = []
        for label, want in self._crops[line * number : (line + 1) * number]:
            segments.append(Segment(" ", plain))
            segments += self._crop_line(label, want, inner)
        return Strip(segments).adjust_cell_length(width, plain)

    def _crop_line(self, label: str, want: Want | None, inner: int) -> list[Segment]:
        side, plain = self._side, self.rich_style
        if inner == 0:
            return [Segment(centred(label, side), self.get_component_rich_style("crop-row--label"))]
        if inner > side // 2:
            return [Segment(" " * side, plain)]
        pixels = self._pictures.find(want) if want is not None else None
        if pixels and inner - 1 < pixels.height // 2:
            return [*row(pixels, inner - 1), Segment(" " * (side - pixels.width), plain)]
        # Of a broken file there are no pixels; of one that is being read there are none yet.
        middle = inner == (side // 2 + 1) // 2
        text = ("not made" if want is None else FAILED.mark if pixels is not None else "") if middle else ""
        return [Segment(centred(text, side), self.get_component_rich_style("crop-row--missing"))]

    def _in_a_row(self, width: int) -> int:
        return max(1, width // (self._side + 1))

    @property
    def _line_height(self) -> int:
        # A label above, a free line below.
        return self._side // 2 + 2

    def _pictures_arrived(self, wants: frozenset[Want]) -> None:
        if any(want in wants for _, want in self._crops):
            self.refresh()
