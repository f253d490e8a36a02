"""Curves as braille dots: two by four dots per character, minimum and maximum per column of dots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLANK = 0x2800
"""The braille character without a dot; a cell's dots are added to it."""

NOBODY = -1
"""Owner of a cell without a dot."""

# Dots from the top to the bottom of a column that is no gap of a dashed curve: a spike in one would be lost.
_STEEP = 2

SIGN_CELLS = 24
"""Cells from one letter on a curve to its next, where there is room for those of the others."""


@dataclass(frozen=True)
class PlotLine:
    """One curve: a stretch from low to high at each step, steps ascending; nan where a value was not a number.

    Attributes:
        role: names its colour.
        steps, low, high: parallel.
        joined: whether neighbours are joined; if not, each is a mark of three dots.
        sign: a letter that stands on the curve here and there, so that it is told from others without colours too; "" for none.
        dash: which of its cells are drawn where it is flat, from the left edge on, `#` for one that is; "" for all.
    """

    role: str
    steps: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    joined: bool = True
    sign: str = ""
    dash: str = ""


@dataclass(frozen=True)
class Window:
    """The part of the plane that is drawn, edges included."""

    first: float
    last: float
    bottom: float
    top: float


@dataclass(frozen=True)
class Drawing:
    """A drawing in cells.

    Attributes:
        dots: [rows, columns], the bits of each braille character.
        owners: [rows, columns], which line a cell belongs to, NOBODY for none.
        broken: columns (of cells) where a value was not a number.
        signs: (row, column) -> the letter in place of the dots.
    """

    dots: "NDArray[np.uint8]"
    owners: "NDArray[np.int8]"
    broken: tuple[int, ...]
    signs: Mapping[tuple[int, int], str] = field(default_factory=dict)

    def row(self, number: int) -> str:
        """Return one row as text."""
        return "".join(chr(BLANK + int(bits)) for bits in self.dots[number])


