"""Expanded axes and cells of a grid, one cell for each picture."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from trainer.grid.recipe import HalfType, Recipe
from trainer.grid.spec import GridSpec
from trainer.settings.parts import Family


@dataclass(frozen=True)
class Axis:
    """One expanded axis.

    Attributes:
        kind: key of axes.KINDS; "" where nothing varies.
        title: its heading: `U-Net weight`.
        labels: of its values, in their order; one empty label where nothing varies.
        values: the values as text, drawn seeds as numbers: typed in again they give the same axis.
    """

    kind: str
    title: str
    labels: tuple[str, ...]
    values: str = ""

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self.labels)


Index = Annotated[int, Field(ge=0, lt=2**31)]
"""The number of a value on its axis, from 0."""


@dataclass(frozen=True, order=True)
class Place:
    """Place of a picture in its grid: the number of its value on each axis and of its seed, from 0."""

    x: Index
    y: Index
    z: Index
    seed: Index

    @property
    def name(self) -> str:
        """The name of its file without `.png`, counted from 1: `x1-y2-z1-s3`."""
        return f"x{self.x + 1}-y{self.y + 1}-z{self.z + 1}-s{self.seed + 1}"


@dataclass(frozen=True)
class Cell:
    """One picture of a grid.

    Attributes:
        place: in the grid.
        recipe: how it is made.
        epoch: label of its epoch, "" where epochs do not vary.
    """

    place: Place
    recipe: Recipe
    epoch: str = ""


@dataclass(frozen=True)
class Expanded:
    """A grid, expanded and checked.

    Attributes:
        spec: as asked, with drawn seeds and looked-up epochs written in: it repeats the grid.
        x, y, z: the axes.
        seeds: the fourth one.
        cells: every picture in the axes' order: z outermost, then y, x, seed.
        family: of the first picture's base.
        notes: what the user should know, one line each.
        half: half precision that all of its bases can compute in.
    """

    spec: GridSpec
    x: Axis
    y: Axis
    z: Axis
    seeds: Axis
    cells: tuple[Cell, ...]
    family: Family
    notes: tuple[str, ...] = ()
    half: HalfType = "fp16"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """How many values x, y, z and the seeds have."""
        return len(self.x), len(self.y), len(self.z), len(self.seeds)
