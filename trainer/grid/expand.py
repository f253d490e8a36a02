"""Expansion of a grid's spec: every cell's recipe, all of them checked before the first picture is made."""

import math
import random
from collections.abc import Callable, Sequence
from itertools import product

from trainer.errors import GridError
from trainer.grid.axes import kind_named
from trainer.grid.axis_values import RANDOM, base_record, check_size, seeds_of, values_of
from trainer.grid.base_notes import note_bases
from trainer.grid.build_cells import cell_drafts, recipes_of
from trainer.grid.cell import Axis, Cell, Expanded, Place
from trainer.grid.checks import Checks
from trainer.grid.expanded_axis import ExpandedAxis, expand_axis, naming_prompt_axes
from trainer.grid.idle_axes import note_idle_axes
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import AxisSpec, GridSpec
from trainer.grid.value_grammar import MAX_VALUES
from trainer.models.identify import Base, identify_base
from trainer.text import plural

MAX_CELLS = MAX_VALUES
"""A grid of more pictures is refused."""

# Two axes of one kind would undo each other; a search looks for another text each time.
_MAY_REPEAT = ("prompt_sr",)
_NO_AXIS = Axis("", "", ("",))


def _random_seed() -> int:
    return random.SystemRandom().randrange(2**32 - 1)


def expand(
    spec: GridSpec,
    model_files: ModelFiles,
    *,
    base_of: Callable[[str], Base] = identify_base,
    draw: Callable[[], int] = _random_seed,
) -> Expanded:
    """Return the grid that `spec` asks for, expanded and checked. Reads headers only, each once until its file changes.

    Prompts change in the order X, Y, Z; then LoRA tags leave the prompt and join the spec's LoRAs; then files and factors are
    set. A seed of -1 is drawn once for its column, row or sheet, and written into the spec that is returned.

    Args:
        spec: as asked, with its epochs looked up.
        model_files: finds the files it names.
        base_of: recognises a base.
        draw: gives a seed from 0 to 2**32 - 1.

    Raises:
        GridError: an axis or a field cannot be used, in any cell; names it, the item and the way out.
        ModelError: a base, VAE or LoRA cannot be used.
        SettingsError: the base lacks what the spec names, such as a VAE.
    """
    spec, seeds = _with_drawn_seeds(spec, draw)
    axes = [
        expand_axis(axis, place, spec, model_files)
        for place, axis in enumerate((spec.x, spec.y, spec.z))
        if axis is not None
    ]
    _check_kinds(axes)
    _check_count(axes, seeds)
    check_size(spec.width, spec.height, "width, height", base_record(spec, model_files))
    shape = _shape(axes)
    places = [(x, y, z) for z, y, x in product(range(shape[2]), range(shape[1]), range(shape[0]))]
    drafts = cell_drafts(spec, model_files, axes, places)
    first_lora = next((lora.path for draft in drafts for lora in draft.loras if lora.path), None)
    checks = Checks(spec, model_files, base_of, first_lora)
    clip_skip_field = next((axis.where for axis in axes if axis.kind.plain == "clip_skip"), "clip_skip")
    cells: list[Cell] = []
    for place, draft in zip(places, drafts, strict=True):
        with naming_prompt_axes(axes, place):
            checks.prompt(draft.prompt, "prompt")
            checks.prompt(draft.negative_prompt, "negative prompt")
        recipes = recipes_of(draft, seeds, checks, clip_skip_field)
        cells += (Cell(Place(*place, number), recipe, draft.epoch) for number, recipe in enumerate(recipes))
    note_idle_axes(axes, drafts, checks)
    note_bases(drafts, checks)
    family = checks.base_facts(drafts[0].base).base.family
    x, y, z = (next((axis.axis(family) for axis in axes if axis.place == place), _NO_AXIS) for place in range(3))
    own, half = _with_own_keys(spec, axes), checks.half()
    return Expanded(own, x, y, z, _seed_axis(seeds), tuple(cells), family, checks.notes, half)


