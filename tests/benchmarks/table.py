"""What a benchmark says: tables that can be pasted into a page or read by a program, and how far it is."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """Figures that belong together.

    Attributes:
        title: what they are of, with the conditions they hold under.
        columns: what stands in each column, with its unit.
        rows: a cell a column; None where nothing was measured.
        note: what is to be known to read them.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def text(self) -> str:
        """Return the table in Markdown, its columns aligned."""
        cells = [[_text(cell) for cell in row] for row in self.rows]
        widths = [max(len(line[place]) for line in [list(self.columns), *cells]) for place in range(len(self.columns))]
        bar = ["-" * width for width in widths]
        lines = [
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
            for line in [list(self.columns), bar, *cells]
        ]
        return "\n".join([f"### {self.title}", "", *lines, *(["", self.note] if self.note else [])])

    def plain(self) -> dict[str, object]:
        """Return the same for JSON."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows, "note": self.note}


def figures(title: str, values: Mapping[str, Cell], note: str = "") -> Table:
    """Return a table of single figures, each with what it is."""
    return Table(title, ("what", "figure"), [[name, value] for name, value in values.items()], note)


class Budget:
    """How long a part may take; without an end where nobody waits for a lent card.

    Args:
        seconds: from now on; None for as long as it takes.
    """

    def __init__(self, seconds: float | None = None) -> None:
        """Begin to count."""
        self.began = time.monotonic()
        self._end = None if seconds is None else self.began + seconds

    def allows(self, seconds: float) -> bool:
        """Return whether something that takes so long still fits."""
        return self._end is None or time.monotonic() + seconds <= self._end

    @property
    def left(self) -> float | None:
        """Seconds left, None for endless."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())


def say(line: str) -> None:
    """Tell whoever waits what is being measured; standard output is the tables' own."""
    print(line, file=sys.stderr, flush=True)


def _text(cell: Cell) -> str:
    if cell is None:
        return "not run"
    if isinstance(cell, float):
        return f"{cell:.4g}" if abs(cell) < 1000 else f"{cell:,.0f}"
    return str(cell)
