"""HTML of a grid's page: one file that holds everything and loads nothing.

The content is collected here in plain records; the markup is templates/page.html.
"""

import base64
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from trainer.gallery.html_page import page_environment, security_policy
from trainer.gallery.sheets import common_facts, value_label
from trainer.gallery.sidecar import MadeCell, MadeGrid
from trainer.grid.cell import Axis, Place
from trainer.grid.recipe import LoraUse, Recipe
from trainer.journal.grid_records import CellNote
from trainer.models.adapter_config import lora_name
from trainer.settings.parts import Family, body_label, encoder_label
from trainer.text import plural, printable

_DIRECTIONS = (("up", "↑", (0, -1)), ("left", "←", (-1, 0)), ("right", "→", (1, 0)), ("down", "↓", (0, 1)))
# Widths of a picture on the page, in pixels: its own where it is small, else five or six fit side by side.
_SMALL, _MIDDLE, _LARGE = 110, 220, 440
_MAX_LINK_LENGTH = 60


@dataclass(frozen=True)
class _Cell:
    """One place of the table.

    Attributes:
        name: of the cell, which is its address on the page.
        place: its values on the axes, in words.
        image: its picture as a data URL; None where it was not made.
        apart: whether it starts a new value of X beside several seeds.
        favourite: whether it is one.
        judgement: verdicts and ticks on one line.
        about: name and text of each fact beside the large picture.
        neighbours: direction, arrow and cell of each link beside it.
    """

    name: str
    place: str
    image: Markup | None
    apart: bool
    favourite: bool
    judgement: str
    about: tuple[tuple[str, str], ...]
    neighbours: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class _Head:
    """A label over one or more columns."""

    label: str
    columns: int
    apart: bool


@dataclass(frozen=True)
class _Row:
    """A row of pictures with the label of its value of Y."""

    label: str
    cells: tuple[_Cell, ...]


@dataclass(frozen=True)
class _Sheet:
    """The table of one value of Z: rows of heads (X, then the seeds), then rows of pictures."""

    name: str
    short_name: str
    heads: tuple[tuple[_Head, ...], ...]
    rows: tuple[_Row, ...]


def grid_html(
    made: MadeGrid, webp: Mapping[str, bytes], notes: Mapping[str, CellNote], remarks: Sequence[str]
) -> bytes:
    """Return the page of a grid.

    Args:
        made: the grid.
        webp: cell -> its picture; a cell without one is shown as missing.
        notes: cell -> its verdicts.
        remarks: lines for its end.
    """
    environment = _environment()
    style = Markup(environment.get_template("page.css").render(_sizes(made)))
    script = Markup(environment.get_template("page.js").render())
    favourites = [
        (cell.place.name, _place_label(made, cell.place))
        for cell in made.cells
        if cell.place.name in webp and (note := notes.get(cell.place.name)) and note.favourite
    ]
    html = environment.get_template("page.html").render(
        title=made.spec.name,
        policy=security_policy(style, script),
        style=style,
        script=script,
        facts=_facts(made),
        entries=list(_entries(made)),
        favourites=favourites,
        sheets=[_sheet(made, z, webp, notes) for z in range(len(made.z))],
        remarks=remarks,
    )
    return html.encode()


@cache
def _environment() -> Environment:
    return page_environment("trainer.gallery")


def _sizes(made: MadeGrid) -> dict[str, str]:
    """Return the values of the style sheet: widths of a picture, its width / height, and how it is scaled."""
    width = max(cell.recipe.width for cell in made.cells)
    height = max(cell.recipe.height for cell in made.cells)
    return {
        "cell": f"{_MIDDLE if width >= _MIDDLE else _SMALL}px",
        "small": f"{_SMALL if width >= _MIDDLE else _SMALL // 2}px",
        "large": f"{_LARGE if width >= _MIDDLE else _MIDDLE}px",
        "ratio": f"{width} / {height}",
        "render": "image-rendering: pixelated;" if width < _SMALL else "",
    }


# The head


def _facts(made: MadeGrid) -> str:
    facts = [*([made.spec.subject] if made.spec.subject else []), plural(len(made.cells), "picture")]
    return " · ".join((*facts, *common_facts([cell.recipe for cell in made.cells])))


def _entries(made: MadeGrid) -> Iterator[tuple[str, str]]:
    """Yield name and text of each fact at the top of the page; an empty text is not shown."""
    recipes = [cell.recipe for cell in made.cells]
    for letter, axis in zip("XYZ", (made.x, made.y, made.z), strict=True):
        if axis.kind:
            yield letter, f"{axis.title}: {_joined_labels(axis)}"
    yield "Seeds", ", ".join(made.seeds.labels) if len(made.seeds) > 1 else ""
    yield from _common_prompts(recipes)
    yield "Base", _common({Path(recipe.base).name for recipe in recipes})
    yield "LoRA", _common({_lora_lines(recipe, made.family) for recipe in recipes})
    setup = made.compute_setup
    yield "Made with", f"{setup.device}, {setup.precision}, {setup.attention}"
    yield "Notes", "\n".join(made.notes)


def _joined_labels(axis: Axis) -> str:
    """Return the values of an axis, a line each where a comma between them could be one of their own."""
    apart = any("," in label for label in axis.labels)
    return "".join(f"\n{label}" for label in axis.labels) if apart else ", ".join(axis.labels)


def _common(texts: set[str]) -> str:
    """Return the text where all agree, else nothing."""
    return texts.pop() if len(texts) == 1 else ""