def draw(lines: Sequence[PlotLine], window: Window, columns: int, rows: int) -> Drawing:
    """Draw `lines` into `columns` x `rows` cells; where two meet in a cell, the later one has it alone.

    Mixing the dots of two curves in one cell, which has one colour, would show a curve that is neither.
    """
    import numpy as np

    dots = np.zeros((rows, columns), dtype=np.uint8)
    owners = np.full((rows, columns), NOBODY, dtype=np.int8)
    broken: set[int] = set()
    for number, line in enumerate(lines):
        grid, bad = _dot_grid(line, window, columns * 2, rows * 4)
        bits = _packed(grid)
        drawn = bits > 0
        dots[drawn] = bits[drawn]
        owners[drawn] = number
        broken.update(int(column) // 2 for column in bad)
    return Drawing(dots, owners, tuple(sorted(broken)), _signs(lines, owners))


def nice_range(low: float, high: float) -> tuple[float, float]:
    """Return round values at or outside `low` and `high`, so that an axis rarely moves while a curve grows."""
    if not (isfinite(low) and isfinite(high)):
        return 0.0, 1.0
    if high <= low:
        pad = abs(high) * 0.1 or 1.0
        low, high = low - pad, high + pad
    step = 10.0 ** floor(log10(high - low))
    for share in (0.1, 0.2, 0.25, 0.5, 1.0):
        if (high - low) / (step * share) <= 10:
            step *= share
            break
    return floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step


def _signs(lines: Sequence[PlotLine], owners: "NDArray[np.int8]") -> dict[tuple[int, int], str]:
    """Return where the letters of curves stand: at their ends, and between in columns of their own."""
    import numpy as np

    signs: dict[tuple[int, int], str] = {}
    lettered = [number for number, line in enumerate(lines) if line.sign]
    for place, number in enumerate(lettered):
        rows, columns = np.nonzero(owners == number)
        if not len(columns):
            continue
        reach = max(SIGN_CELLS, 3 * len(lettered))
        wanted = {int(columns.max()), *range(3 * place + 1, owners.shape[1], reach)}
        for column in wanted:
            here = rows[columns == column]
            if len(here):
                signs[int(here[len(here) // 2]), column] = lines[number].sign
    return signs


def _dot_grid(line: PlotLine, window: Window, width: int, height: int) -> "tuple[NDArray[np.bool_], NDArray[np.intp]]":
    """Return the dots of one line [height, width], and the columns of dots where it is broken."""
    import numpy as np

    grid = np.zeros((height, width), dtype=np.bool_)
    steps = np.asarray(line.steps, dtype=np.float64)
    inside = (steps >= window.first) & (steps <= window.last)
    if not inside.any():
        return grid, np.empty(0, dtype=np.intp)
    reach = max(window.last - window.first, 1e-12)
    places = np.rint((steps[inside] - window.first) / reach * (width - 1)).astype(np.intp)
    columns, starts = np.unique(places, return_index=True)
    # fmin and fmax pass over nan: one bad step must not hide the good ones of its column.
    low = np.fmin.reduceat(np.asarray(line.low, dtype=np.float64)[inside], starts)
    high = np.fmax.reduceat(np.asarray(line.high, dtype=np.float64)[inside], starts)
    good = np.isfinite(low) & np.isfinite(high)
    upper = _dot_rows(high, window, height)
    lower = _dot_rows(low, window, height)
    level = np.arange(height)[:, None]
    if not line.joined:
        middle = np.rint((upper[good] + lower[good]) / 2)
        grid[:, columns[good]] |= np.abs(level - middle) <= 1
        return grid, columns[~good]
    for run in _runs(good):
        across = np.arange(columns[run[0]], columns[run[-1]] + 1)
        above = np.rint(np.interp(across, columns[run], upper[run])).astype(np.intp)
        below = np.rint(np.interp(across, columns[run], lower[run])).astype(np.intp)
        _join(above, below)
        kept = _undashed(line.dash, across, below - above)
        grid[:, across] |= (level >= above) & (level <= below) & kept
    return grid, columns[~good]


def _undashed(dash: str, columns: "NDArray[np.intp]", heights: "NDArray[np.intp]") -> "NDArray[np.bool_]":
    """Return which columns of dots a dashed curve is drawn in: those of its dashes, and wherever it rises or falls."""
    import numpy as np

    if not dash:
        return np.ones(len(columns), dtype=np.bool_)
    drawn = np.array([sign == "#" for sign in dash])
    return drawn[columns // 2 % len(dash)] | (heights >= _STEEP)


def _dot_rows(values: "NDArray[np.float64]", window: Window, height: int) -> "NDArray[np.float64]":
    """Return the row of dots of each value, counted from the top, held inside the drawing."""
    import numpy as np

    reach = max(window.top - window.bottom, 1e-300)
    rows = (window.top - np.nan_to_num(values, posinf=0, neginf=0)) / reach * (height - 1)
    return np.clip(rows, 0, height - 1)


def _join(above: "NDArray[np.intp]", below: "NDArray[np.intp]") -> None:
    """Lengthen each column's stretch until it touches the one before, so that a steep curve stays one line."""
    import numpy as np

    upper, lower = above.copy(), below.copy()
    above[1:] = np.where(upper[1:] > lower[:-1], lower[:-1] + 1, upper[1:])
    below[1:] = np.where(lower[1:] < upper[:-1], upper[:-1] - 1, lower[1:])


def _runs(good: "NDArray[np.bool_]") -> "list[NDArray[np.intp]]":
    """Return the indices of each unbroken stretch of good entries."""
    import numpy as np

    places = np.flatnonzero(good)
    if not len(places):
        return []
    return np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)


def _packed(grid: "NDArray[np.bool_]") -> "NDArray[np.uint8]":
    """Pack dots [4 * rows, 2 * columns] into braille bits [rows, columns]."""
    import numpy as np

    weights = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], dtype=np.uint8)
    height, width = grid.shape
    cells = grid.reshape(height // 4, 4, width // 2, 2)
    packed: NDArray[np.uint8] = (cells * weights[None, :, None, :]).sum(axis=(1, 3)).astype(np.uint8)
    return packed
