"""One connection to the journal's file: opening, reading, writing, and SQLite's errors in plain words."""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from trainer.errors import WorkspaceError
from trainer.journal.damage import REBUILD, DamagedRows, damaged_journal
from trainer.journal.mounts import network_file_system
from trainer.journal.read_only import ReadOnlyFile
from trainer.journal.rows import column_names, from_row, from_rows, return_rows
from trainer.journal.schema import SCHEMA_VERSION, check_schema, upgrade
from trainer.private_files import make_private_file
from trainer.refusals import real_path
from trainer.text import printable
from trainer.typed_values import WrongValue
from trainer.workspace import may_write, no_writing

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a read or write waits for another writer before it fails."""


_DAMAGED = "the journal is damaged"
_BUSY = f"another program has been writing for {BUSY_SECONDS:g} s", "close it or try again"
# Start of SQLite's name for a failure -> what was found, and the way out.
_DESCRIPTIONS = {
    "SQLITE_BUSY": _BUSY,
    "SQLITE_LOCKED": _BUSY,
    "SQLITE_NOTADB": ("not a lora-tui journal", "move the file away, or choose another folder"),
    "SQLITE_CORRUPT": (_DAMAGED, REBUILD),
}


class Database:
    """A connection that belongs to the thread that opened it.

    Args:
        path: the journal's file; created if it does not exist, in a folder that does, readable by the owner only. One that cannot
            be written is only read. One for whose logs the disk has no room is read as it lies there until something is written.

    Attributes:
        path: the file.
        read_only: whether it cannot be written, and every attempt is an error.
        wal: whether the write-ahead log is in use; False on a network file system, where SQLite rolls back instead.
        network: the kind of network file system it is on, "" for a local disk.
        damage: the rows that could not be read so far.

    Raises:
        WorkspaceError: it cannot be opened, is not a journal, or was written by a newer lora-tui.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wal = False
        self.damage = DamagedRows()
        self.network = network_file_system(real_path(path))
        self.read_only = os.path.exists(path) and not may_write(path)
        self._reader: ReadOnlyFile | None = None
        if self.read_only:
            self._reader = self._as_it_lies()
            return
        # Of its mode SQLite makes the logs beside it.
        make_private_file(path)
        try:
            self._connect()
        except WorkspaceError as error:
            if not error.full or not os.path.getsize(path):
                raise
            self._reader = self._as_it_lies()

    @property
    def has_no_room(self) -> bool:
        """Whether the disk was too full for SQLite's logs: it is read as it lies there, and every write tries again."""
        return self._reader is not None and not self.read_only

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Return every row of a read; no transaction stays open."""
        with self._plain_errors():
            if self._reader is not None:
                return self._reader.rows(sql, parameters)
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Row | None:
        """Return the first row of a read, None without one; no transaction stays open."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def records(
        self, kind: type[T], source: str, parameters: Sequence[object] = (), *, most: int | None = None
    ) -> list[T]:
        """Return the rows of a table as records of class `kind`; damaged ones are left out, and noted in `damage`.

        Args:
            kind: a dataclass whose fields are columns of the table.
            source: the SQL behind SELECT …: FROM, WHERE, ORDER BY.
            parameters: of its question marks.
            most: how many of the first ones to return; a LIMIT in the SQL would count damaged ones.
        """
        sql = f"SELECT {column_names(kind)} {source}"
        if self._reader is not None:
            return list(islice(self._readable(kind, self.rows(sql, parameters)), most))
        with self._plain_errors():
            cursor = self._connection.execute(sql, parameters)
            try:
                return list(islice(self._readable(kind, cursor), most))
            finally:
                # A cursor with rows left would hold a read transaction.
                cursor.close()

    def all_records(self, kind: type[T], source: str, parameters: Sequence[object] = ()) -> list[T]:
        """Return the rows of a read as `records` does, checked all at once: of thousands, in a fraction of the time."""
        rows = self.rows(f"SELECT {column_names(kind)} {source}", parameters)
        try:
            return from_rows(kind, rows)
        except WrongValue:
            # One by one, to tell the damaged ones from the others.
            return list(self._readable(kind, rows))

    def _readable(self, kind: type[T], rows: Iterable[sqlite3.Row]) -> Iterator[T]:
        for row in rows:
            try:
                yield from_row(kind, row)
            except WrongValue as fault:
                self.damage.note(kind, row, fault)

    def record(self, kind: type[T], source: str, parameters: Sequence[object] = ()) -> T | None:
        """Return the first row of a read as a record of class `kind`, None without one.

        Raises:
            WorkspaceError: the row is damaged.
        """
        row = self.row(f"SELECT {column_names(kind)} {source}", parameters)
        try:
            return None if row is None else from_row(kind, row)
        except WrongValue as fault:
            assert row is not None
            raise damaged_journal(self.path, self.damage.note(kind, row, fault)) from None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold one write transaction: everything the block writes is kept, or nothing.

        Raises:
            WorkspaceError: the file is read-only, another program kept writing for BUSY_SECONDS, the disk is full (`full` is True
                then), the row that a reference names does not exist …
        """
        if self.read_only:
            raise no_writing(self.path.parent)
        if self._reader is not None:
            self._connect()
            self._reader.close()
            self._reader = None
        with self._plain_errors():
            # A deferred transaction that reads first fails at once when it starts to write, in spite of the busy timeout.
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    def data_version(self) -> int:
        """Return a number that changes when another connection has written."""
        with self._plain_errors():
            if self._reader is not None:
                return self._reader.data_version()
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def own_changes(self) -> int:
        """Return a number that changes when this connection has written."""
        return 0 if self._reader is not None else self._connection.total_changes

    def close(self) -> None:
        """Close the connection; closing again does nothing."""
        with self._plain_errors():
            (self._reader or self._connection).close()

    def _as_it_lies(self) -> ReadOnlyFile:
        with self._plain_errors():
            return ReadOnlyFile(self.path, shared=bool(self.network), patience=BUSY_SECONDS)

    def _connect(self) -> None:
        """Open it for reading and writing."""
        with self._plain_errors():
            # isolation_level None: no transaction is started behind our back, so a read holds none once its rows are fetched.
            self._connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            with self._plain_errors():
                return_rows(self._connection)
                self._open()
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> None:
        # Checked before anything is written: another program's database stays as it is.
        version = check_schema(self._connection, str(self.path))
        mode = "delete" if self.network else "wal"
        self._set_journal_mode(mode)
        self.wal = self._journal_mode() == "wal"
        # With a write-ahead log NORMAL loses no commit to a killed process; a rollback journal needs FULL to survive a power cut.
        self._connection.execute(f"PRAGMA synchronous = {'NORMAL' if self.wal else 'FULL'}")
        self._connection.execute("PRAGMA foreign_keys = ON")
        if version < SCHEMA_VERSION:
            with self.writing() as connection:
                # Two programs may have opened the file at once.
                upgrade(connection, check_schema(connection, str(self.path)))

    def _set_journal_mode(self, mode: str) -> None:
        deadline = time.monotonic() + BUSY_SECONDS
        while self._journal_mode() != mode:
            try:
                self._connection.execute(f"PRAGMA journal_mode = {mode}")
                return
            except sqlite3.OperationalError as error:
                # Changing the mode needs exclusive access and does not wait for it, whatever the busy timeout.
                if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _journal_mode(self) -> str:
        return str(self._connection.execute("PRAGMA journal_mode").fetchone()[0])

    @contextmanager
    def _plain_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a mistake of the caller (closed, another thread's), not a state of the file
        except OverflowError as error:
            raise WorkspaceError(
                str(self.path),
                found="asked about a number beyond 64 bits",
                expected="a number that a bake or grid can have",
            ) from error
        except UnicodeEncodeError as error:
            # A file's name in another encoding, or half of a character from JSON.
            raise WorkspaceError(
                str(self.path), found=f"asked to keep {printable(error.object, 60)}", expected="a text in UTF-8"
            ) from error
        except UnicodeDecodeError as error:
            # Python's words for a damaged file whose names SQLite cannot repeat in its message.
            raise WorkspaceError(str(self.path), found=_DAMAGED, way_out=REBUILD) from error
        except sqlite3.Error as error:
            found, way_out = _describe(error, reading=self.read_only)
            failure = WorkspaceError(str(self.path), found=found, way_out=way_out)
            failure.full = _is_full(error)
            raise failure from error


class Store:
    """Tables of the journal, read and written through one connection.

    Args:
        database: the open connection; its owner closes it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database


def _describe(error: sqlite3.Error, *, reading: bool) -> tuple[str, str]:
    if _is_full(error):
        return "the disk is full", "free some space and try again"
    name = _name(error)
    if name == "SQLITE_ERROR":
        # The program's own statements are right: a table or column is missing.
        return f"the journal is damaged ({error})", REBUILD
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        what, may = ("reading", "read") if reading else ("writing", "write to")
        return f"cannot be opened for {what}", f"choose a folder you can {may}, or fix its permissions"
    known = (texts for start, texts in _DESCRIPTIONS.items() if name.startswith(start))
    return next(known, (f"cannot be used ({f'{error}, {name}' if name else error})", ""))


def _is_full(error: sqlite3.Error) -> bool:
    # The second is reported when the index file of a write-ahead log cannot grow.
    return _name(error) in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")


def _name(error: sqlite3.Error) -> str:
    """Return SQLite's name for the failure, "" if it has none (a value too large, a closed connection)."""
    return getattr(error, "sqlite_errorname", "")
