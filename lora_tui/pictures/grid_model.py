"""A grid as it is shown: its pictures, their order, and the words beside them. Plain data, made by the thread that watches the grid."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from lora_tui.wording.cell_width import cut
from lora_tui.wording.grids import pictures_text
from lora_tui.wording.state_symbols import DONE, FAILED, WARNING, grid_sign
from trainer.families.registry import first_family
from trainer.grid.cell import Place
from trainer.grid.pace import seconds_left
from trainer.journal.grid_records import CellNote, Grid, GridState, ProposedTicks
from trainer.models.adapter_config import lora_name
from trainer.settings.parts import body_label, encoder_label
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.gallery.sidecar import MadeCell, MadeGrid
    from trainer.grid.recipe import LoraUse, Recipe

FAVOURITE = "★"
VERDICT_SIGNS = {"under": "-", "right": "=", "over": "+"}
"""How a verdict is shown under a picture; behind `U` it is the U-Net's, behind `T` the text encoder's."""

PROPOSED = "?"
"""Stands before what is only proposed."""

_EPOCHS = "epoch"
MAX_PROMPT_LENGTH = 600
# A label may be a whole prompt, which is shown below anyway.
MAX_LABEL_WIDTH = 24


@dataclass(frozen=True)
class GridView:
    """A grid as it is on the disk and in the journal at one moment.

    Attributes:
        grid: its row.
        folder: where it is.
        made: what its sidecar tells; None before it is written.
        there: names of the PNGs that are made.
        notes: name of a place -> what was thought of its picture.
        checklist: what to look for in its subject's pictures.
        proposed: name of a place -> what a tagger proposes for its picture; it never counts.
        trouble: one line where something of it cannot be read.
    """

    grid: Grid
    folder: Path
    made: MadeGrid | None = None
    there: frozenset[str] = frozenset()
    notes: Mapping[str, CellNote] = field(default_factory=dict)
    checklist: tuple[str, ...] = ()
    proposed: Mapping[str, ProposedTicks] = field(default_factory=dict)
    trouble: str = ""

    @property
    def verdict_names(self) -> Mapping[str, str]:
        """Fields of a CellNote that hold a verdict, and what each is called on the grid's base."""
        family = self.made.family if self.made is not None else first_family().key
        return {"whole": "whole", "unet": body_label(family), "text_encoder": encoder_label(family)}

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """How many values x, y, z and the seeds have; no pictures before the sidecar is there."""
        return self.made.shape if self.made is not None else (0, 0, 0, 0)

    @cached_property
    def cells(self) -> dict[Place, MadeCell]:
        """Every picture by its place."""
        return {cell.place: cell for cell in self.made.cells} if self.made is not None else {}

    @cached_property
    def varied(self) -> frozenset[str]:
        """Fields of the recipe that are not the same in every picture."""
        recipes = [cell.recipe for cell in self.cells.values()]
        if not recipes:
            return frozenset()
        first = vars(recipes[0])
        return frozenset(name for name in first if any(vars(recipe)[name] != first[name] for recipe in recipes))

    def path_of(self, cell: MadeCell) -> Path | None:
        """Return the file of the picture, None while it is not made."""
        return self.folder / cell.file if cell.file in self.there else None

    def epochs_of(self, place: Place) -> tuple[Place, ...]:
        """Return the places that differ from `place` by the epoch alone, in order; without epochs, those along the first axis."""
        axis = self._epoch_axis
        if axis is None:
            return (place,)
        return tuple(replace(place, **{axis: value}) for value in range(len(getattr(self.made, axis))))

    def axis_label(self, axis: str, place: Place) -> str:
        """Return the label of `place` on the axis `x`, `y`, `z` or `seed`, "" for no axis; foreign characters in it are made visible."""
        if self.made is None or not axis:
            return ""
        labels = (self.made.seeds if axis == "seed" else getattr(self.made, axis)).labels
        at = getattr(place, axis)
        return printable(labels[at]) if at < len(labels) else ""

    @property
    def epoch_axis(self) -> str:
        """`x`, `y` or `z`: along which the epoch goes, or the axis in its place; "" for a single picture."""
        return self._epoch_axis or ""

    @cached_property
    def _epoch_axis(self) -> str | None:
        if self.made is None:
            return None
        axes = {name: getattr(self.made, name) for name in ("x", "y", "z")}
        by_epoch = [name for name, axis in axes.items() if axis.kind.partition(":")[0] == _EPOCHS]
        return next(iter(by_epoch + [name for name, axis in axes.items() if len(axis) > 1]), None)


