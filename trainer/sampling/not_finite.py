"""Error about a grid's pictures that have NaN or infinite values: which ones, and what to try."""

from collections.abc import Sequence

from trainer.errors import GridError
from trainer.grid.cell import Cell, Expanded
from trainer.grid.recipe import ComputeSetup
from trainer.text import plural, printable

_MAX_NAMED = 3


def not_finite(
    number: int, cells: Sequence[Cell], expanded: Expanded, compute_setup: ComputeSetup, *, others: bool
) -> GridError:
    """Return the error that names pictures without a value to show.

    Args:
        number: the grid's.
        cells: the pictures.
        expanded: the grid; its axes have the labels.
        compute_setup: in which precision they were made.
        others: whether the grid has pictures that are finite.
    """
    named = "; ".join(_name(cell, expanded) for cell in cells[:_MAX_NAMED])
    more = f"; and {len(cells) - _MAX_NAMED:,} more" if len(cells) > _MAX_NAMED else ""
    loras = dict.fromkeys(printable(lora.path.name, 60) for cell in cells for lora in cell.recipe.loras)
    wider = "" if compute_setup.precision == "fp32" else "precision = fp32, "
    tries = f"{wider}a lower weight, or another epoch" if loras else f"{wider}another sampler or a lower CFG scale"
    of = f" with {', '.join(list(loras)[:_MAX_NAMED])}" if loras else ""
    have, were = ("has", "was") if len(cells) == 1 else ("have", "were")
    return GridError(
        f"grid {number}",
        found=f"{plural(len(cells), 'picture')}{of} {have} NaN or infinite values and {were} not written: "
        f"{named}{more}",
        expected="finite values",
        way_out=f"try {tries}{'; the other pictures are kept' if others else ''}",
    )


def _name(cell: Cell, expanded: Expanded) -> str:
    """Return the labels of a picture: `Epoch 3, LoRA weight 2, seed 11`."""
    parts = []
    for axis, at in ((expanded.x, cell.place.x), (expanded.y, cell.place.y), (expanded.z, cell.place.z)):
        if axis.kind:
            label = printable(axis.labels[at], 40)
            parts.append(label if label.startswith(axis.title) else f"{axis.title} {label}")
    return ", ".join((*parts, f"seed {cell.recipe.seed}"))
