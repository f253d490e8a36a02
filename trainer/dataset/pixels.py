"""What does a picture look like in its bucket? Decoding, resizing, cropping."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.dataset.area import shrink
from trainer.dataset.buckets import Placement
from trainer.dataset.picture_file import UnreadablePicture, open_picture
from trainer.dataset.scan import Picture
from trainer.errors import DatasetError
from trainer.foreign_text import shown


def load_pixels(picture: Picture, placement: Placement) -> NDArray[np.uint8]:
    """Return the pixels of `picture` as its bucket holds them.

    What is transparent lies on white. Shrinking on both sides averages areas, anything else is Lanczos (as sd-scripts).

    Returns:
        [bucket height, bucket width, 3], 0 to 255, RGB.

    Raises:
        DatasetError: the file cannot be decoded, or holds another picture than when it was scanned.
    """
    try:
        image = open_picture(picture.path)
    except UnreadablePicture as error:
        raise DatasetError(
            shown(str(picture.path)),
            found=f"unreadable picture ({error})",
            expected="a whole picture",
            way_out="replace or remove it",
        ) from error
    if image.size != (picture.width, picture.height):
        raise DatasetError(
            shown(str(picture.path)),
            found=f"{image.width}×{image.height} pixels",
            expected=f"{picture.width}×{picture.height} as when the folder was read",
            way_out="start the bake anew",
        )
    pixels = _resized(_on_white(image), placement.resized)
    (width, height), (left, top) = placement.bucket, placement.crop
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def _on_white(image: Image.Image) -> Image.Image:
    """Return `image` in RGB; transparency shows white, 16-bit greys are scaled (Pillow would cut them off at 255)."""
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.int64).clip(0, 65535) >> 8
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    white = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(white, seen).convert("RGB")


def _resized(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    if size == image.size:
        return np.asarray(image)
    if size[0] < image.width and size[1] < image.height:
        return shrink(np.asarray(image), *size)
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
