"""The record of one bake: all of its rows except curves and readings, read from one journal and written into another."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from trainer.journal.bakes import BakeStore, bake_folder_name, next_number
from trainer.journal.database import Store
from trainer.journal.logs import LogStore
from trainer.journal.measure_records import BakeNote, MeasuredValue, SymptomTick
from trainer.journal.measures import MeasureStore
from trainer.journal.notes import NoteStore
from trainer.journal.orders import OrderStore
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
from trainer.journal.results import ResultStore
from trainer.journal.rows import insert, to_row
from trainer.journal.symptoms import SymptomStore

T = TypeVar("T")

# A record is written at every state; bake.log has the lines before these.
_MAX_LOG_LINES = 2000


@dataclass(frozen=True)
class BakeRecord:
    """One bake and its rows in every table. A loss that is NaN is None.

    Attributes:
        log: its last lines.
        format: version of this record as a file.
    """

    bake: Bake
    checkpoints: tuple[Checkpoint, ...] = ()
    states: tuple[SavedState, ...] = ()
    validations: tuple[ValidationRow, ...] = ()
    folder_losses: tuple[FolderLoss, ...] = ()
    marks: tuple[Mark, ...] = ()
    orders: tuple[GivenOrder, ...] = ()
    log: tuple[LogLine, ...] = ()
    measures: tuple[MeasuredValue, ...] = ()
    note: BakeNote | None = None
    imported: tuple[ImportedFile, ...] = ()
    symptoms: tuple[SymptomTick, ...] = ()
    format: Literal[1] = 1


class RecordStore(Store):
    """Everything the journal knows of one bake, read or written at once."""

    def read(self, number: int) -> BakeRecord:
        """Return the record of bake `number`.

        Raises:
            WorkspaceError: no bake has that number.
        """
        results = ResultStore(self._database)
        return BakeRecord(
            bake=BakeStore(self._database).read(number),
            checkpoints=tuple(results.checkpoints(number)),
            states=tuple(results.states(number)),
            validations=tuple(self._of_bake(ValidationRow, "validation", number)),
            folder_losses=tuple(self._of_bake(FolderLoss, "folder_loss", number)),
            marks=tuple(results.marks(number)),
            orders=tuple(OrderStore(self._database).read(number)),
            log=tuple(LogStore(self._database).read(bake=number, limit=_MAX_LOG_LINES)),
            measures=tuple(MeasureStore(self._database).of_bake(number)),
            note=NoteStore(self._database).find(number),
            imported=tuple(results.imported(number)),
            symptoms=tuple(SymptomStore(self._database).of_bake(number)),
        )

    def add(self, record: BakeRecord) -> None:
        """Write a record into a journal that has no bake of its number; orders and lines get new ids.

        A parent that is not in the journal is left out.
        """
        with self._database.writing() as connection:
            _insert(connection, record)

    def add_next(self, record: BakeRecord, *, least_number: int = 1) -> int:
        """Write a record under the next number, with the folder of that number and its name; return the number.

        Args:
            record: its number and folder are of no account.
            least_number: the number is this or above.
        """
        with self._database.writing() as connection:
            number = next_number(connection, least_number)
            bake = replace(
                record.bake, number=number, folder=bake_folder_name(number, record.bake.name), place=float(number)
            )
            _insert(connection, replace(record, bake=bake))
        return number

    def _of_bake(self, kind: type[T], table: str, bake: int) -> list[T]:
        return self._database.records(kind, f"FROM {table} WHERE bake = ? ORDER BY 1, 2", (bake,))


def _insert(connection: sqlite3.Connection, record: BakeRecord) -> None:
    number = record.bake.number
    known = connection.execute("SELECT 1 FROM bake WHERE number = ?", (record.bake.parent,)).fetchone()
    insert(connection, "bake", to_row(record.bake if known else replace(record.bake, parent=None)))
    tables: tuple[tuple[str, Sequence[object]], ...] = (
        ("checkpoint", record.checkpoints),
        ("state", record.states),
        ("validation", record.validations),
        ("folder_loss", record.folder_losses),
        ("mark", record.marks),
        ("orders", record.orders),
        ("log", record.log),
        ("measure", record.measures),
        ("bake_note", () if record.note is None else (record.note,)),
        ("imported_file", record.imported),
        ("symptom_tick", record.symptoms),
    )
    for table, rows in tables:
        for row in rows:
            # Orders and lines get new ids. The same file or step named twice cannot have come from a journal, and is no
            # reason to lose the rest.
            values = {name: value for name, value in to_row(row).items() if name != "id"}
            insert(connection, table, {**values, "bake": number}, replace=True)
