"""Contact sheets of a grid: a labelled picture for each value of Z, and on demand one with all of them."""

import math
import os
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
from trainer.grid.axes import kind_named
from trainer.grid.cell import Axis
from trainer.grid.prompt_labels import shared_tags
from trainer.grid.recipe import Recipe
from trainer.regular_file import open_regular
from trainer.text import plural

GIANT = "giant.png"
"""All sheets on one picture."""

MAX_PIXELS = 200_000_000
"""The webui's own limit; a picture of this size takes 0.6 GB of memory."""

_PAPER, _INK, _PALE, _GREY, _LINE = "#ffffff", "#1d1814", "#7a6d60", "#e4e0da", "#b9b3aa"
# Font size and gap as fractions of a picture's width plus height; the webui's 25 leaves little room for a prompt.
_FONT_SHARE, _MIN_FONT = 36, 11
_MAX_LINES = 5
_GAP_SHARE = 64
# Kinds of axes whose values need no heading.
_NO_HEADING = {"prompt", "prompt_sr", "prompt_order", "negative_prompt", "outfit", "sampler", "base", "lora", "size"}


@dataclass(frozen=True)
class _Column:
    """A heading over some columns of pictures.

    Attributes:
        lines: its text, wrapped.
        first, count: the columns below it.
    """

    lines: list[str]
    first: int
    count: int


@dataclass(frozen=True)
class _Layout:
    """Positions on a sheet, in pixels.

    Attributes:
        font: of all text.
        line: height of a line of text.
        gap: between pictures and around the sheet.
        title: the lines at the top.
        heads: rows of headings over the columns: X, then the seeds.
        names: lines of each row's label.
        left: width of the row labels.
        box: width and height of each picture's box.
        columns: their number.
        group: how many of them belong to one value of X; groups have a wider gap.
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
        """Top of the first row of pictures."""
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
        """Return the height of a row of headings."""
        return self.line * max(len(column.lines) for column in row) + self.gap

    def x(self, column: int) -> int:
        """Return the left edge of a column of pictures."""
        apart = self.gap * 2 * (column // self.group) if self.group > 1 else 0
        return self.gap + self.left + column * (self.box[0] + self.gap) + apart

    def y(self, row: int) -> int:
        """Return the top of a row of pictures."""
        return self.top + row * (self.box[1] + self.gap)


def sheet_file(z: int) -> str:
    """Return the name of the sheet of one value of Z, counted from 0."""
    return f"sheet-z{z + 1}.png"


def write_sheets(made: MadeGrid, folder: Path) -> list[str]:
    """Write the contact sheets of a grid beside its pictures, and return notes for the user, a line each.

    A sheet has a column for each value of X and seed and a row for each of Y; pictures that are missing are grey. Its PNG text is
    that of its first picture with the axes added, as in the webui.

    Args:
        made: the grid.
        folder: of the grid, with its pictures.
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
    size = (across * width, -(-len(sheets) // across) * height)
    if math.prod(size) > MAX_PIXELS:
        megapixels = f"{math.prod(size) / 1e6:,.0f} MP"
        return [f"{name} was not written: it would have {megapixels}, the limit is {MAX_PIXELS // 1_000_000} MP"]
    picture = Image.new("RGB", size, _PAPER)
    for place, (z, layout) in enumerate(zip(sheets, layouts, strict=True)):
        _draw(picture, (place % across * width, place // across * height), made, z, layout, folder)
    texts = {"parameters": text} if (text := _parameters(made, folder, sheets)) else {}
    try:
        write_atomically(folder / name, png_bytes(np.asarray(picture), texts))
    except OSError as error:
        return [f"{name} could not be written ({error.strerror})"]
    return []


def _most_square(count: int, width: int, height: int) -> int:
    """Return how many of `count` sheets to put side by side so that the picture is nearest to a square."""

    def distance(across: int) -> float:
        return abs(math.log(across * width / (-(-count // across) * height)))

    return min(range(1, count + 1), key=distance)


# Layout


def _layout(made: MadeGrid, z: int) -> _Layout:
    recipes = [cell.recipe for cell in made.cells if cell.place.z == z]
    width, height = max(recipe.width for recipe in recipes), max(recipe.height for recipe in recipes)
    size = max(_MIN_FONT, (width + height) // _FONT_SHARE)
    z_label = value_label(made.z, z)
    title = [" · ".join([made.spec.name, *([z_label] if z_label else [])]), " · ".join(common_facts(recipes))]
    prompts = list(dict.fromkeys(recipe.prompt for recipe in recipes))
    if len(prompts) == 1 and prompts[0] not in (z_label, ""):
        title += prompts
    elif len(prompts) > 1 and (shared := shared_tags(prompts)):
        title.append(f"all: {shared}")
    labels = [value_label(axis, place) for axis in (made.x, made.y, made.seeds) for place in range(len(axis))]
    font = font_for([*labels, *title], size)
    gap = max(4, (width + height) // _GAP_SHARE)
    names = [value_label(made.y, place) for place in range(len(made.y))]
    # The label of a narrow picture's row may be wider than three quarters of the picture.
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
    """Return the headings of one axis, each over `over` columns; the seeds' are repeated for each value of X."""
    room = over * (width + gap) - gap
    return [
        _Column(wrapped(value_label(axis, first // over % len(axis)), font, room, _MAX_LINES), first, over)
        for first in range(0, columns, over)
    ]


def value_label(axis: Axis, place: int) -> str:
    """Return the heading of a value of an axis: `U-Net weight 0.25`, of prompts and names the value alone, `step 600` of an
    epoch saved between two; "" where nothing varies.
    """
    label = axis.labels[place]
    if axis.kind == "epoch" and "step " in label:
        return label
    if not axis.kind or axis.kind.partition(":")[0] in _NO_HEADING:
        return label or ("–" if axis.kind else "")
    return f"{axis.title} {label}"


def common_facts(recipes: Sequence[Recipe]) -> list[str]:
    """Return the sampling settings that all these pictures share, a few words each."""
    facts = (
        {f"{recipe.width}×{recipe.height}" for recipe in recipes},
        {plural(recipe.steps, "step") for recipe in recipes},
        {recipe.sampler for recipe in recipes},
        {f"CFG {recipe.cfg_scale:g}" for recipe in recipes},
        {"" if recipe.shift is None else f"shift {recipe.shift:g}" for recipe in recipes},
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
    """Put one picture into the middle of its box, or a cross where it is missing."""
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
    """Return a cell's picture, [height, width, 3] as RGB, None where it is missing, damaged or of another size than its recipe."""
    size = (cell.recipe.width, cell.recipe.height)
    try:
        with open_regular(folder / cell.file) as file, Image.open(file, formats=("PNG",)) as shot:
            # The pixels of a file that claims another size are not read.
            return shot.convert("RGB") if shot.size == size else None
    except Exception:  # Pillow's readers raise what they like on a broken file
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
    """Return the first picture's infotext with the axes added, "" where no picture exists."""
    for cell in made.cells:
        if cell.place.z not in sheets or not os.path.isfile(folder / cell.file):
            continue
        try:
            info = parse_infotext(read_parameters(folder / cell.file))
        except (GridError, ValueError):
            continue
        axes = {"X": made.x, "Y": made.y, **({"Z": made.z} if len(sheets) > 1 else {})}
        added = {"Script": "X/Y/Z plot"}
        for letter, axis in axes.items():
            if axis.kind:
                added |= {f"{letter} Type": kind_named(axis.kind).title, f"{letter} Values": axis.values}
        return write_infotext(replace(info, fields=info.fields | {key: value for key, value in added.items() if value}))
    return ""
