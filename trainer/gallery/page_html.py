"""How is a grid said in HTML? One page that holds everything and asks nothing of any other place."""

import base64
import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from trainer.gallery.page_html_style import SCRIPT, STYLE
from trainer.gallery.sheets import common_facts, said
from trainer.gallery.sidecar import MadeCell, MadeGrid
from trainer.grid.cell import Axis, Place
from trainer.grid.recipe import LoraUse, Recipe
from trainer.journal.records import CellNote
from trainer.text import plural, printable

_WAYS = (("up", "↑", (0, -1)), ("left", "←", (-1, 0)), ("right", "→", (1, 0)), ("down", "↓", (0, 1)))
# A picture's width on the page: as it is where it is small, and so that five or six stand side by side.
_SMALL, _MIDDLE, _LARGE = 110, 220, 440


def grid_html(
    made: MadeGrid, webp: Mapping[str, bytes], notes: Mapping[str, CellNote], remarks: Sequence[str]
) -> bytes:
    """Return the page of a grid.

    Args:
        made: the grid.
        webp: cell -> its picture; a cell without one is shown as missing.
        notes: cell -> what was thought of it.
        remarks: lines for its end.
    """
    style = STYLE % _sizes(made)
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {_digest(style)}",
            f"script-src {_digest(SCRIPT)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    lines = (
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(made.spec.name)}</title><style>{style}</style></head><body>",
        *_head(made, webp, notes),
        *(line for z in range(len(made.z)) for line in _sheet(made, z, webp, notes)),
        f"<footer>{''.join(f'<p>{_text(remark)}</p>' for remark in remarks)}</footer>",
        f"<script>{SCRIPT}</script></body></html>\n",
    )
    return "\n".join(lines).encode()


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _sizes(made: MadeGrid) -> dict[str, str]:
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


def _head(made: MadeGrid, there: Container[str], notes: Mapping[str, CellNote]) -> Iterator[str]:
    recipes = [cell.recipe for cell in made.cells]
    yield f"<header><h1>{_text(made.spec.name)}</h1>"
    facts = [*([made.spec.subject] if made.spec.subject else []), plural(len(made.cells), "picture")]
    yield f'<p class="facts">{_text(" · ".join((*facts, *common_facts(recipes))))}</p>'
    machine = f"{made.compute_setup.device}, {made.compute_setup.precision}, {made.compute_setup.attention}"
    axes = [
        (letter, f"{axis.title}: {_labels(axis)}")
        for letter, axis in zip("XYZ", (made.x, made.y, made.z), strict=True)
        if axis.kind
    ]
    yield _list(
        (
            *axes,
            *([("Seeds", ", ".join(made.seeds.labels))] if len(made.seeds) > 1 else []),
            *_words(recipes),
            ("Base", _one({Path(recipe.base).name for recipe in recipes})),
            ("LoRA", _one({"\n".join(_lora(lora) for lora in recipe.loras) for recipe in recipes})),
            ("Made with", machine),
            ("Notes", "\n".join(made.notes)),
        )
    )
    yield (
        '<div class="tools"><span>pictures <label><input type="radio" name="size" id="small">small</label>'
        ' <label><input type="radio" name="size" checked>middle</label>'
        ' <label><input type="radio" name="size" id="large">large</label></span>'
    )
    liked = {note.cell for note in notes.values() if note.favourite}
    favourites = [cell for cell in made.cells if cell.place.name in liked and cell.place.name in there]
    if favourites:
        yield '<label><input type="checkbox" id="only">favourites alone</label></div><ul class="favourites">'
        for cell in favourites:
            yield f'<li>★ <a href="#{cell.place.name}">{_text(_place_said(made, cell.place))}</a></li>'
        yield "</ul></header>"
    else:
        yield "</div></header>"
    if len(made.z) > 1:
        links = (f'<a href="#sheet-{z + 1}">{_text(said(made.z, z), 60)}</a>' for z in range(len(made.z)))
        yield f"<nav>{' · '.join(links)}</nav>"


def _labels(axis: Axis) -> str:
    """Return the values of an axis, a line each where a comma between them could be one of their own."""
    apart = any("," in label for label in axis.labels)
    return "".join(f"\n{label}" for label in axis.labels) if apart else ", ".join(axis.labels)


def _one(texts: set[str]) -> str:
    """Return the text where all agree, else nothing."""
    return texts.pop() if len(texts) == 1 else ""


def _words(recipes: Sequence[Recipe]) -> list[tuple[str, str]]:
    """Return the prompts that all these pictures have in common."""
    return [
        ("Prompt", _one({recipe.prompt for recipe in recipes})),
        ("Negative", _one({recipe.negative_prompt for recipe in recipes})),
    ]


def _lora(lora: LoraUse) -> str:
    parts = [f"{lora.path.stem}: U-Net {lora.unet:g}, text encoder {lora.text_encoder:g}"]
    if lora.text_encoder_path is not None:
        parts.append(f"of {lora.text_encoder_path.stem}")
    if lora.rank is not None:
        parts.append(f"rank {lora.rank}")
    return ", ".join(parts)


# One sheet


