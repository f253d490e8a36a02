"""SVG pictures of a terminal made small: one path for each colour behind the text, half-blocks as one PNG inside, no fonts from elsewhere.

Textual's own picture of a screen has a rectangle and a text for every run of a style: of a screen full of pictures in half-blocks
that are 10,000 of each.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from io import BytesIO

from PIL import Image

# A reader's browser gets no fonts from elsewhere.
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_UNIQUE = re.compile(r"terminal-\d+-")
_MATRIX = re.compile(r'<g transform="translate\(9, 41\)".*</g>', re.DOTALL)
_LINES = re.compile(r'<clipPath id="tline-\d+">.*?</clipPath>\s*', re.DOTALL)
_RECT = re.compile(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"')
_TEXT = re.compile(r'<text class="(t[\w-]+)" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"[^>]*>([^<]*)</text>')
_FILL = re.compile(r"\.(tr\d+) \{ fill: (#\w+)")
_BLANK = "&#160;"

_WIDTH, _HEIGHT = 12.2, 24.4

Pixels = dict[tuple[int, int], str]


def slim(svg: str) -> str:
    """Return the same picture in a fraction of the bytes; what is written stays text."""
    named = _UNIQUE.sub("t", _FONTS.sub("", _COMMENT.sub("", svg)))
    found = _MATRIX.search(named)
    if found is None:
        return named
    fills = dict(_FILL.findall(named))
    backs, blocks, texts = _parts(found[0], fills)
    behind = {place: colour for place, colour in backs.items() if place not in blocks}
    matrix = (
        f'<g transform="translate(9,42.5) scale({_WIDTH},{_HEIGHT / 2})" shape-rendering="crispEdges">{"".join(_paths(behind))}'
        f'{_image(blocks) if blocks else ""}</g>\n    <g transform="translate(9,41)" class="tmatrix">{"".join(texts)}</g>'
    )
    made = _LINES.sub("", named.replace(found[0], matrix))
    for name in fills.keys() - set(re.findall(r'class="(tr\d+)"', matrix)):
        made = re.sub(rf"\.{name} \{{[^}}]*\}}\s*", "", made)
    return made


def _parts(matrix: str, fills: Mapping[str, str]) -> tuple[Pixels, Pixels, list[str]]:
    """Return the colours behind the text, those of half-blocks, both by column and half of a line, and the texts."""
    backs: Pixels = {}
    for colour, x, y, width in _RECT.findall(matrix):
        line = round((float(y) - 1.5) / _HEIGHT)
        for column in range(round(float(x) / _WIDTH), round((float(x) + float(width)) / _WIDTH)):
            backs[column, 2 * line] = backs[column, 2 * line + 1] = colour
    blocks: Pixels = {}
    texts: list[str] = []
    for name, x, y, length, text in _TEXT.findall(matrix):
        column, line = round(float(x) / _WIDTH), round((float(y) - 20) / _HEIGHT)
        if text and set(text) <= {"▀", "▄"}:
            for place, block in enumerate(text, column):
                upper, lower = (place, 2 * line), (place, 2 * line + 1)
                own, other = (upper, lower) if block == "▀" else (lower, upper)
                blocks[own] = fills[name]
                if other in backs:
                    blocks[other] = backs[other]
        elif text and set(text) == {"█"}:
            for place in range(column, column + len(text)):
                backs[place, 2 * line] = backs[place, 2 * line + 1] = fills[name]
        elif bare := text.replace(_BLANK, " ").strip():
            plain = text.replace(_BLANK, " ")
            before, after = len(plain) - len(plain.lstrip()), len(plain) - len(plain.rstrip())
            at, long = (column + before) * _WIDTH, float(length) - (before + after) * _WIDTH
            texts.append(
                f'<text class="{name}" x="{at:g}" y="{y}" textLength="{long:g}">{bare.replace(" ", _BLANK)}</text>\n'
            )
    return backs, blocks, texts


def _image(blocks: Pixels) -> str:
    """Return half-blocks as a picture with a pixel for each, see-through between them."""
    left, top = (min(place[axis] for place in blocks) for axis in (0, 1))
    width, height = (max(place[axis] for place in blocks) + 1 - start for axis, start in enumerate((left, top)))
    image = Image.new("RGBA", (width, height))
    for (column, line), colour in blocks.items():
        image.putpixel((column - left, line - top), (*bytes.fromhex(colour[1:]), 255))
    png = BytesIO()
    image.save(png, "PNG", optimize=True)
    return (
        f'<image x="{left}" y="{top}" width="{width}" height="{height}" preserveAspectRatio="none" style="image-rendering: pixelated" '
        f'href="data:image/png;base64,{b64encode(png.getvalue()).decode()}"/>'
    )


def _paths(pixels: Pixels) -> Iterator[str]:
    """Yield a path for each colour, made of rectangles: a run of a line, as far down as the same run goes."""
    open_runs: dict[tuple[int, int, str], int] = {}
    drawn: dict[str, list[str]] = {}
    last = max((line for _, line in pixels), default=-1)
    for line in range(last + 2):
        here = set(_runs(pixels, line))
        for run in open_runs.keys() - here:
            left, width, colour = run
            top = open_runs.pop(run)
            drawn.setdefault(colour, []).append(f"M{left} {top}h{width}v{line - top}h-{width}z")
        for run in here - open_runs.keys():
            open_runs[run] = line
    for colour in sorted(drawn):
        yield f'<path fill="{colour}" d="{"".join(sorted(drawn[colour]))}"/>\n'


def _runs(pixels: Pixels, line: int) -> Iterator[tuple[int, int, str]]:
    """Yield first column, width and colour of each run of a colour in half a line."""
    columns = sorted(column for column, at in pixels if at == line)
    left = 0
    for place, column in enumerate(columns):
        colour = pixels[column, line]
        following = columns[place + 1] if place + 1 < len(columns) else None
        if following != column + 1 or pixels[following, line] != colour:
            yield columns[left], column - columns[left] + 1, colour
            left = place + 1