@dataclass(frozen=True)
class BlindOrder:
    """Where on the screen each picture is: at its own place, or in blind mode at another, always the same for a grid.

    Attributes:
        shape: how many values x, y, z and the seeds have.
        shuffled_by: decides the order; None leaves each at its own place.
    """

    shape: tuple[int, int, int, int]
    shuffled_by: int | None = None

    @property
    def blind(self) -> bool:
        """Whether the places tell nothing."""
        return self.shuffled_by is not None

    def place_at(self, at: Place) -> Place:
        """Return the place of the picture that is shown at `at`."""
        return self._place_by_position.get(at, at)

    def position_of(self, place: Place) -> Place:
        """Return where the picture of `place` is shown."""
        return self._position_by_place.get(place, place)

    @cached_property
    def _place_by_position(self) -> dict[Place, Place]:
        if self.shuffled_by is None:
            return {}
        places = list(self._places())
        mixed = places.copy()
        random.Random(self.shuffled_by).shuffle(mixed)
        return dict(zip(places, mixed, strict=True))

    @cached_property
    def _position_by_place(self) -> dict[Place, Place]:
        return {true: at for at, true in self._place_by_position.items()}

    def _places(self) -> Iterator[Place]:
        x, y, z, seeds = (range(count) for count in self.shape)
        for sheet, row, column, seed in product(z, y, x, seeds):
            yield Place(column, row, sheet, seed)


@dataclass(frozen=True)
class Sheet:
    """A grid as it is shown.

    Attributes:
        view: the grid.
        order: which picture is where.
        notes: name of a place -> what was thought of its picture.
        marked: name of the place that is marked for comparison, "" for none.
    """

    view: GridView
    order: BlindOrder
    notes: Mapping[str, CellNote] = field(default_factory=dict)
    marked: str = ""

    def label(self, axis: str, at: int, z: int) -> str:
        """Return label number `at` of the axis `x`, `y`, `z` or `seed` on sheet `z`; none in blind mode."""
        if self.order.blind:
            return ""
        return self.view.axis_label(axis, replace(Place(0, 0, z, 0), **{axis: at}))


def sheet_title(sheet: Sheet, z: int) -> list[str | tuple[str, str]]:
    """Return the title of sheet `z`, in pieces, some with a colour: `grid 0007  ● 12/48 · 3 min left  sheet 1/2  Epoch × U-Net weight`."""
    view, grid = sheet.view, sheet.view.grid
    sign = grid_sign(grid.state)
    left = seconds_left(grid) if grid.state is GridState.MAKING else None
    count = pictures_text(grid.done, grid.total, left) or grid.state.value
    parts: list[str | tuple[str, str]] = [f"grid {grid.number:04d}  ", (sign.mark, sign.colour), f" {count}"]
    if sheet.order.blind:
        parts.append(("  blind", "$warning"))
    if view.shape[2] > 1:
        parts.append(f"  sheet {z + 1}/{view.shape[2]}")
        if label := sheet.label("z", z, z):
            parts.append(f"  {cut(label, MAX_LABEL_WIDTH)}")
    if view.made is not None:
        parts.append("  " + " × ".join(printable(axis.title) for axis in (view.made.x, view.made.y) if axis.title))
    return parts


def verdict_line(note: CellNote, checklist: tuple[str, ...]) -> str:
    """Return what was thought of a picture as signs: `★ = U- T+ 3/4`."""
    parts = [FAVOURITE] if note.favourite else []
    for name, letter in (("whole", ""), ("unet", "U"), ("text_encoder", "T")):
        if verdict := getattr(note, name):
            parts.append(f"{letter}{VERDICT_SIGNS.get(verdict, '?')}")
    if looked := [note.ticks[item] for item in checklist if item in note.ticks]:
        parts.append(f"{sum(looked)}/{len(looked)}")
    return " ".join(parts)


def cell_name(view: GridView, place: Place) -> str:
    """Return the labels of a picture: `Epoch 3 · U-Net weight 0.5 · seed 11`."""
    return " · ".join(cell_labels(view, place)) or "the picture"


def cell_labels(view: GridView, place: Place) -> list[str]:
    """Return the labels of a picture one by one, of as many axes for each picture of the grid that has them all."""
    assert view.made is not None
    parts = []
    for axis in ("x", "y", "z"):
        if label := cut(view.axis_label(axis, place), MAX_LABEL_WIDTH):
            title = printable(getattr(view.made, axis).title)
            parts.append(label if not title or label.startswith(title) else f"{title} {label}")
    if len(view.made.seeds) > 1:
        parts.append(f"seed {view.axis_label('seed', place)}")
    return parts