def _sheet(made: MadeGrid, z: int, webp: Mapping[str, bytes], notes: Mapping[str, CellNote]) -> Iterator[str]:
    cells = {(cell.place.x, cell.place.y, cell.place.seed): cell for cell in made.cells if cell.place.z == z}
    seeds = len(made.seeds)
    yield f'<section id="sheet-{z + 1}">'
    if name := said(made.z, z):
        yield f"<h2>{_text(name)}</h2>"
    yield "<table><thead>"
    if made.x.kind:
        yield _row("<td></td>", (_column(said(made.x, x), seeds, x > 0) for x in range(len(made.x))))
    if seeds > 1:
        heads = (
            _column(said(made.seeds, seed), 1, x > 0 and not seed) for x in range(len(made.x)) for seed in range(seeds)
        )
        yield _row("<td></td>", heads)
    yield "</thead><tbody>"
    varied = _varied(made)
    for y in range(len(made.y)):
        row = (cells[x, y, seed] for x in range(len(made.x)) for seed in range(seeds))
        yield _row(
            f"<th>{_text(said(made.y, y))}</th>",
            (_cell(made, cell, webp, notes.get(cell.place.name), varied) for cell in row),
        )
    yield "</tbody></table></section>"


def _row(name: str, cells: Iterable[str]) -> str:
    return f"<tr>{name}{''.join(cells)}</tr>"


def _column(label: str, over: int, apart: bool) -> str:
    span = f' colspan="{over}"' if over > 1 else ""
    return f"<th{span}{_apart(apart and over == 1)}>{_text(label)}</th>"


def _apart(apart: bool) -> str:
    return ' class="apart"' if apart else ""


def _varied(made: MadeGrid) -> set[str]:
    """Return which of the prompts differ from picture to picture, and so stand beside each."""
    return {label for label, text in _words([cell.recipe for cell in made.cells]) if not text}


def _cell(made: MadeGrid, cell: MadeCell, webp: Mapping[str, bytes], note: CellNote | None, varied: set[str]) -> str:
    name, where = cell.place.name, _place_said(made, cell.place)
    picture = webp.get(name)
    apart = " apart" if len(made.seeds) > 1 and cell.place.x and not cell.place.seed else ""
    if picture is None:
        return f'<td class="at{apart}"><div class="gone">not made</div></td>'
    image = f"data:image/webp;base64,{base64.b64encode(picture).decode()}"
    marks = _marks(note)
    favourite = ' class="fav"' if note and note.favourite else ""
    return (
        f'<td class="at{apart}" id="at-{name}"><figure id="{name}"{favourite}>'
        f'<a href="#{name}"><img alt="{_text(where)}" src="{image}"></a>'
        f"{f'<figcaption>{marks}</figcaption>' if marks else ''}"
        f'<div class="about"><a class="close" href="#at-{name}" title="close">✕</a>'
        f"{_list(_about(made, cell, note, varied))}{_ways(made, cell.place, webp)}</div></figure></td>"
    )


def _place_said(made: MadeGrid, place: Place) -> str:
    """Return where a picture stands, in the axes' words."""
    axes: tuple[tuple[Axis, int], ...] = ((made.x, place.x), (made.y, place.y), (made.z, place.z))
    words = [said(axis, value) for axis, value in axes if axis.kind]
    if len(made.seeds) > 1:
        words.append(said(made.seeds, place.seed))
    return " · ".join(words)


def _about(made: MadeGrid, cell: MadeCell, note: CellNote | None, varied: set[str]) -> Iterator[tuple[str, str]]:
    """Yield what stands beside a large picture: where it is, its words, seed and weights, and what was thought of it."""
    recipe = cell.recipe
    for axis, place in ((made.x, cell.place.x), (made.y, cell.place.y), (made.z, cell.place.z)):
        if axis.kind and axis.kind not in ("prompt", "negative_prompt"):
            yield axis.title, axis.labels[place]
    if "Prompt" in varied:
        yield "Prompt", recipe.prompt
    if "Negative" in varied:
        yield "Negative", recipe.negative_prompt
    yield "Seed", str(recipe.seed)
    yield "LoRA", "\n".join(_lora(lora) for lora in recipe.loras) or "none in force"
    if note is not None:
        yield "Favourite", "★" if note.favourite else ""
        yield "Verdict", note.whole
        yield "U-Net", note.unet
        yield "Text encoder", note.text_encoder
        yield "Checklist", "\n".join(f"{'✓' if there else '✗'} {item}" for item, there in note.ticks.items())


def _marks(note: CellNote | None) -> str:
    if note is None:
        return ""
    said_of = (("", note.whole), ("U ", note.unet), ("T ", note.text_encoder))
    words = [f"{part}{verdict}" for part, verdict in said_of if verdict]
    ticks = [f"{'✓' if there else '✗'} {item}" for item, there in note.ticks.items()]
    star = "<b>★</b> " if note.favourite else ""
    return (star + _text(" · ".join((*words, *ticks)))).strip()


def _ways(made: MadeGrid, place: Place, there: Container[str]) -> str:
    """Return the links to the nearest pictures each way, those of its row counting over X and the seeds; missing ones are passed over."""
    seeds, columns = len(made.seeds), len(made.x) * len(made.seeds)
    links = []
    for way, arrow, (across, down) in _WAYS:
        column, y = place.x * seeds + place.seed + across, place.y + down
        while 0 <= column < columns and 0 <= y < len(made.y):
            name = Place(column // seeds, y, place.z, column % seeds).name
            if name in there:
                links.append(f'<a class="{way}" href="#{name}">{arrow}</a>')
                break
            column, y = column + across, y + down
    return f'<div class="way">{"".join(links)}</div>'


def _list(entries: Iterable[tuple[str, str]]) -> str:
    told = "".join(f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in entries if text)
    return f"<dl>{told}</dl>"


def _text(text: str, limit: int | None = None) -> str:
    """Return a foreign text as HTML: its line breaks kept, everything else that is no letter made visible."""
    return escape("\n".join(printable(line, limit) for line in text.split("\n")))