def _common_prompts(recipes: Sequence[Recipe]) -> list[tuple[str, str]]:
    """Return the prompts that all these pictures have in common."""
    return [
        ("Prompt", _common({recipe.prompt for recipe in recipes})),
        ("Negative", _common({recipe.negative_prompt for recipe in recipes})),
    ]


def _lora_lines(recipe: Recipe, family: Family) -> str:
    return "\n".join(_lora_line(lora, family) for lora in recipe.loras)


def _lora_line(lora: LoraUse, family: Family) -> str:
    parts = [f"{lora_name(lora.path)}: {lora.factors(family)}"]
    if lora.text_encoder_path is not None:
        parts.append(f"of {lora_name(lora.text_encoder_path)}")
    if lora.rank is not None:
        parts.append(f"rank {lora.rank}")
    return ", ".join(parts)


# One sheet


def _sheet(made: MadeGrid, z: int, webp: Mapping[str, bytes], notes: Mapping[str, CellNote]) -> _Sheet:
    cells = {(cell.place.x, cell.place.y, cell.place.seed): cell for cell in made.cells if cell.place.z == z}
    name = value_label(made.z, z)
    varied = {label for label, text in _common_prompts([cell.recipe for cell in made.cells]) if not text}

    def row(y: int) -> _Row:
        places = [(x, y, seed) for x in range(len(made.x)) for seed in range(len(made.seeds))]
        return _Row(value_label(made.y, y), tuple(_cell(made, cells[place], webp, notes, varied) for place in places))

    return _Sheet(name, printable(name, _MAX_LINK_LENGTH), _heads(made), tuple(row(y) for y in range(len(made.y))))


def _heads(made: MadeGrid) -> tuple[tuple[_Head, ...], ...]:
    seeds = len(made.seeds)
    rows = []
    if made.x.kind:
        rows.append(tuple(_Head(value_label(made.x, x), seeds, seeds == 1 and x > 0) for x in range(len(made.x))))
    if seeds > 1:
        places = [(x, seed) for x in range(len(made.x)) for seed in range(seeds)]
        rows.append(tuple(_Head(value_label(made.seeds, seed), 1, x > 0 and not seed) for x, seed in places))
    return tuple(rows)


def _cell(
    made: MadeGrid, cell: MadeCell, webp: Mapping[str, bytes], notes: Mapping[str, CellNote], varied: set[str]
) -> _Cell:
    """Return one place of the table; `varied` names the prompts that differ and are therefore shown beside each picture."""
    name = cell.place.name
    picture, note = webp.get(name), notes.get(name)
    return _Cell(
        name=name,
        place=_place_label(made, cell.place),
        image=None if picture is None else Markup("data:image/webp;base64," + base64.b64encode(picture).decode()),
        apart=len(made.seeds) > 1 and cell.place.x > 0 and not cell.place.seed,
        favourite=note is not None and note.favourite,
        judgement=_judgement(note) if note is not None else "",
        about=tuple(_about(made, cell, note, varied)),
        neighbours=tuple(_neighbours(made, cell.place, webp)),
    )


def _place_label(made: MadeGrid, place: Place) -> str:
    """Return the values of a picture on the axes, in words."""
    axes: tuple[tuple[Axis, int], ...] = ((made.x, place.x), (made.y, place.y), (made.z, place.z))
    labels = [value_label(axis, value) for axis, value in axes if axis.kind]
    if len(made.seeds) > 1:
        labels.append(value_label(made.seeds, place.seed))
    return " · ".join(labels)


def _about(made: MadeGrid, cell: MadeCell, note: CellNote | None, varied: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the facts beside a large picture: its place, prompts, seed and weights, and how it was judged."""
    recipe = cell.recipe
    for axis, place in ((made.x, cell.place.x), (made.y, cell.place.y), (made.z, cell.place.z)):
        if axis.kind and axis.kind not in ("prompt", "negative_prompt"):
            yield axis.title, axis.labels[place]
    if "Prompt" in varied:
        yield "Prompt", recipe.prompt
    if "Negative" in varied:
        yield "Negative", recipe.negative_prompt
    yield "Seed", str(recipe.seed)
    yield "LoRA", _lora_lines(recipe, made.family) or "none"
    if note is not None:
        yield "Favourite", "★" if note.favourite else ""
        yield "Verdict", note.whole
        yield _capital(body_label(made.family)), note.unet
        yield _capital(encoder_label(made.family)), note.text_encoder
        yield "Checklist", "\n".join(_ticks(note))


def _capital(label: str) -> str:
    return label[:1].upper() + label[1:]


def _judgement(note: CellNote) -> str:
    verdicts = (("", note.whole), ("U ", note.unet), ("T ", note.text_encoder))
    return " · ".join((*(f"{part}{verdict}" for part, verdict in verdicts if verdict), *_ticks(note)))


def _ticks(note: CellNote) -> list[str]:
    return [f"{'✓' if present else '✗'} {item}" for item, present in note.ticks.items()]


def _neighbours(made: MadeGrid, place: Place, existing: Container[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the nearest picture in each direction: columns count over X and the seeds, missing pictures are passed over."""
    seeds, columns = len(made.seeds), len(made.x) * len(made.seeds)
    for direction, arrow, (across, down) in _DIRECTIONS:
        column, y = place.x * seeds + place.seed + across, place.y + down
        while 0 <= column < columns and 0 <= y < len(made.y):
            name = Place(column // seeds, y, place.z, column % seeds).name
            if name in existing:
                yield direction, arrow, name
                break
            column, y = column + across, y + down
