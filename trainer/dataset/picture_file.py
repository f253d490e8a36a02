"""Picture files: their size, and whether they are intact."""

import os
import struct
import warnings
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError, features

from trainer.text import printable

# A Pillow built by a distribution may lack the codec; its own wheels have it.
_AVIF = features.check("avif")

# Browsers on Windows save JPEGs as .jfif; .jpe, .jif, .pjpeg and .pjp are their other names, .apng that of a moving PNG.
_READ = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jfif", ".jpe", ".jif", ".pjpeg", ".pjp"),
    "WebP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    **({"AVIF": (".avif",)} if _AVIF else {}),
}

ENDINGS = tuple(ending for endings in _READ.values() for ending in endings)
"""Endings of the pictures that are read, in any case; of a moving one the first picture."""

KINDS = ", ".join(_READ)
"""The kinds of pictures that are read, in words."""

OTHER_ENDINGS = tuple(
    ending
    for ending in (
        *(".tif", ".tiff", ".heic", ".heif", ".hif", ".avif", ".avifs", ".jxl", ".jp2", ".j2k", ".jpx", ".jxr"),
        *(".psd", ".psb", ".xcf", ".kra", ".clip", ".sai", ".sai2", ".ora", ".svg", ".eps"),
        *(".tga", ".ico", ".pcx", ".ppm", ".pgm", ".pbm", ".pnm", ".qoi", ".dds", ".exr", ".hdr", ".mpo", ".flif"),
        *(".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw"),
    )
    if ending not in ENDINGS
)
"""Endings of pictures that other programs show and that are not read here; they are named so that nobody misses them silently."""

# Pillow's own warning goes to stderr, across the screen; it still refuses pictures twice as large, and the error names that file.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# No other format is tried on a file from outside: some of Pillow's other readers start programs.
_FORMATS = tuple(name.upper() for name in _READ)

# EXIF's orientation: from 5 to 8 the picture is stored lying on its side.
_ORIENTATION = 0x0112
_LYING = (5, 6, 7, 8)


class UnreadablePicture(Exception):
    """A file that holds no intact picture; the message is the reason, without the file's name."""


def is_picture_name(name: str) -> bool:
    """Return whether a file called `name` counts as a picture; hidden files do not."""
    return not name.startswith(".") and name.lower().endswith(ENDINGS)


def is_other_picture_name(name: str) -> bool:
    """Return whether a file called `name` is a picture of a kind that is not read; hidden files are not."""
    return not name.startswith(".") and name.lower().endswith(OTHER_ENDINGS)


def unread_pictures(names: Iterable[str]) -> Counter[str]:
    """Return how many of the files called `names` are pictures that are not read, by ending."""
    return Counter(Path(name).suffix.lower() for name in names if is_other_picture_name(name))


def picture_size(path: Path) -> tuple[int, int]:
    """Return (width, height) in pixels as the picture is seen, turned by its EXIF orientation.

    The file is read to its end, so that a cut-off one is found before anything is baked; an unchanged file is read once.

    Raises:
        UnreadablePicture: it is missing, not readable, not a picture or cut off.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise UnreadablePicture(_reason(error)) from error
    # ctime moves with the content as well as with the permissions.
    return _measured(str(path), status.st_ctime_ns, status.st_size)


def open_picture(path: Path) -> Image.Image:
    """Return the picture in `path`, decoded and turned as it is seen.

    Raises:
        UnreadablePicture: it is missing, not readable, not a picture or cut off.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            turned = _has_orientation(image)
            image.load()
            return ImageOps.exif_transpose(image) if turned else image
    except _BROKEN as error:
        raise UnreadablePicture(_reason(error)) from error


# What Pillow's readers raise on broken files; SyntaxError and struct.error come from its PNG and EXIF readers.
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError, OverflowError)


@lru_cache(maxsize=100_000)
def _measured(path: str, _changed: int, _bytes: int) -> tuple[int, int]:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            lying = _has_orientation(image) and image.getexif().get(_ORIENTATION) in _LYING
            _read_to_the_end(image)
    except _BROKEN as error:
        raise UnreadablePicture(_reason(error)) from error
    return (height, width) if lying else (width, height)


def _has_orientation(image: Image.Image) -> bool:
    """Return whether EXIF counts. Reading it from a PNG unpacks the complete file unless it comes first, where programs write it."""
    return image.format != "PNG" or "exif" in image.info or "Raw profile type exif" in image.info


def _read_to_the_end(image: Image.Image) -> None:
    """Read all of the file by the cheapest way that notices a missing end."""
    if image.format == "PNG":
        # Checks each chunk's sum without unpacking it.
        image.verify()
        return
    # A JPEG decodes at an eighth of its size several times faster; other kinds ignore this request.
    image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
    image.load()


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        *others, last = _READ
        return f"not a {', '.join(others)} or {last}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return printable(" ".join(str(error).split())[:100]) or type(error).__name__
