"""The table of trainers as lines of text: blocks of columns that fit, and the reasons below."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from lora_tui.wording.state_symbols import DIFFERS
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.parity.table import ParityCell, ParityRow, ParityTable

DIFFERENT = DIFFERS.mark
"""Stands before what differs from the first column."""

# Cells of the widest column and of the narrowest.
_WIDEST, _NARROWEST = 26, 10
_GAP = "  "
# Lines of details below a reason; the JSON has all.
_MAX_DETAILS = 6

# Rows whose details are files, each with why it is left out.
_NAMES_FILES = ("pictures_counted", "pictures_trained", "captions")

Lit = Callable[[str], str]


def table_lines(table: "ParityTable", width: int, lit: Lit) -> Iterator[str]:
    """Yield the table in blocks of columns, each with the row labels and the first column again.

    Args:
        table: the table.
        width: characters of a line.
        lit: marks a text that differs.
    """
    labels = max(len(row.label) for row in table.rows)
    widths = [_width(table, column) for column in range(len(table.columns))]
    for block in _blocks(widths, width - labels):
        shown = (0, *block)
        yield from _lines("", [table.titles[column] for column in shown], [widths[column] for column in shown], labels)
        for row in table.rows:
            texts = [_cell_text(row.cells[column]) for column in shown]
            marks = [lit if row.cells[column].differs else str for column in shown]
            yield from _lines(row.label, texts, [widths[column] for column in shown], labels, marks)
        yield ""


def reason_lines(table: "ParityTable", width: int) -> Iterator[str]:
    """Yield for every trainer why it differs, rows of the same reason together.

    Args:
        table: the table.
        width: characters of a line.
    """
    yield from _left_out_lines(table)
    for column in range(1, len(table.columns)):
        rows = [row for row in table.rows if row.cells[column].differs]
        if not rows:
            continue
        yield f"{table.titles[column]} ({table.columns[column]})"
        reasons: dict[str, list[ParityRow]] = {}
        for row in rows:
            reasons.setdefault(row.cells[column].reason, []).append(row)
        for reason, these in reasons.items():
            text = f"{', '.join(row.label for row in these)}: {reason}."
            yield from textwrap.wrap(text, width - 2, initial_indent="  ", subsequent_indent="    ")
            yield from _detail_lines(these[0], column)
        yield ""


def _left_out_lines(table: "ParityTable") -> Iterator[str]:
    """Yield what the first column leaves out: below the others only what is left out there in another way is named."""
    shown: set[tuple[str, ...]] = set()
    lines: list[str] = []
    for row in table.rows:
        details = row.cells[0].details
        if row.key in _NAMES_FILES and details and details not in shown:
            shown.add(details)
            lines += (f"  {row.label}: all but these", *_capped(details))
    if lines:
        yield table.titles[0]
        yield from lines
        yield ""


def _detail_lines(row: "ParityRow", column: int) -> Iterator[str]:
    """Yield the details of a cell that the first column does not have, such as pictures that count there alone."""
    here = set(row.cells[0].details)
    yield from _capped([each for each in row.cells[column].details if each not in here])


def _capped(details: Sequence[str]) -> Iterator[str]:
    for line in details[:_MAX_DETAILS]:
        yield f"      {printable(line)}"
    if len(details) > _MAX_DETAILS:
        yield f"      and {len(details) - _MAX_DETAILS:,} more"


def _cell_text(cell: "ParityCell") -> str:
    return f"{DIFFERENT} {cell.text}" if cell.differs else cell.text


def _width(table: "ParityTable", column: int) -> int:
    texts = [_cell_text(row.cells[column]) for row in table.rows]
    longest = max(len(text) for text in texts)
    # A title breaks between its words.
    words = max(len(word) for word in table.titles[column].split())
    return min(_WIDEST, max(_NARROWEST, words, longest))


def _blocks(widths: Sequence[int], room: int) -> Iterator[tuple[int, ...]]:
    """Yield the columns beside the first that share a block; one at least, however narrow the terminal."""
    left = room - widths[0] - len(_GAP)
    block: list[int] = []
    used = 0
    for column in range(1, len(widths)):
        needed = widths[column] + len(_GAP)
        if block and used + needed > left:
            yield tuple(block)
            block, used = [], 0
        block.append(column)
        used += needed
    yield tuple(block)


def _lines(
    label: str, texts: Sequence[str], widths: Sequence[int], labels: int, marks: Sequence[Lit] | None = None
) -> Iterator[str]:
    """Yield the lines of one row, its cells wrapped to their columns."""
    wrapped = [textwrap.wrap(text, width) or [""] for text, width in zip(texts, widths, strict=True)]
    for line in range(max(map(len, wrapped))):
        parts = [(label if line == 0 else "").ljust(labels)]
        for place, (cell, width) in enumerate(zip(wrapped, widths, strict=True)):
            text = cell[line] if line < len(cell) else ""
            mark = marks[place] if marks else str
            parts.append((mark(text) if text else "") + " " * (width - len(text)))
        yield _GAP.join(parts).rstrip()
