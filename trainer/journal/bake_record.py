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

# Columns of a bake's row that tell how it runs.
_OF_THE_RUN = (
    "total_steps", "steps_per_epoch", "stage", "stage_done", "stage_total", "device", "peak_vram", "predicted_peak",
    "predicted_peak_parts", "measured_peak_allocated", "setup_seconds", "asked_minutes", "expected_step_seconds",
    "planned_seconds", "energy_joules", "energy_by",
)  # fmt: skip

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

    def bring_home(self, record: BakeRecord, lines: Sequence[LogLine], settings_toml: str) -> None:
        """Let a bake of this journal be what it is where it runs: its row, all that was saved and measured, and new lines of its log.

        What is this journal's own stays: its place in the queue, who runs it, its state and its orders.

        Args:
            record: of the bake there, under its number here.
            lines: of its log there, since the last time.
            settings_toml: the settings in force, as this workspace keeps them.
        """
        number, row = record.bake.number, to_row(record.bake)
        values = {**{name: row[name] for name in _OF_THE_RUN}, "settings_toml": settings_toml}
        assignments = ", ".join(f"{name} = ?" for name in values)
        with self._database.writing() as connection:
            connection.execute(f"UPDATE bake SET {assignments} WHERE number = ?", (*values.values(), number))
            for table, rows in _tables_of_the_run(record):
                # A step that was taken again, or a state that was removed, is gone there too.
                connection.execute(f"DELETE FROM {table} WHERE bake = ?", (number,))
                for each in rows:
                    insert(connection, table, {**to_row(each), "bake": number}, replace=True)
            for line in lines:
                values_of_line = {name: value for name, value in to_row(line).items() if name != "id"}
                insert(connection, "log", {**values_of_line, "bake": number})

    def _of_bake(self, kind: type[T], table: str, bake: int) -> list[T]:
        return self._database.records(kind, f"FROM {table} WHERE bake = ? ORDER BY 1, 2", (bake,))


def _insert(connection: sqlite3.Connection, record: BakeRecord) -> None:
    number = record.bake.number
    known = connection.execute("SELECT 1 FROM bake WHERE number = ?", (record.bake.parent,)).fetchone()
    insert(connection, "bake", to_row(record.bake if known else replace(record.bake, parent=None)))
    tables: tuple[tuple[str, Sequence[object]], ...] = (
        *_tables_of_the_run(record),
        ("orders", record.orders),
        ("log", record.log),
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


def _tables_of_the_run(record: BakeRecord) -> tuple[tuple[str, Sequence[object]], ...]:
    """Return table -> rows of what a bake saved and measured."""
    return (
        ("checkpoint", record.checkpoints),
        ("state", record.states),
        ("validation", record.validations),
        ("folder_loss", record.folder_losses),
        ("mark", record.marks),
        ("measure", record.measures),
    )
