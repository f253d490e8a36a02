"""Grids on one line: axes, number of pictures, duration, state."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lora_tui.wording.state_symbols import grid_sign
from trainer.journal.grid_records import Grid
from trainer.text import duration, plural, printable

if TYPE_CHECKING:
    from trainer.grid.cell import Axis
    from trainer.jobs.grids import PlannedGrid


def count_line(ready: "PlannedGrid") -> str:
    """Return how many pictures a grid has, how many of them are to be made, and how long that takes."""
    expanded = ready.expanded
    total = len(expanded.cells)
    sizes = [size for size in expanded.shape if size > 1]
    product = f"{' × '.join(map(str, sizes))} = " if len(sizes) > 1 else ""
    parts = [f"{product}{plural(total, 'picture')}"]
    if ready.new_pictures != total:
        parts.append(f"{ready.new_pictures:,} to make")
    if ready.new_pictures:
        parts.append("duration unknown" if ready.seconds is None else f"≈ {duration(ready.seconds)}")
    return " · ".join(parts)


def pictures_text(done: int, total: int, seconds_left: float | None) -> str:
    """Return how far a grid is: `3/12 · 2 min left`; "" before it is counted, and without the time before its first picture."""
    if not total:
        return ""
    return f"{done}/{total}" + (f" · {duration(seconds_left)} left" if seconds_left is not None else "")


def values_line(labels: Sequence[str]) -> str:
    """Return how many values there are, and which: `3: 1 · 2 · 3`."""
    return f"{len(labels)}: {' · '.join(map(printable, labels))}"


def axis_line(axis: "Axis") -> str:
    """Return what an axis varies, and its values."""
    return f"{axis.title}  {values_line(axis.labels)}"


def grid_line(grid: Grid) -> str:
    """Return a grid on one line: sign, number, name, state, pictures, when it was created, its folder, and why it failed."""
    parts = [
        f"{grid_sign(grid.state).mark} {grid.number:04d} {printable(grid.name)}",
        str(grid.state),
        f"{grid.done}/{plural(grid.total, 'picture')}",
        time.strftime("%Y-%m-%d %H:%M", time.localtime(grid.created)),
        printable(grid.folder),
    ]
    if grid.bake is not None:
        parts.append(f"in bake {grid.bake}")
    if grid.error:
        parts.append(printable(grid.error))
    return "  ".join(parts)