def cell_text(view: GridView, cell: MadeCell, note: CellNote, *, blind: bool) -> Content:
    """Return the text beside a picture.

    Args:
        view: its grid.
        cell: the picture.
        note: what was thought of it.
        blind: say nothing that tells it from the others.
    """
    lines: list[Content] = []
    if blind:
        lines.append(Content.styled("blind: what differs is hidden", "$warning"))
    else:
        lines.append(Content.styled(cell_name(view, cell.place), "bold $primary"))
    if view.grid.state is GridState.FAILED and not blind:
        lines.append(Content.assemble((f"{FAILED.mark} ", FAILED.colour), printable(view.grid.error)))
    lines += _judged(view, note)
    if (proposed := proposed_line(view, note)) is not None:
        lines.append(proposed)
    lines += _made_of(cell.recipe, view, view.varied if blind else frozenset())
    if view.made is not None and not blind:
        lines += [Content.assemble((f"{WARNING.mark} ", WARNING.colour), printable(line)) for line in view.made.notes]
    return Content("\n").join(lines)


def _judged(view: GridView, note: CellNote) -> list[Content]:
    lines = []
    verdicts = [f"{called} {getattr(note, name)}" for name, called in view.verdict_names.items() if getattr(note, name)]
    if note.favourite:
        verdicts.insert(0, f"{FAVOURITE} favourite")
    if verdicts:
        lines.append(Content.styled(" · ".join(verdicts), "$accent"))
    ticks = [
        Content.assemble((f"{sign.mark} ", sign.colour), (printable(item), ""))
        for item in view.checklist
        if item in note.ticks
        for sign in (DONE if note.ticks[item] else FAILED,)
    ]
    if ticks:
        lines.append(Content("  ").join(ticks))
    return lines


def proposed_line(view: GridView, note: CellNote) -> Content | None:
    """Return what a tagger proposes for the items that nobody has checked, None where it proposes nothing."""
    proposed = view.proposed.get(note.cell)
    if proposed is None:
        return None
    items = [item for item in view.checklist if item in proposed.ticks and item not in note.ticks]
    if not items:
        return None
    words = ", ".join(f"{printable(item)}: {'yes' if proposed.ticks[item] else 'no'}" for item in items)
    return Content.styled(f"{PROPOSED} {printable(proposed.tagger, 30)} proposes {words}", "$muted")


def _made_of(recipe: Recipe, view: GridView, hidden: frozenset[str]) -> list[Content]:
    lines = []
    if "prompt" not in hidden:
        lines.append(Content(printable(recipe.prompt, MAX_PROMPT_LENGTH) or "(no prompt)"))
    if recipe.negative_prompt and "negative_prompt" not in hidden:
        lines.append(Content.styled(f"negative: {printable(recipe.negative_prompt, MAX_PROMPT_LENGTH)}", "$muted"))
    facts = {
        "seed": f"seed {recipe.seed}",
        "steps": plural(recipe.steps, "step"),
        "sampler": printable(recipe.sampler),
        "cfg_scale": f"CFG {recipe.cfg_scale:g}",
        "guidance_rescale": f"rescale {recipe.guidance_rescale:g}" if recipe.guidance_rescale else "",
        "shift": "" if recipe.shift is None else f"shift {recipe.shift:g}",
        "width": f"{recipe.width}×{recipe.height}",
        "clip_skip": f"clip skip {recipe.clip_skip}" if recipe.clip_skip > 1 else "",
    }
    if "height" in hidden:
        facts["width"] = ""
    if shown := [text for name, text in facts.items() if text and name not in hidden]:
        lines.append(Content.styled(" · ".join(shown), "$muted"))
    if "loras" not in hidden:
        lines += [_lora(lora, view) for lora in recipe.loras] or [Content.styled("no LoRA", "$muted")]
    for name, path in (("base", recipe.base), ("vae", recipe.vae)):
        if path and name not in hidden:
            lines.append(Content.styled(f"{name} {printable(Path(path).name)}", "$muted"))
    return lines


def _lora(lora: LoraUse, view: GridView) -> Content:
    names = view.verdict_names
    details = f"  {names['unet']} {lora.unet:g} · {names['text_encoder']} {lora.text_encoder:g}"
    if lora.rank is not None:
        details += f" · rank {lora.rank}"
    if lora.text_encoder_path is not None:
        details += f" · encoder of {printable(lora_name(lora.text_encoder_path))}"
    if lora.blocks:
        details += f" · {printable(lora.blocks, 200)}"
    return Content.assemble((printable(lora_name(lora.path)), ""), (details, "$muted"))
