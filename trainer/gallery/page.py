"""A grid as one HTML page to send: WebP pictures inside, as large and as good as the requested size allows."""

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image

from trainer.errors import GridError
from trainer.gallery.page_html import grid_html
from trainer.gallery.sheets import read_picture
from trainer.gallery.sidecar import MadeCell, MadeGrid
from trainer.journal.grid_records import CellNote
from trainer.long_work import each
from trainer.text import plural, printable

_SIDES = (2048, 1536, 1280, 1024, 896, 768, 640, 512, 448, 384, 320, 256, 224, 192, 160, 128, 96, 64, 48, 32)
_QUALITIES = (80, 65, 50)
# The size of all pictures is estimated from this many of them, spread evenly over the grid.
_SAMPLE_PICTURES = 12
_SAFETY_FACTOR = 1.05


@dataclass(frozen=True)
class _Encoding:
    """How the pictures are written: no side longer than `side` pixels, WebP at `quality` of 100."""

    side: int
    quality: int


@dataclass(frozen=True)
class Page:
    """A grid's page.

    Attributes:
        content: the complete HTML.
        pictures: how many it shows.
        missing: how many were not made.
        size_note: size and quality of the pictures, one line.
    """

    content: bytes
    pictures: int
    missing: int
    size_note: str


def page(made: MadeGrid, folder: Path, notes: Sequence[CellNote], *, max_bytes: int) -> Page:
    """Return a grid as one HTML page of at most `max_bytes`, with pictures as large and as good as fit.

    Args:
        made: the grid.
        folder: its own, with its pictures.
        notes: verdicts and favourites.
        max_bytes: of the page.

    Raises:
        GridError: it has no picture, or the page is too large even with the smallest pictures.
    """
    existing = [cell for cell in made.cells if os.path.isfile(folder / cell.file)]
    if not existing:
        raise GridError(f"grid {printable(made.spec.name, 80)}", found="has no picture yet", expected="at least one")
    by_cell = {note.cell: note for note in notes}
    missing = len(made.cells) - len(existing)
    # Measured with the longest possible note, so that the actual one never makes the page larger.
    frame = len(grid_html(made, {cell.place.name: b"" for cell in existing}, by_cell, _remarks(made, missing, None)))
    room = max_bytes - frame - len(_size_note(made, _Encoding(9999, 99), max_bytes)) * 2
    encodings = _encodings(made)
    for encoding in encodings[_first_to_try(existing, folder, encodings, room) :]:
        webp = {
            cell.place.name: shot
            for cell in each("making pictures smaller:", existing)
            if (shot := _webp(cell, folder, encoding)) is not None
        }
        if sum(_inlined(shot) for shot in webp.values()) <= room:
            missing = len(made.cells) - len(webp)
            size_note = _size_note(made, encoding, max_bytes)
            return Page(
                grid_html(made, webp, by_cell, _remarks(made, missing, size_note)), len(webp), missing, size_note
            )
    least = frame + round(_estimate(existing, folder, encodings[-1]))
    raise GridError(
        "--max",
        found=f"{size_text(max_bytes)} for {plural(len(existing), 'picture')}",
        expected=f"at least {size_text(least)}",
        way_out="allow more, or use a smaller grid",
    )


def size_text(amount: int) -> str:
    """Return a number of bytes as sizes are typed: `2.9 MB`, `40 kB`."""
    if amount < 1_000_000:
        return f"{-(-amount // 1000)} kB"
    return f"{amount / 1e6:.1f} MB"


def _encodings(made: MadeGrid) -> list[_Encoding]:
    """Return the encodings from the best to the least: full size first, then each smaller side."""
    longest = max(max(cell.recipe.width, cell.recipe.height) for cell in made.cells)
    sides = (longest, *(side for side in _SIDES if side < longest))
    return [_Encoding(side, quality) for side in sides for quality in _QUALITIES]


def _first_to_try(cells: Sequence[MadeCell], folder: Path, encodings: Sequence[_Encoding], room: int) -> int:
    """Return which form is the best that should fit, by halving; the last where none should."""
    low, high = 0, len(encodings) - 1
    while low < high:
        middle = (low + high) // 2
        if _estimate(cells, folder, encodings[middle]) * _SAFETY_FACTOR <= room:
            high = middle
        else:
            low = middle + 1
    return low


def _estimate(cells: Sequence[MadeCell], folder: Path, encoding: _Encoding) -> float:
    """Return how many bytes all pictures will take in the page, by some of them."""
    count = min(_SAMPLE_PICTURES, len(cells))
    bounds = [round(place * len(cells) / count) for place in range(count + 1)]
    tried = [_webp(cells[(first + last) // 2], folder, encoding) for first, last in pairwise(bounds)]
    sizes = [_inlined(shot) for shot in tried if shot is not None]
    return sum(sizes) / len(sizes) * len(cells) if sizes else 0.0


def _webp(cell: MadeCell, folder: Path, encoding: _Encoding) -> bytes | None:
    shot = read_picture(cell, folder)
    if shot is None:
        return None
    shot.thumbnail((encoding.side, encoding.side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    shot.save(file, "WEBP", quality=encoding.quality)
    return file.getvalue()


def _inlined(shot: bytes) -> int:
    return len(base64.b64encode(shot))


def _size_note(made: MadeGrid, encoding: _Encoding, max_bytes: int) -> str:
    longest = max(max(cell.recipe.width, cell.recipe.height) for cell in made.cells)
    size = f"shrunk from {longest} to {encoding.side} pixels" if encoding.side < longest else "at full size"
    if encoding == _encodings(made)[0]:
        return f"pictures {size}, WebP quality {encoding.quality}"
    return f"pictures {size}, WebP quality {encoding.quality}, to stay under {size_text(max_bytes)}"


def _remarks(made: MadeGrid, missing: int, size_note: str | None) -> list[str]:
    remarks = [f"Made by lora-tui; {size_note or ''}. The original PNGs, with their recipes, are in the grid's folder."]
    if missing:
        remarks.append(f"{plural(missing, 'picture')} of {len(made.cells):,} not made.")
    return remarks
