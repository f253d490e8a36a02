"""Pixels of a picture in its bucket: decoded, resized, cropped."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.dataset.area_resize import area_means, shrink
from trainer.dataset.buckets import Placement
from trainer.dataset.picture_file import UnreadablePicture, open_picture
from trainer.dataset.records import Picture
from trainer.errors import DatasetError
from trainer.text import printable


def load_pixels(picture: Picture, placement: Placement) -> NDArray[np.uint8]:
    """Return the pixels of `picture`, resized and cropped to its bucket.

    What is transparent lies on white. Shrinking on both sides averages areas, anything else is Lanczos (as sd-scripts).

    Returns:
        [bucket height, bucket width, 3], 0 to 255, RGB.

    Raises:
        DatasetError: the file cannot be decoded, or holds another picture than when it was scanned.
    """
    image = _as_scanned(picture)
    return _cropped(_resized(_on(image, "white"), placement.resized), placement)


def load_mask(picture: Picture, placement: Placement, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return the weight of each pixel of `picture`, resized and cropped like its pixels.

    Of a mask its red channel counts, as in sd-scripts; where it is transparent it counts for nothing. A picture without
    transparency counts everywhere.

    Args:
        picture: with a mask.
        placement: of the picture.
        size: (width, height) of the mask: that of the latents.

    Returns:
        [height, width], 0 to 1; means of the areas.

    Raises:
        DatasetError: the picture or the mask cannot be decoded, or is another one than when it was scanned.
    """
    own = picture.mask
    image = mask_channel(picture.path, own) if isinstance(own, Path) else _alpha(_as_scanned(picture))
    cropped = _cropped(_resized(image, placement.resized), placement)
    return area_means(cropped, *size)[:, :, 0] / np.float32(255)


def mask_channel(path: Path, mask: Path | Literal["alpha"]) -> Image.Image:
    """Return how much each part of a picture counts, `L`, before it is resized: as `load_mask` takes it.

    Args:
        path: the picture.
        mask: its mask's file, or `alpha` for its own transparency.

    Raises:
        DatasetError: the file cannot be decoded.
    """
    return _alpha(_opened(path)) if mask == "alpha" else _on(_opened(mask), "black").getchannel("R")


def _as_scanned(picture: Picture) -> Image.Image:
    image = _opened(picture.path)
    if image.size != (picture.width, picture.height):
        raise DatasetError(
            printable(str(picture.path)),
            found=f"{image.width}×{image.height} pixels",
            expected=f"{picture.width}×{picture.height} as when the folder was read",
            way_out="start the bake again",
        )
    return image


def _opened(path: Path) -> Image.Image:
    try:
        return open_picture(path)
    except UnreadablePicture as error:
        raise DatasetError(
            printable(str(path)),
            found=f"unreadable picture ({error})",
            expected="an intact picture",
            way_out="replace or remove it",
        ) from error


def _on(image: Image.Image, ground: str) -> Image.Image:
    """Return `image` in RGB on a colour; 16-bit greys are scaled (Pillow would cut them off at 255)."""
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64).clip(0, 65535) >> 8
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, ground), seen).convert("RGB")


def _alpha(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or not image.has_transparency_data:
        return Image.new("L", image.size, 255)
    return image.convert("RGBA").getchannel("A")


def _resized(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return `image` at `size` (width, height) as [height, width, channels]."""
    if size[0] < image.width and size[1] < image.height:
        return shrink(_pixels(image), *size)
    return _pixels(image if size == image.size else image.resize(size, Image.Resampling.LANCZOS))


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    return np.atleast_3d(np.asarray(image))


def _cropped(pixels: NDArray[np.uint8], placement: Placement) -> NDArray[np.uint8]:
    (width, height), (left, top) = placement.bucket, placement.crop
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])
