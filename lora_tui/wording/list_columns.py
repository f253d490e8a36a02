"""Columns of a list, and which of them a width has room for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Entry = TypeVar("Entry")

GAP = 1
"""Cells between two columns."""


@dataclass(frozen=True)
class ListColumn(Generic[Entry]):
    """One column of a list.

    Attributes:
        key: names it.
        head: stands above it.
        least: cells without which it is left out.
        most: cells beyond which it gains nothing.
        rank: columns of a higher rank are left out first.
        text: makes its text.
        side: where a number stands at the right.
        share: of the cells that are left once all columns have their least.
    """

    key: str
    head: str
    least: int
    most: int
    rank: int
    text: Callable[[Entry], str]
    side: Literal["left", "right"] = "left"
    share: int = 0


def fitted_columns(columns: Sequence[ListColumn[Entry]], width: int) -> list[tuple[ListColumn[Entry], int]]:
    """Return the columns that have room in `width` cells, from left to right, each with its cells."""
    kept: list[ListColumn[Entry]] = []
    for column in sorted(columns, key=lambda column: column.rank):
        if sum(each.least + GAP for each in (*kept, column)) - GAP <= width:
            kept.append(column)
    shown = [column for column in columns if column in kept]
    widths = {column.key: column.least for column in shown}
    left = width - sum(widths.values()) - GAP * (len(shown) - 1)
    _share_out(shown, widths, left)
    return [(column, widths[column.key]) for column in shown]


def _share_out(columns: Sequence[ListColumn[Entry]], widths: dict[str, int], left: int) -> None:
    """Give the cells that are left to the columns that want more, by their shares."""
    hungry = [column for column in columns if column.share]
    while left > 0 and hungry:
        shares, before = sum(column.share for column in hungry), left
        for column in hungry:
            more = min(max(1, before * column.share // shares), column.most - widths[column.key], left)
            widths[column.key] += more
            left -= more
        hungry = [column for column in hungry if widths[column.key] < column.most]
