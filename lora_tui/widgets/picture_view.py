"""One picture, as large as there is room: in half-blocks, or as true pixels where the terminal can."""

from pathlib import Path
from typing import Any

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from lora_tui.pictures.picture_cache import Pictures, Pixels, Want, fitted
from lora_tui.terminal.graphics import pixel_graphics
from lora_tui.widgets.half_blocks import row
from lora_tui.wording.cell_width import centred
from lora_tui.wording.state_symbols import FAILED


class PictureView(Widget):
    """Shows one picture in the middle of its room, and a line under it.

    Args:
        pictures: where it comes from.
        true: in true pixels where the terminal can.
    """

    COMPONENT_CLASSES = {"picture-view--label"}  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    PictureView {
        align: center middle;
        & > .picture-view--label { color: $muted; }
        & > #pixels { width: auto; height: 100%; }
    }
    """

    def __init__(self, pictures: Pictures, *, true: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pictures = pictures
        self._true = pixel_graphics() if true else None
        self._path: Path | None = None
        self._proportion = (1, 1)
        self._label = ""
        self._empty = ""
        # What was read for the picture, and what is drawn of it.
        self._source: Pixels | None = None
        self._is_stale = False
        self._drawn: Pixels | None = None

    def compose(self) -> ComposeResult:
        """Yield what shows true pixels."""
        if self._true is not None:
            widget = self._true.widget()
            widget.id = "pixels"
            yield widget

    def on_mount(self) -> None:
        """Hear of pictures."""
        self._pictures.watch(self._pictures_arrived)

    def on_unmount(self) -> None:
        """Hear of them no more, and wish for none."""
        self._pictures.unwatch(self._pictures_arrived)
        self._pictures.want(self, ())

    def show(self, path: Path | None, proportion: tuple[int, int], label: str = "", empty: str = "") -> None:
        """Show a picture.

        Args:
            path: its file, None for none.
            proportion: its width to its height, which decide how high the widget likes to be.
            label: the line under it; foreign texts are made visible before.
            empty: what stands there without a picture.
        """
        if (path, label, empty) != (self._path, self._label, self._empty):
            relabelled = (label, empty) != (self._label, self._empty)
            self._path, self._label, self._empty = path, label, empty
            # The picture before stays until the next has come: a blank between them would flash, and cost bytes.
            if relabelled or path is None or self._now() is not None:
                self.refresh()
        if proportion != self._proportion:
            self._proportion = proportion
            self.refresh(layout=True)
        self._request_picture()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the lines that the picture fills at this width."""
        across, down = self._proportion
        return fitted(across, down, width, 4096)[1] // 2 + bool(self._label)

    def on_resize(self, event: events.Resize) -> None:
        """Ask for the new size."""
        self._request_picture()

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        width, height = self.content_size
        plain = self.rich_style
        if self._label and y == height - 1:
            label = self.get_component_rich_style("picture-view--label")
            return Strip([Segment(centred(self._label, width), label)]).adjust_cell_length(width, plain)
        pixels = self._pixels() if self._true is None else None
        if pixels:
            left, top = (width - pixels.width) // 2, (self._rows - pixels.height // 2) // 2
            if 0 <= y - top < pixels.height // 2:
                return Strip([Segment(" " * left, plain), *row(pixels, y - top)]).adjust_cell_length(width, plain)
        elif y == self._rows // 2:
            # Of an unreadable file there are no pixels, of one that still comes none yet.
            text = self._empty if self._path is None else f"{FAILED.mark} cannot be read" if pixels is not None else ""
            label = self.get_component_rich_style("picture-view--label")
            return Strip([Segment(centred(text, width), label)]).adjust_cell_length(width, plain)
        return Strip.blank(width, plain)

    @property
    def _rows(self) -> int:
        return self.content_size.height - bool(self._label)

    def _want(self) -> Want | None:
        width = self.content_size.width
        if self._path is None or width < 1 or self._rows < 1:
            return None
        across, down = self._true.cell if self._true is not None else (1, 2)
        return Want(self._path, width * across, self._rows * down)

    def _now(self) -> Pixels | None:
        want = self._want()
        return self._pictures.find(want) if want is not None else None

    def _pixels(self) -> Pixels | None:
        """Return what is drawn: the picture, or the one before while it is on its way."""
        self._take(self._now())
        drawn = self._drawn
        too_large = drawn is not None and (drawn.width > self.content_size.width or drawn.height > 2 * self._rows)
        return None if too_large else drawn

    def _request_picture(self) -> None:
        want = self._want()
        self._pictures.want(self, (want,) if want is not None else ())
        self._show_true()

    def _pictures_arrived(self, wants: frozenset[Want]) -> None:
        if self._want() in wants:
            self.refresh()
            self._show_true()

    def _show_true(self) -> None:
        if self._true is None or not self.is_mounted:
            return
        if not self._take(self._now()):
            return
        pixels = self._drawn
        widget: Any = self.query_one("#pixels")
        if pixels:
            from PIL import Image

            widget.image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.data)
        else:
            widget.image = None

    def _take(self, now: Pixels | None) -> bool:
        """Draw what was read, unless it is drawn already or still on its way; return whether something changed."""
        if (now is self._source and not self._is_stale) or (now is None and self._path is not None):
            return False
        self._source, self._drawn, self._is_stale = now, self._finished(now) if now else now, False
        return True

    def _finished(self, pixels: Pixels) -> Pixels:
        """Return what is drawn of the picture now shown, at the size at which it was read."""
        return pixels

    def _finish_again(self) -> None:
        """Draw again what is drawn on the picture."""
        self._is_stale = True
        self.refresh()
        self._show_true()
