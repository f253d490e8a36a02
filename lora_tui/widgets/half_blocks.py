"""A picture as text: `▀` shows two pixels, one above the other, in its own colour and the ground's."""

from functools import lru_cache

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from lora_tui.pictures.picture_cache import Pixels

# Six bits of each colour are kept: no eye sees the rest in a cell, and neighbours that become equal cost one code instead of two.
_SHADES = bytes((value & 0xFC) | (value >> 6) for value in range(256))


def row(pixels: Pixels, line: int) -> list[Segment]:
    """Return line `line` of a picture, `pixels.width` cells wide; it has `pixels.height / 2` lines."""
    stride = pixels.width * 3
    start = 2 * line * stride
    upper = pixels.data[start : start + stride].translate(_SHADES)
    lower = pixels.data[start + stride : start + 2 * stride].translate(_SHADES)
    segments: list[Segment] = []
    run, last = 0, None
    for at in range(0, stride, 3):
        cell = _cell(upper[at : at + 3], lower[at : at + 3])
        if cell is not last:
            if last is not None:
                segments.append(_run(last, run))
            run, last = 0, cell
        run += 1
    if last is not None:
        segments.append(_run(last, run))
    return segments


def _run(cell: Segment, length: int) -> Segment:
    return cell if length == 1 else Segment(cell.text * length, cell.style)


@lru_cache(maxsize=16384)
def _cell(upper: bytes, lower: bytes) -> Segment:
    ground = Color.from_rgb(*lower)
    if upper == lower:
        return Segment(" ", Style(bgcolor=ground))
    return Segment("▀", Style(color=Color.from_rgb(*upper), bgcolor=ground))
