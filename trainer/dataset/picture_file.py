"""Picture files: their size, and whether they are intact."""

import errno
import os
import re
import stat
import threading
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError, features

from trainer.regular_file import open_regular
from trainer.text import plural, printable

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

MAX_BYTES = 256 * 2**20
"""Bytes of the largest picture file that is read; one of more is another file by mistake."""

# Pillow's own warning goes to stderr, across the screen; it still refuses pictures twice as large, and the error names that file.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# No other format is tried on a file from outside: some of Pillow's other readers start programs.
_FORMATS = tuple(name.upper() for name in _READ)

# EXIF's orientation: from 5 to 8 the picture is stored lying on its side.
_ORIENTATION = 0x0112
_LYING = (5, 6, 7, 8)


_FileState = tuple[str, int, int]
# Some 300 bytes each.
_MAX_KNOWN = 400_000

PictureFault = Literal["unreadable", "truncated", "empty", "too-large"]
"""What is wrong with a file that holds no intact picture."""

# How the files of other programs start; what a browser saved may also be the page of an error.
_OTHER_KINDS = (
    (re.compile(rb".{4}ftyp(?:hei|hev|mif|msf)", re.DOTALL), "HEIC"),
    (re.compile(rb"II\*\0|MM\0\*"), "TIFF"),
    (re.compile(rb"8BPS"), "Photoshop's PSD"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "JPEG XL"),
    (re.compile(rb"\0\0\0\x0cjP  "), "JPEG 2000"),
    (re.compile(rb"version https://git-lfs"), "a Git LFS pointer whose picture was not downloaded"),
    (re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<svg", re.IGNORECASE), "SVG"),
    (re.compile(rb"\s*<(?:!doctype html|html)", re.IGNORECASE), "a web page"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive"),
    (re.compile(rb"%PDF"), "a PDF"),
)
# A file that starts like one of ours and yet is not recognised ends too soon.
_OWN_KINDS = re.compile(
    rb"\x89PNG|\xff\xd8\xff|GIF8|BM|RIFF.{4}WEBP|.{4}ftypavi[fs]",
    re.DOTALL,
)
_HEAD_BYTES = 512


class UnreadablePicture(Exception):
    """A file that holds no intact picture; the message is the reason, without the file's name.

    Attributes:
        fault: what kind of reason it is.
    """

    def __init__(self, reason: str, fault: PictureFault = "unreadable") -> None:
        self.fault: PictureFault = fault
        super().__init__(reason)


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
    return _facts(path)[:2]


def picture_kind(path: Path) -> str:
    """Return the kind of picture that a file holds, whatever its name: one of `KINDS`; an unchanged file is read once.

    Raises:
        UnreadablePicture: as picture_size.
    """
    return _facts(path)[2]


def kind_of_name(name: str) -> str:
    """Return the kind of picture that a file's ending promises, "" for an ending that is not read."""
    ending = Path(name).suffix.lower()
    return next((kind for kind, endings in _READ.items() if ending in endings), "")


def _facts(path: Path) -> tuple[int, int, str]:
    """Return width, height and kind."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise UnreadablePicture(_reason(error)) from error
    if stat.S_ISREG(status.st_mode) and not status.st_size:
        raise UnreadablePicture("an empty file, 0 bytes", "empty")
    # ctime moves with the content as well as with the permissions.
    return _known.facts((str(path), status.st_ctime_ns, status.st_size))


class _KnownFacts:
    """Width, height and kind of files by their path, their last change and their size; the oldest are dropped first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: dict[_FileState, tuple[int, int, str]] = {}

    def facts(self, file: _FileState) -> tuple[int, int, str]:
        found = self._facts.get(file)
        if found is None:
            found = _measured(Path(file[0]))
            self.keep({file: found})
        return found

    def keep(self, known: Mapping[_FileState, tuple[int, int, str]]) -> None:
        with self._lock:
            self._facts.update(known)
            if len(self._facts) > _MAX_KNOWN:
                for file in list(islice(self._facts, len(self._facts) - _MAX_KNOWN * 3 // 4)):
                    del self._facts[file]


def keep_sizes(known: Mapping[tuple[str, int, int], tuple[int, int, str]]) -> None:
    """Take over what is known of files from before, so that unchanged ones are not opened.

    Args:
        known: (path, time of the last change in nanoseconds, bytes) -> (width, height as seen, kind).
    """
    _known.keep(known)


def open_picture(path: Path) -> Image.Image:
    """Return the picture in `path`, decoded and turned as it is seen.

    Raises:
        UnreadablePicture: it is missing, not readable, not a picture or cut off.
    """
    try:
        with open_regular(path, MAX_BYTES) as file, Image.open(file, formats=_FORMATS) as image:
            turned = _has_orientation(image)
            image.load()
            return ImageOps.exif_transpose(image) if turned else image
    except (
        Exception
    ) as error:  # Pillow's readers raise what they like on a broken file, from IndexError to struct.error
        raise _unreadable(path, error) from error


def open_grey(path: Path) -> Image.Image:
    """Return the picture in `path` in levels of grey at its whole size, as it is seen, on white where it is transparent.

    Raises:
        UnreadablePicture: it is missing, not readable, not a picture or damaged anywhere.
    """
    try:
        with open_regular(path, MAX_BYTES) as file, Image.open(file, formats=_FORMATS) as image:
            turned = _has_orientation(image)
            # A JPEG keeps its brightness apart from its colours.
            image.draft("L", None)
            image.load()
            plain = image.mode == "L" and not image.has_transparency_data
            grey = image.copy() if plain else _on_white(_eight_bits(image)).convert("L")
            if turned and (orientation := image.getexif().get(_ORIENTATION)):
                grey.getexif()[_ORIENTATION] = orientation
                grey = ImageOps.exif_transpose(grey)
            return grey
    except (
        Exception
    ) as error:  # Pillow's readers raise what they like on a broken file, from IndexError to struct.error
        raise _unreadable(path, error) from error


def open_small(path: Path, side: int) -> Image.Image:
    """Return the picture in `path` in RGB, on white where it is transparent, with sides of at most about `side` pixels.

    A JPEG is decoded at a fraction of its size, which is several times faster; other kinds are decoded whole.

    Raises:
        UnreadablePicture: it is missing, not readable, not a picture or damaged anywhere.
    """
    try:
        with open_regular(path, MAX_BYTES) as file, Image.open(file, formats=_FORMATS) as image:
            turned = _has_orientation(image)
            image.draft("RGB", (2 * side, 2 * side))
            image.load()
            small = _eight_bits(_reduced(image, 2 * side))
            small.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=1.0)
            small = ImageOps.exif_transpose(small) if turned else small
    except (
        Exception
    ) as error:  # Pillow's readers raise what they like on a broken file, from IndexError to struct.error
        raise _unreadable(path, error) from error
    return _on_white(small)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """Return the picture shrunk by a whole number, its shorter side not below `side`, before anything makes a copy of it."""
    factor = min(image.size) // side
    return image.reduce(factor) if factor > 1 and image.mode in ("L", "RGB", "RGBA", "CMYK", "YCbCr") else image


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16-bit greys: Pillow would cut them off at 255.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _measured(path: Path) -> tuple[int, int, str]:
    try:
        with open_regular(path, MAX_BYTES) as file, Image.open(file, formats=_FORMATS) as image:
            width, height = image.size
            lying = _has_orientation(image) and image.getexif().get(_ORIENTATION) in _LYING
            kind = _kind_names.get(image.format or "", "JPEG")
            _read_to_the_end(image)
    except (
        Exception
    ) as error:  # Pillow's readers raise what they like on a broken file, from IndexError to struct.error
        raise _unreadable(path, error) from error
    return (height, width, kind) if lying else (width, height, kind)


_known = _KnownFacts()


# A JPEG with several pictures in it calls itself MPO.
_kind_names = {kind.upper(): kind for kind in _READ}


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


def _unreadable(path: Path, error: BaseException) -> UnreadablePicture:
    """Return what is wrong with a file, from the error that reading it raised and from how it starts."""
    if isinstance(error, Image.DecompressionBombError):
        return UnreadablePicture(_too_large(error), "too-large")
    if isinstance(error, OSError) and error.strerror:
        return UnreadablePicture(_reason(error), "too-large" if error.errno == errno.EFBIG else "unreadable")
    head, size = _head(path)
    if isinstance(error, UnidentifiedImageError):
        return _unidentified(error, head)
    # WebP's reader names no reason; the file says how long it should be.
    promised = int.from_bytes(head[4:8], "little") + 8 if head[:4] == b"RIFF" else 0
    if promised > size:
        return UnreadablePicture(f"cut off: {size:,} of {promised:,} bytes are there", "truncated")
    if "truncat" in str(error).lower():
        return UnreadablePicture("cut off: its end is missing", "truncated")
    return UnreadablePicture(_reason(error))


def _unidentified(error: BaseException, head: bytes) -> UnreadablePicture:
    """Return what is wrong with a file that no reader knows, from its first bytes."""
    if _OWN_KINDS.match(head):
        return UnreadablePicture("cut off in its first bytes, or damaged there", "truncated")
    other = next((name for pattern, name in _OTHER_KINDS if pattern.match(head)), "")
    return UnreadablePicture(_reason(error) + (f" but {other}" if other else ""))


def _head(path: Path) -> tuple[bytes, int]:
    """Return the first bytes of a file and its length."""
    try:
        with open_regular(path) as file:
            return file.read(_HEAD_BYTES), os.fstat(file.fileno()).st_size
    except OSError:
        return b"", 0


def _too_large(error: BaseException) -> str:
    numbers = [int(number) for number in re.findall(r"\d+", str(error))]
    if len(numbers) < 2:
        return _reason(error)
    return f"{plural(numbers[0], 'pixel')}, and at most {numbers[1]:,} are opened"


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        *others, last = _READ
        return f"not a {', '.join(others)} or {last}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return printable(" ".join(str(error).split())[:100]) or type(error).__name__
