"""Damage of the journal: rows whose columns hold what no record has, each by its name with what is wrong."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from trainer.errors import WorkspaceError
from trainer.journal.derived_records import BakeFacts, FactSource, ListedBake, NewestLora
from trainer.journal.grid_records import CellNote, Grid, ProposedTicks
from trainer.journal.records import (
    Bake,
    Checkpoint,
    FolderLoss,
    GivenOrder,
    ImportedFile,
    LogLine,
    Mark,
    SavedState,
    ValidationRow,
)
from trainer.text import plural, printable
from trainer.typed_values import WrongValue, shown

REBUILD = "`lora-tui journal rebuild` makes a new journal from the folders of bakes and grids, and keeps the old one"
"""The way out of a damaged journal."""

# A damaged column of a million lines must not fill the memory.
_MAX_ROWS = 1000
# Record -> what a row is called, and the column that tells it from others.
_NAMES: dict[type, tuple[str, str]] = {
    Bake: ("bake", "number"),
    ListedBake: ("bake", "number"),
    FactSource: ("bake", "number"),
    NewestLora: ("bake", "number"),
    BakeFacts: ("facts of bake", "bake"),
    Grid: ("grid", "number"),
    GivenOrder: ("order", "id"),
    LogLine: ("log line", "id"),
    Mark: ("mark of step", "step"),
    Checkpoint: ("LoRA file", "file"),
    ImportedFile: ("imported file", "file"),
    SavedState: ("training state", "file"),
    ValidationRow: ("validation of step", "step"),
    FolderLoss: ("loss of folder", "folder"),
    CellNote: ("note on picture", "cell"),
    ProposedTicks: ("proposed ticks of picture", "cell"),
}


class DamagedRows:
    """The damaged rows that were met, each once however often it is read."""

    def __init__(self) -> None:
        self._rows: dict[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield each as `bake 3 (state: 'abc'; expected …)`, the first one met first."""
        return iter(self._rows.values())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._rows)

    def note(self, kind: type, row: sqlite3.Row, fault: WrongValue) -> str:
        """Note a row of record class `kind`, and return it as one text."""
        what, key = _NAMES.get(kind, ("a row", ""))
        name = what
        if key in row.keys():  # noqa: SIM118  # `in` on a row looks at its values
            value = row[key]
            name = f"{what} {printable(value, 80) if isinstance(value, str) else shown(value)}"
        text = f"{name} ({fault})"
        if len(self._rows) < _MAX_ROWS:
            self._rows.setdefault(name, text)
        return text


def damaged_journal(path: Path, *rows: str) -> WorkspaceError:
    """Return the error for damaged rows of the journal, the first of them named."""
    more = f" and {plural(len(rows) - 1, 'more row')}" if len(rows) > 1 else ""
    verb = "are" if more else "is"
    return WorkspaceError(printable(str(path)), found=f"{rows[0]}{more} {verb} damaged", way_out=REBUILD)
