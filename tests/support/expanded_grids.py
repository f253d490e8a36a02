"""Specs of grids over the epochs of one bake, and what they expand to."""

from pathlib import Path

from trainer.grid.cell import Expanded
from trainer.grid.recipe import Recipe
from trainer.grid.spec import AxisSpec, EpochFile, GridSpec

PROMPT = "1girl, hifumi, smile, school uniform"


def spec_of(**fields: object) -> GridSpec:
    """Return a spec of these fields on the demo, with six epochs of one bake."""
    axes = {
        name: AxisSpec(kind=axis[0], values=axis[1]) for name in "xyz" if isinstance(axis := fields.get(name), tuple)
    }
    epochs = tuple(
        EpochFile(label=str(epoch), file=f"bakes/0001-hifumi/hifumi-{epoch:06d}.safetensors") for epoch in range(1, 7)
    )
    plain = GridSpec(base="demo", prompt=PROMPT, width=64, height=64, seeds="1", epochs=epochs, token="hifumi")
    return plain.model_copy(update={**fields, **axes})


def epoch_file(root: Path, epoch: int) -> Path:
    """Return the file of an epoch."""
    return root / f"bakes/0001-hifumi/hifumi-{epoch:06d}.safetensors"


def recipes_of(expanded: Expanded) -> list[Recipe]:
    """Return the recipe of each cell."""
    return [cell.recipe for cell in expanded.cells]


def values_of(expanded: Expanded, name: str) -> list[object]:
    """Return what the recipe of each cell has under a name."""
    return [getattr(recipe, name) for recipe in recipes_of(expanded)]
