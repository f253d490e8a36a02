"""Sidecar of a grid: grid.json, which describes the complete grid beside its PNGs, one for each cell."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

from pydantic import TypeAdapter

from trainer.atomic_file import write_atomically
from trainer.errors import GridError
from trainer.families.registry import FAMILIES, titles
from trainer.grid.cell import Axis, Expanded, Place
from trainer.grid.recipe import ComputeSetup, LoraUse, Recipe
from trainer.grid.spec import GridSpec, kept_spec
from trainer.settings.kept import kept_path
from trainer.settings.parts import Family
from trainer.settings.subject import DEMO_BASE
from trainer.text import plural, printable
from trainer.typed_values import WrongValue, read_json
from trainer.workspace_paths import workspace_paths

SIDECAR = "grid.json"
_MAX_BYTES = 256 * 2**20


@dataclass(frozen=True)
class MadeCell:
    """One picture of a grid, made or still to come.

    Attributes:
        place: in the grid.
        recipe: how it is made.
        epoch: label of its epoch, "" where epochs do not vary.
        file: its PNG's name in the folder; exists once it is made.
        fingerprint: of recipe and compute setup.
    """

    place: Place
    recipe: Recipe
    epoch: str
    file: str
    fingerprint: str


@dataclass(frozen=True)
class MadeGrid:
    """A grid as its folder describes it.

    Attributes:
        spec: with drawn seeds and looked-up epochs written in: it repeats the grid.
        x, y, z, seeds: the axes.
        cells: every picture, in the axes' order: z outermost, then y, x, seed.
        compute_setup: how it was computed.
        family: of the first picture's base.
        hashes: path -> sha256 of each file it was made from, 64 hex digits; of a folder, of its parts' hashes.
        notes: for the user, one line each.
        format: version of the file. In 1 the hash of a folder was that of its weights alone.
    """

    spec: GridSpec
    x: Axis
    y: Axis
    z: Axis
    seeds: Axis
    cells: tuple[MadeCell, ...]
    compute_setup: ComputeSetup
    family: Family
    hashes: dict[str, str]
    notes: tuple[str, ...] = ()
    format: int = 2

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """How many values x, y, z and the seeds have."""
        return len(self.x), len(self.y), len(self.z), len(self.seeds)


_MADE: TypeAdapter[MadeGrid] = TypeAdapter(MadeGrid)


def made_grid(
    expanded: Expanded,
    fingerprints: list[str],
    compute_setup: ComputeSetup,
    hashes: dict[str, str],
    notes: tuple[str, ...] = (),
) -> MadeGrid:
    """Return the content of grid.json for a grid that is about to be made.

    Args:
        expanded: the expanded grid.
        fingerprints: of its cells, in their order.
        compute_setup, hashes: as in MadeGrid.
        notes: added to those of the expansion.
    """
    cells = tuple(
        MadeCell(cell.place, cell.recipe, cell.epoch, f"{cell.place.name}.png", mark)
        for cell, mark in zip(expanded.cells, fingerprints, strict=True)
    )
    return MadeGrid(
        expanded.spec,
        expanded.x,
        expanded.y,
        expanded.z,
        expanded.seeds,
        cells,
        compute_setup,
        expanded.family,
        hashes,
        (*expanded.notes, *notes),
    )


def write_sidecar(made: MadeGrid, folder: Path) -> None:
    """Write grid.json into `folder`, in a workspace's `grids/`, atomically; files in the workspace are named from its root.

    Raises:
        OSError: it cannot be written.
    """
    paths = workspace_paths(folder.parent.parent)
    kept = replace(with_paths(made, lambda path: kept_path(path, paths)), spec=kept_spec(made.spec, paths))
    write_atomically(folder / SIDECAR, _MADE.dump_json(kept, indent=1) + b"\n")


def read_sidecar(folder: Path) -> MadeGrid | None:
    """Return the content of grid.json in `folder`, None where that is missing; the paths of its recipes and hashes are those of now.

    Raises:
        GridError: it cannot be read, is damaged, lacks places of its axes or has others, or is of an unknown family.
    """
    path = folder / SIDECAR
    where = printable(str(path))
    try:
        made: MadeGrid = read_json(path, MadeGrid, _MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GridError(where, found=f"cannot be read ({error.strerror})") from error
    except WrongValue as fault:
        raise _damaged(where, str(fault)) from None
    if made.family not in FAMILIES:
        raise GridError(
            where, found=f"a grid on a base of the unknown family {printable(made.family, 40)}", expected=titles()
        )
    if not _has_every_place(made):
        axes = " × ".join(f"{size:,}" for size in made.shape)
        raise _damaged(where, f"{plural(len(made.cells), 'picture')} on axes of {axes} values")
    if any(cell.file != f"{cell.place.name}.png" for cell in made.cells):
        raise _damaged(where, "a picture is not named by its place")
    return with_paths(made, workspace_paths(folder.parent.parent).found)


def with_paths(made: MadeGrid, change: Callable[[str], str]) -> MadeGrid:
    """Return a grid with every path of its recipes and hashes changed; blank ones and the base `demo` stay."""

    # Each of a few files is named by many cells.
    @cache
    def changed(path: str) -> str:
        return change(path) if path and path != DEMO_BASE else path

    def lora(use: LoraUse) -> LoraUse:
        other = use.text_encoder_path
        return replace(
            use,
            path=Path(changed(str(use.path))),
            text_encoder_path=None if other is None else Path(changed(str(other))),
        )

    def recipe(of: Recipe) -> Recipe:
        parts = tuple((name, changed(place)) for name, place in of.components)
        return replace(
            of, base=changed(of.base), vae=changed(of.vae), loras=tuple(map(lora, of.loras)), components=parts
        )

    return replace(
        made,
        cells=tuple(replace(cell, recipe=recipe(cell.recipe)) for cell in made.cells),
        hashes={changed(path): digest for path, digest in made.hashes.items()},
    )


def _damaged(where: str, fault: str) -> GridError:
    return GridError(
        where,
        found=f"is damaged ({fault})",
        way_out="`lora-tui grid` with this file makes the grid again from its spec, and takes the pictures there are",
    )


def _has_every_place(made: MadeGrid) -> bool:
    # Counted first: four long axes have more places than there is memory for.
    if math.prod(made.shape) != len(made.cells):
        return False
    places = product(*(range(size) for size in (made.shape[2], made.shape[1], made.shape[0], made.shape[3])))
    return all(cell.place == Place(x, y, z, seed) for cell, (z, y, x, seed) in zip(made.cells, places, strict=True))
