"""A grid on one picture: a labelled contact sheet for each value of Z, and on demand all of them on one."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from trainer.atomic_file import write_atomically
from trainer.errors import GridError
from trainer.formats.infotext import parse_infotext, write_infotext
from trainer.formats.picture_text import png_bytes, read_parameters
from trainer.gallery.label_font import Font, font_for, wrapped
from trainer.gallery.sidecar import MadeCell, MadeGrid
from trainer.grid.cell import Axis
from trainer.grid.recipe import Recipe

GIANT = "giant.png"
"""All sheets on one picture."""

MAX_PIXELS = 200_000_000
"""As many as the webui draws; a picture of them takes 0.6 GB of memory."""

_PAPER, _INK, _PALE, _GREY, _LINE = "#ffffff", "#1d1814", "#7a6d60", "#e4e0da", "#b9b3aa"
# Of a picture's width plus height; the webui's 25 leaves little room for a prompt.
_FONT_SHARE, _MIN_FONT = 36, 11
_MAX_LINES = 5
_GAP_SHARE = 64
# Of these axes a value tells by itself what it is.
_SPEAKING = {"prompt", "prompt_sr", "prompt_order", "negative_prompt", "outfit", "sampler", "base", "lora", "size"}


@dataclass(frozen=True)
class _Column:
    """A head over some columns of pictures.

    Attributes:
        lines: its words, as they are broken.
        first, count: the columns it stands over.
    """

    lines: list[str]
    first: int
    count: int


@dataclass(frozen=True)
class _Layout:
    """Where everything on a sheet stands, in pixels.

    Attributes:
        font: of every word.
        line: height of one.
        gap: between pictures, and around the whole.
        title: its lines on top.
        heads: rows of heads over the columns: X, then the seeds.
        names: lines of each row's name.
        left: width of the names.
        box: width and height of each picture's place.
        columns: how many there are.
        group: how many of them belong to one value of X; values of X stand a little apart.
    """

    font: Font
    line: int
    gap: int
    title: list[str]
    heads: list[list[_Column]]
    names: list[list[str]]
    left: int
    box: tuple[int, int]
    columns: int
    group: int

    @property
    def top(self) -> int:
        """Where the first row of pictures begins."""
        return self.gap * 2 + self.line * len(self.title) + sum(self.head_height(row) for row in self.heads) + self.gap

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        width, height = self.box
        return (
            self.x(self.columns - 1) + width + self.gap,
            self.y(len(self.names) - 1) + height + self.gap,
        )

    def head_height(self, row: Sequence[_Column]) -> int:
        """Return how high a row of heads is."""
        return self.line * max(len(column.lines) for column in row) + self.gap

    def x(self, column: int) -> int:
        """Return where a column of pictures begins."""
        apart = self.gap * 2 * (column // self.group) if self.group > 1 else 0
        return self.gap + self.left + column * (self.box[0] + self.gap) + apart

    def y(self, row: int) -> int:
        """Return where a row of pictures begins."""
        return self.top + row * (self.box[1] + self.gap)


def sheet_file(z: int) -> str:
    """Return the name of the sheet of one value of Z, counted from 0."""
    return f"sheet-z{z + 1}.png"


def write_sheets(made: MadeGrid, folder: Path) -> list[str]:
    """Write the contact sheets of a grid beside its pictures, and return what the user should know, a line each.

    A sheet has a column for each value of X and seed and a row for each of Y; what is not there yet stays grey. Its PNG text is
    that of its first picture with the axes added, as in the webui.

    Args:
        made: the grid.
        folder: its own, with its pictures.
    """
    notes: list[str] = []
    layouts = [_layout(made, z) for z in range(len(made.z))]
    for z, layout in enumerate(layouts):
        notes += _write(made, folder, sheet_file(z), [z], [layout])
    if made.spec.giant and len(layouts) > 1:
        notes += _write(made, folder, GIANT, list(range(len(layouts))), layouts)
    return notes


def _write(made: MadeGrid, folder: Path, name: str, sheets: list[int], layouts: list[_Layout]) -> list[str]:
    width = max(layout.size[0] for layout in layouts)
    height = max(layout.size[1] for layout in layouts)
    across = _most_square(len(sheets), width, height)
    whole = (across * width, -(-len(sheets) // across) * height)
    if math.prod(whole) > MAX_PIXELS:
        size = f"{math.prod(whole) / 1e6:,.0f} MP"
        return [f"{name} is left out: it would have {size}, more than {MAX_PIXELS // 1_000_000} MP"]
    picture = Image.new("RGB", whole, _PAPER)
    for place, (z, layout) in enumerate(zip(sheets, layouts, strict=True)):
        _draw(picture, (place % across * width, place // across * height), made, z, layout, folder)
    texts = {"parameters": text} if (text := _parameters(made, folder, sheets)) else {}
    try:
        write_atomically(folder / name, png_bytes(np.asarray(picture), texts))
    except OSError as error:
        return [f"{name} could not be written ({error.strerror})"]
    return []


def _most_square(count: int, width: int, height: int) -> int:
    """Return how many of `count` sheets stand side by side so that the whole is nearest to a square."""

    def lean(across: int) -> float:
        return abs(math.log(across * width / (-(-count // across) * height)))

    return min(range(1, count + 1), key=lean)


# Where everything stands


def _layout(made: MadeGrid, z: int) -> _Layout:
    recipes = [cell.recipe for cell in made.cells if cell.place.z == z]
    width, height = max(recipe.width for recipe in recipes), max(recipe.height for recipe in recipes)
    size = max(_MIN_FONT, (width + height) // _FONT_SHARE)
    which = value_label(made.z, z)
    title = [" · ".join([made.spec.name, *([which] if which else [])]), " · ".join(common_facts(recipes))]
    prompts = {recipe.prompt for recipe in recipes}
    if len(prompts) == 1 and not prompts & {which, ""}:
        title += prompts
    labels = [value_label(axis, place) for axis in (made.x, made.y, made.seeds) for place in range(len(axis))]
    font = font_for([*labels, *title], size)
    gap = max(4, (width + height) // _GAP_SHARE)
    names = [value_label(made.y, place) for place in range(len(made.y))]
    # A narrow picture's name may be wider than three quarters of it.
    left = max(width * 3 // 4, size * 8) if any(names) else 0
    columns = len(made.x) * len(made.seeds)
    across = left + columns * (width + gap) - gap
    axes = [(made.x, len(made.seeds)), *([(made.seeds, 1)] if len(made.seeds) > 1 else [])]
    heads = [_heads(axis, over, columns, width, gap, font) for axis, over in axes]
    return _Layout(
        font=font,
        line=round(size * 1.3),
        gap=gap,
        title=[line for text in title for line in wrapped(text, font, across, 3)],
        heads=[row for row in heads if any(column.lines for column in row)],
        names=[wrapped(name, font, left - gap, _MAX_LINES) if name else [] for name in names],
        left=left,
        box=(width, height),
        columns=columns,
        group=len(made.seeds),
    )


def _heads(axis: Axis, over: int, columns: int, width: int, gap: int, font: Font) -> list[_Column]:
    """Return the heads of one axis, each over so many columns; the seeds' come again for each value of X."""
    room = over * (width + gap) - gap
    return [
        _Column(wrapped(value_label(axis, first // over % len(axis)), font, room, _MAX_LINES), first, over)
        for first in range(0, columns, over)
    ]


def value_label(axis: Axis, place: int) -> str:
    """Return what stands beside a value of an axis: `U-Net weight 0.25`, of prompts and names the value alone; "" where nothing varies."""
    label = axis.labels[place]
    if not axis.kind or axis.kind.partition(":")[0] in _SPEAKING:
        return label or ("–" if axis.kind else "")
    return f"{axis.title} {label}"


def common_facts(recipes: Sequence[Recipe]) -> list[str]:
    """Return what all these pictures have in common besides their words, a few words each."""
    facts = (
        {f"{recipe.width}×{recipe.height}" for recipe in recipes},
        {f"{recipe.steps} steps" for recipe in recipes},
        {recipe.sampler for recipe in recipes},
        {f"CFG {recipe.cfg_scale:g}" for recipe in recipes},
        {f"clip skip {recipe.clip_skip}" if recipe.clip_skip > 1 else "" for recipe in recipes},
        {f"seed {recipe.seed}" for recipe in recipes},
    )
    return [fact for (fact, *others) in facts if fact and not others]


# Drawing


def _draw(picture: Image.Image, at: tuple[int, int], made: MadeGrid, z: int, layout: _Layout, folder: Path) -> None:
    draw = ImageDraw.Draw(picture)
    left, top = at
    y = top + layout.gap
    for number, line in enumerate(layout.title):
        _text(draw, (left + layout.gap, y), line, layout, _PALE if number else _INK)
        y += layout.line
    y += layout.gap
    for row in layout.heads:
        for column in row:
            start = left + layout.x(column.first)
            room = column.count * (layout.box[0] + layout.gap) - layout.gap
            _centred(draw, (start, y), room, column.lines, layout)
        y += layout.head_height(row)
    for number, lines in enumerate(layout.names):
        middle = top + layout.y(number) + (layout.box[1] - len(lines) * layout.line) // 2
        _centred(draw, (left + layout.gap, middle), layout.left - layout.gap, lines, layout)
    for cell in made.cells:
        if cell.place.z == z:
            across = cell.place.x * len(made.seeds) + cell.place.seed
            _place(picture, (left + layout.x(across), top + layout.y(cell.place.y)), cell, layout, folder)


def _place(picture: Image.Image, at: tuple[int, int], cell: MadeCell, layout: _Layout, folder: Path) -> None:
    """Put one picture into the middle of its place, or the sign of a missing one."""
    width, height = layout.box
    shot = read_picture(cell, folder)
    if shot is not None:
        picture.paste(shot, (at[0] + (width - shot.width) // 2, at[1] + (height - shot.height) // 2))
        return
    draw = ImageDraw.Draw(picture)
    draw.rectangle((*at, at[0] + width - 1, at[1] + height - 1), fill=_GREY)
    arm = min(width, height) // 10
    x, y = at[0] + width // 2, at[1] + height // 2
    thick = max(1, arm // 4)
    draw.line((x - arm, y - arm, x + arm, y + arm), fill=_LINE, width=thick)
    draw.line((x - arm, y + arm, x + arm, y - arm), fill=_LINE, width=thick)


def read_picture(cell: MadeCell, folder: Path) -> Image.Image | None:
    """Return a cell's picture, [height, width, 3] as RGB, None where it is not there, is damaged or has another size than its recipe."""
    size = (cell.recipe.width, cell.recipe.height)
    try:
        with Image.open(folder / cell.file, formats=("PNG",)) as shot:
            # Read no further where a file claims to be larger than what was made.
            return shot.convert("RGB") if shot.size == size else None
    except (OSError, SyntaxError, ValueError):
        return None


def _centred(draw: ImageDraw.ImageDraw, at: tuple[int, int], room: int, lines: Iterable[str], layout: _Layout) -> None:
    x, y = at
    for line in lines:
        _text(draw, (x + max(0, (room - round(layout.font.getlength(line))) // 2), y), line, layout, _INK)
        y += layout.line


def _text(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, layout: _Layout, colour: str) -> None:
    draw.text(at, text, fill=colour, font=layout.font)


# The text in the file


def _parameters(made: MadeGrid, folder: Path, sheets: Sequence[int]) -> str:
    """Return the first picture's infotext with the axes added, "" where no picture is there to take it from."""
    for cell in made.cells:
        if cell.place.z not in sheets or not (folder / cell.file).is_file():
            continue
        try:
            info = parse_infotext(read_parameters(folder / cell.file))
        except (GridError, ValueError):
            continue
        axes = {"X": made.x, "Y": made.y, **({"Z": made.z} if len(sheets) > 1 else {})}
        told = {"Script": "X/Y/Z plot"}
        for letter, axis in axes.items():
            if axis.kind:
                told |= {f"{letter} Type": axis.title, f"{letter} Values": axis.values}
        return write_infotext(replace(info, fields=info.fields | {key: value for key, value in told.items() if value}))
    return ""
