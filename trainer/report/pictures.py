"""A report's pictures inside its page: as large as a bound on all of them allows."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from trainer.long_work import each
from trainer.regular_file import open_regular
from trainer.report.record import PictureFile
from trainer.text import plural

_LARGEST, _SMALLEST = 1800, 380
"""Pixels of a picture's longer side."""
_QUALITY = 80
# What a picture takes grows a little more slowly than its area.
_SAFETY = 0.95
# Reading it takes four bytes a pixel.
_MOST_PIXELS = 64_000_000


@dataclass(frozen=True)
class InlinedPictures:
    """The pictures of a page.

    Attributes:
        data: file -> its picture as WebP in base64; without those that cannot be shown.
        remarks: what the user should know of them, a line each.
    """

    data: Mapping[Path, str]
    remarks: tuple[str, ...] = ()


def inlined_pictures(pictures: Sequence[PictureFile], max_bytes: int) -> InlinedPictures:
    """Return pictures made so small that all together take at most `max_bytes` of the page; the first are shown where not all fit.

    Args:
        pictures: in the order of the page.
        max_bytes: of their base64.
    """
    files = list(dict.fromkeys(picture.path for picture in pictures))
    side = _LARGEST
    while True:
        read = {
            path: picture
            for path in each("making sheets smaller:", files)
            if (picture := _webp(path, side)) is not None
        }
        made = {path: data for path, (data, _) in read.items()}
        taken = sum(map(len, made.values()))
        if taken <= max_bytes:
            return InlinedPictures(made, _remarks(len(files) - len(made), 0))
        if side == _SMALLEST:
            break
        longest = max(longest for _, longest in read.values())
        side = max(_SMALLEST, min(side - 1, int(longest * math.sqrt(max_bytes / taken) * _SAFETY)))
    shown: dict[Path, str] = {}
    for path, data in made.items():
        if sum(map(len, shown.values())) + len(data) > max_bytes:
            break
        shown[path] = data
    return InlinedPictures(shown, _remarks(len(files) - len(made), len(made) - len(shown)))


def _remarks(unread: int, left_out: int) -> tuple[str, ...]:
    remarks = []
    if unread:
        remarks.append(f"{plural(unread, 'sheet')} could not be read, or would be too large.")
    if left_out:
        remarks.append(f"{plural(left_out, 'sheet')} left out to keep the page small: `--max` allows more.")
    return tuple(remarks)


def _webp(path: Path, side: int) -> tuple[str, int] | None:
    """Return a picture with no side longer than `side` as WebP in base64, and its longer side; None where it cannot be read."""
    try:
        with open_regular(path) as file, Image.open(file, formats=("PNG",)) as picture:
            # The pixels of a file that is larger are not read.
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            small = picture.convert("RGB")
    except Exception:  # Pillow's readers raise what they like on a broken file
        return None
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=_QUALITY)
    return base64.b64encode(out.getvalue()).decode(), max(small.size)
