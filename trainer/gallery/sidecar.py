"""Sidecar of a grid: grid.json, which describes the complete grid beside its PNGs, one for each cell."""

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from trainer.atomic_file import write_atomically
from trainer.errors import GridError
from trainer.families.registry import FAMILIES, titles
from trainer.grid.cell import Axis, Expanded, Place
from trainer.grid.recipe import ComputeSetup, Recipe
from trainer.grid.spec import GridSpec, expected_text
from trainer.settings.parts import Family
from trainer.text import plural, printable

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
        format: version of the file.
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
    format: int = 1

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
    """Write grid.json into `folder` atomically.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(folder / SIDECAR, _MADE.dump_json(made, indent=1) + b"\n")


def read_sidecar(folder: Path) -> MadeGrid | None:
    """Return the content of grid.json in `folder`, None where that is missing.

    Raises:
        GridError: it cannot be read, is damaged, lacks places of its axes or has others, is of an unknown family, or names a file outside the folder.
    """
    path = folder / SIDECAR
    where = printable(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise GridError(where, found=f"cannot be read ({error.strerror})") from error
    try:
        made = _MADE.validate_json(content)
    except (ValidationError, json.JSONDecodeError) as error:
        raise GridError(
            where, found=f"is damaged ({printable(_first_error(error), 120)})", expected="a file written by lora-tui"
        ) from error
    if made.family not in FAMILIES:
        raise GridError(
            where, found=f"a grid on a base of the unknown family {printable(made.family, 40)}", expected=titles()
        )
    places = product(*(range(size) for size in (made.shape[2], made.shape[1], made.shape[0], made.shape[3])))
    if [cell.place for cell in made.cells] != [Place(x, y, z, seed) for z, y, x, seed in places]:
        raise GridError(
            where,
            found=f"is damaged ({plural(len(made.cells), 'picture')} on axes of {' × '.join(map(str, made.shape))} values)",
            expected="a picture for each place",
        )
    if any("/" in cell.file or "\0" in cell.file or cell.file in ("", ".", "..") for cell in made.cells):
        raise GridError(where, found="names a picture outside its folder", expected="a file written by lora-tui")
    return made


def _first_error(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            return f"{place} is missing"
        if first["type"] == "json_invalid":
            return "not valid JSON"
        return f"{place}: {printable(repr(first['input']), 40)}; expected {expected_text(first)}"
    return str(error)