def preview(axis: AxisSpec, spec: GridSpec, model_files: ModelFiles) -> tuple[str, ...]:
    """Return the labels of one axis; a seed that is still to be drawn is `random`.

    Raises:
        GridError: as expand, as far as it is about this axis alone.
    """
    _, values = values_of(axis, spec, model_files, "")
    return tuple(value.label for value in values)


def _with_drawn_seeds(spec: GridSpec, draw: Callable[[], int]) -> tuple[GridSpec, tuple[int, ...]]:
    """Return the spec with a number for each -1, and the seeds of each cell; none where an axis has them."""
    for name in ("x", "y", "z"):
        axis: AxisSpec | None = getattr(spec, name)
        if axis is not None and kind_named(axis.kind).plain == "seed":
            seeds = _drawn_seeds(seeds_of(axis.values, f"{name.upper()} Seed"), draw)
            text = ", ".join(str(seed) for seed in seeds)
            return spec.model_copy(update={name: AxisSpec(kind=axis.kind, values=text)}), ()
    seeds = _drawn_seeds(seeds_of(spec.seeds, "seeds"), draw)
    return spec.model_copy(update={"seeds": ", ".join(str(seed) for seed in seeds)}), seeds


def _drawn_seeds(seeds: Sequence[int], draw: Callable[[], int]) -> tuple[int, ...]:
    return tuple(draw() if seed == RANDOM else seed for seed in seeds)


def _check_kinds(axes: Sequence[ExpandedAxis]) -> None:
    """See that no axis undoes another."""
    for later, axis in enumerate(axes):
        for other in axes[:later]:
            both = {axis.kind.key, other.kind.key}
            if (len(both) == 1 and axis.kind.plain not in _MAY_REPEAT) or both == {"epoch", "lora"}:
                raise GridError(
                    f"{other.name} and {axis.name}",
                    found=f"{other.kind.title} and {axis.kind.title}, which undo each other",
                    expected="different kinds",
                    way_out="put the values of both into one axis",
                )
    plain = {axis.kind.plain: axis for axis in axes}
    if "bake" in plain and "epoch" not in plain:
        raise GridError(
            plain["bake"].where,
            found="an axis of bakes alone",
            expected="an axis of epochs beside it",
            way_out="add one, or name the epochs as `42:3` on an axis of epochs",
        )


def _shape(axes: Sequence[ExpandedAxis]) -> tuple[int, int, int]:
    x, y, z = (next((len(axis.values) for axis in axes if axis.place == place), 1) for place in range(3))
    return x, y, z


def _check_count(axes: Sequence[ExpandedAxis], seeds: Sequence[int]) -> None:
    counts = {axis.where: len(axis.values) for axis in axes} | ({"seeds": len(seeds)} if seeds else {})
    pictures = math.prod(counts.values())
    if pictures > MAX_CELLS:
        longest = max(counts, key=lambda name: counts[name])
        raise GridError(
            "grid",
            found=f"{plural(pictures, 'picture')} ({' × '.join(f'{name} {count}' for name, count in counts.items())})",
            expected=f"at most {MAX_CELLS:,}",
            way_out=f"shorten {longest}",
        )


def _seed_axis(seeds: Sequence[int]) -> Axis:
    if not seeds:
        return _NO_AXIS
    labels = tuple(str(seed) for seed in seeds)
    return Axis("seed", "Seed", labels, ", ".join(labels))


def _with_own_keys(spec: GridSpec, axes: Sequence[ExpandedAxis]) -> GridSpec:
    """Return the spec with its axes under our own keys, whatever they were called."""
    keys = {axis.place: axis.kind.key for axis in axes}
    update = {
        name: axis.model_copy(update={"kind": keys[place]})
        for place, name in enumerate(("x", "y", "z"))
        if (axis := getattr(spec, name)) is not None
    }
    return spec.model_copy(update=update)
