"""The table of what several trainers make of the same settings and data."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class ParityCell:
    """What one trainer makes of one thing.

    Attributes:
        text: as it is shown; `unknown` where it is not known, `stops` where the trainer would not train.
        differs: whether it differs from the first column.
        reason: why, in one sentence without its stop; "" where it does not differ.
        details: more lines, such as the pictures that do not count, each with its reason.
    """

    text: str
    differs: bool = False
    reason: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class ParityRow:
    """One thing that trainers may do differently: its key, its label, and a cell for each column."""

    key: str
    label: str
    cells: tuple[ParityCell, ...]


@dataclass(frozen=True)
class ParityTable:
    """Several trainers beside one another.

    Attributes:
        columns: profile keys; the first is columns.HERE, these settings as they stand.
        titles: of the columns, for people.
        rows: each with as many cells as there are columns.
    """

    columns: tuple[str, ...]
    titles: tuple[str, ...]
    rows: tuple[ParityRow, ...]


def parity_json(table: ParityTable) -> dict[str, object]:
    """Return the table as plain JSON values."""
    return asdict(table)
