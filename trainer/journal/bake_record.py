"""Everything the journal knows of one bake but its curves and readings, as plain data: read out, and written into a new journal."""

import sqlite3
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any, Literal

from trainer.journal.bakes import BakeStore, insert_bake
from trainer.journal.database import Database, Store
from trainer.journal.logs import LogStore
from trainer.journal.orders import OrderStore
from trainer.journal.records import Bake, Checkpoint, GivenOrder, LogLine, Mark, SavedState
from trainer.journal.results import ResultStore

# A record is written at every state; bake.log has the lines before these.
_MAX_LOG_LINES = 2000


@dataclass(frozen=True)
class ValidationRow:
    """The loss of the validation pictures after `step`, its change against the untrained base, and that change's standard error."""

    step: int
    loss: float | None
    change: float | None
    error: float | None


@dataclass(frozen=True)
class FolderLoss:
    """The mean loss of a folder's pictures in one epoch."""

    epoch: int
    folder: str
    loss: float | None
    pictures: int


@dataclass(frozen=True)
class BakeRecord:
    """One bake and its rows in every table. A loss that is no number is None.

    Attributes:
        log: its last lines.
        format: of this form as a file.
    """

    bake: Bake
    checkpoints: tuple[Checkpoint, ...] = ()
    states: tuple[SavedState, ...] = ()
    validations: tuple[ValidationRow, ...] = ()
    folder_losses: tuple[FolderLoss, ...] = ()
    marks: tuple[Mark, ...] = ()
    orders: tuple[GivenOrder, ...] = ()
    log: tuple[LogLine, ...] = ()
    format: Literal[1] = 1


class RecordStore(Store):
    """Everything the journal knows of one bake, read or written at once."""

    def read(self, number: int) -> BakeRecord:
        """Return the record of bake `number`.

        Raises:
            WorkspaceError: there is none of that number.
        """
        results = ResultStore(self._database)
        return BakeRecord(
            bake=BakeStore(self._database).read(number),
            checkpoints=tuple(results.checkpoints(number)),
            states=tuple(results.states(number)),
            validations=tuple(
                ValidationRow(**row) for row in _rows(self._database, "validation", ValidationRow, number)
            ),
            folder_losses=tuple(FolderLoss(**row) for row in _rows(self._database, "folder_loss", FolderLoss, number)),
            marks=tuple(results.marks(number)),
            orders=tuple(OrderStore(self._database).read(number)),
            log=tuple(LogStore(self._database).read(bake=number, limit=_MAX_LOG_LINES)),
        )

    def add(self, record: BakeRecord) -> None:
        """Write a record into a journal that has no bake of its number; orders and lines get new ids.

        A parent that is not in the journal is left out.
        """
        number = record.bake.number
        with self._database.writing() as connection:
            known = connection.execute("SELECT 1 FROM bake WHERE number = ?", (record.bake.parent,)).fetchone()
            insert_bake(connection, {**asdict(record.bake), "parent": record.bake.parent if known else None})
            for table, rows in (
                ("checkpoint", record.checkpoints),
                ("state", record.states),
                ("validation", record.validations),
                ("folder_loss", record.folder_losses),
                ("mark", record.marks),
                ("orders", record.orders),
                ("log", record.log),
            ):
                for row in rows:
                    _insert(connection, table, number, row)


def _rows(database: Database, table: str, kind: type[Any], bake: int) -> list[dict[str, Any]]:
    columns = ", ".join(field.name for field in fields(kind))
    return [dict(row) for row in database.rows(f"SELECT {columns} FROM {table} WHERE bake = ? ORDER BY 1, 2", (bake,))]


def _insert(connection: sqlite3.Connection, table: str, bake: int, row: Any) -> None:
    values = {field.name: value for field, value in zip(fields(row), astuple(row), strict=True)}
    values.pop("id", None)
    values["bake"] = bake
    columns = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" for _ in values)
    # The same file or step named twice cannot have come from a journal, and is no reason to lose the rest.
    connection.execute(f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))
