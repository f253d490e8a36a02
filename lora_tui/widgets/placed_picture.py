"""A training picture with what its bucket cuts off, and what its mask leaves out, shown on it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lora_tui.pictures.picture_cache import Pixels, Region, Want
from lora_tui.widgets.crop_view import framed
from lora_tui.widgets.picture_view import PictureView

if TYPE_CHECKING:
    from trainer.data_index.record import IndexedPicture

# What is cut off keeps this share of its light: it can still be made out.
_CUT_LIGHT = 0.35
_DARKER = bytes(round(value * _CUT_LIGHT) for value in range(256))


@dataclass(frozen=True)
class PlacedFile:
    """A picture as it goes into its bucket.

    Attributes:
        path: its file.
        size: its own width and height.
        kept: what the bucket keeps of it, in its own pixels; None for all of it.
        mask: what its mask is, None where none is to be shown.
    """

    path: Path
    size: tuple[int, int]
    kept: Region | None = None
    mask: Path | Literal["alpha"] | None = None


class PlacedPicture(PictureView):
    """Shows a training picture; what the bucket cuts off is darker, outside a frame."""

    COMPONENT_CLASSES = {"placed-picture--edge"}  # noqa: RUF012 - Textual's own declaration

    DEFAULT_CSS = """
    PlacedPicture > .placed-picture--edge { color: $accent; }
    """

    _placed: PlacedFile | None = None

    def place(self, placed: PlacedFile | None, label: str = "", empty: str = "") -> None:
        """Show a picture; `label` stands under it, `empty` where there is none."""
        before, self._placed = self._placed, placed
        if placed is None:
            self.show(None, (1, 1), label, empty)
        else:
            self.show(placed.path, placed.size, label, empty)
        if placed != before:
            self._finish_again()

    def _want(self) -> Want | None:
        want = super()._want()
        if want is None or self._placed is None or self._placed.mask is None:
            return want
        return Want(want.path, want.width, want.height, mask=self._placed.mask)

    def _finished(self, pixels: Pixels) -> Pixels:
        placed = self._placed
        if placed is None or placed.kept is None:
            return pixels
        across, down = pixels.width / max(1, placed.size[0]), pixels.height / max(1, placed.size[1])
        left, top, right, bottom = placed.kept
        box = (round(left * across), round(top * down), round(right * across), round(bottom * down))
        # The frame stands outside what is kept, wherever something is cut off there at all.
        left, top, right, bottom = (
            max(0, min(box[0], pixels.width - 1)),
            max(0, min(box[1], pixels.height - 1)),
            max(1, min(box[2], pixels.width)),
            max(1, min(box[3], pixels.height)),
        )
        colour = self.get_component_styles("placed-picture--edge").color
        return framed(_darkened(pixels, (left, top, right, bottom)), (left, top, right, bottom), colour.rgb)


def _darkened(pixels: Pixels, box: Region) -> Pixels:
    """Return `pixels` with what lies outside `box` darker."""
    left, top, right, bottom = box
    stride = pixels.width * 3
    rows = []
    for y in range(pixels.height):
        line = pixels.data[y * stride : (y + 1) * stride]
        if top <= y < bottom:
            inside = line[left * 3 : right * 3]
            rows.append(line[: left * 3].translate(_DARKER) + inside + line[right * 3 :].translate(_DARKER))
        else:
            rows.append(line.translate(_DARKER))
    return Pixels(pixels.width, pixels.height, b"".join(rows))


def kept_region(
    size: tuple[int, int], resized: tuple[int, int], crop: tuple[int, int], bucket: tuple[int, int]
) -> Region | None:
    """Return what a bucket keeps of a picture, in the picture's own pixels; None where that is all of it.

    Args:
        size: of the picture.
        resized: what it is resized to before it is cropped.
        crop: left and top of the crop, in the resized picture.
        bucket: the size of the crop.
    """
    if resized == bucket:
        return None
    across, down = size[0] / max(1, resized[0]), size[1] / max(1, resized[1])
    left, top = crop[0] * across, crop[1] * down
    region = round(left), round(top), round(left + bucket[0] * across), round(top + bucket[1] * down)
    return None if region == (0, 0, *size) else region


def placed_file(picture: "IndexedPicture", *, with_mask: bool = False) -> PlacedFile | None:
    """Return a picture of the data as it goes into its bucket; None for one that cannot be read."""
    if not picture.width:
        return None
    size, kept = (picture.width, picture.height), None
    if picture.bucket is not None and picture.resized is not None and picture.crop is not None:
        kept = kept_region(size, picture.resized, picture.crop, picture.bucket)
    return PlacedFile(picture.path, size, kept, picture.mask if with_mask else None)
