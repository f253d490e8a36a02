"""Reads of a journal that cannot be written: on a read-only disk, in a snapshot, another user's."""

import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import WorkspaceError
from trainer.journal.rows import return_rows
from trainer.journal.schema import SCHEMA_VERSION, check_schema, upgrade
from trainer.refusals import real_path

_RETRY_SECONDS = 0.02
# The part of a write-ahead log that changes when it is begun anew.
_LOG_HEADER = 32


@dataclass(frozen=True)
class _Way:
    """A way of opening a journal read-only.

    Attributes:
        parameters: of SQLite's URI.
        exclusive: whether the index of the write-ahead log is kept in this process's memory.
        live: whether SQLite itself notices what others write.
    """

    parameters: str
    exclusive: bool = False
    live: bool = False


# The log and its index are there: their writer may run on this computer, and its locks hold for us too.
_WITH_WRITER = _Way("mode=ro", live=True)
# A log without an index, which cannot be made here: SQLite makes it in memory if no locks are wanted.
_OWN_INDEX = _Way("mode=ro&vfs=unix-none", exclusive=True)
# No log: everything is in the file. `immutable` ignores a log, so it is right only where there is none.
_FILE_ALONE = _Way("mode=ro&immutable=1")


class ReadOnlyFile:
    """A journal read where it lies, by the thread that opened it, while others may write it from elsewhere.

    Where SQLite cannot notice them, the state of the files is compared before and after every read, and the read is repeated if
    it changed. A journal of an older version is read from a copy in memory with today's tables.

    Args:
        path: the file, which exists.
        shared: whether it is on a network file system, where the index of a log is of no use: it lives in its writer's memory.
        patience: seconds after which a read gives up on a file that is being written all the time.

    Raises:
        WorkspaceError: it is another program's, or of a newer lora-tui.
        sqlite3.Error: it cannot be read.
    """

    def __init__(self, path: Path, *, shared: bool, patience: float) -> None:
        self._path = real_path(path)
        self._where = str(path)
        self._shared = shared
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._live = False
        self._seen = _Files()
        self._opened = 0
        self.rows("SELECT 1")

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Return every row of a read.

        Raises:
            WorkspaceError: the file was being written for all of `patience`.
            sqlite3.Error: it cannot be read.
        """
        deadline = time.monotonic() + self._patience
        while True:
            found = self._read(sql, parameters)
            if found is not None:
                return found
            self.close()
            if time.monotonic() > deadline:
                raise WorkspaceError(
                    self._where,
                    found=f"another program has been writing for {self._patience:g} s, or was killed while it wrote",
                    expected="a journal at rest",
                    way_out="try again, or copy the workspace to a folder you can write to",
                )
            time.sleep(_RETRY_SECONDS)

    def data_version(self) -> int:
        """Return a number that changes when somebody has written."""
        version = int(self.rows("PRAGMA data_version")[0][0])
        return (self._opened << 32) + version

    def close(self) -> None:
        """Close the connection; closing again does nothing, and the next read opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, sql: str, parameters: Sequence[object]) -> list[sqlite3.Row] | None:
        """Return the rows, None where the files changed meanwhile."""
        try:
            connection = self._connection
            if connection is None or self._changed():
                connection = self._open()
            found = connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            # A transaction cut short waits to be rolled back; its writer may still be at it.
            unfinished = getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY_ROLLBACK")
            if unfinished or self._changed():
                return None
            raise
        return None if self._changed() or (not self._live and self._has("-journal")) else found

    def _changed(self) -> bool:
        """Return whether the files are others than those that were opened, or were written where SQLite would not notice."""
        now = _files(self._path)
        return now.identity != self._seen.identity if self._live else now != self._seen

    def _open(self) -> sqlite3.Connection:
        self.close()
        failures: list[sqlite3.OperationalError] = []
        for way in self._ways():
            self._live, self._seen = way.live, _files(self._path)
            try:
                connection = self._connected(way)
            except sqlite3.OperationalError as error:
                failures.append(error)
                continue
            return_rows(connection)
            self._connection = connection
            self._opened += 1
            return connection
        raise failures[0]

    def _ways(self) -> tuple[_Way, ...]:
        """Return the ways to open it, the first that works to be taken."""
        if self._has("-wal"):
            return (_WITH_WRITER, _OWN_INDEX) if self._has("-shm") and not self._shared else (_OWN_INDEX,)
        if os.access(self._path.parent, os.W_OK):
            # SQLite would make a log here, which the owner of the file could then not write.
            return (_FILE_ALONE,)
        # Without a log it is in rollback mode, in which locks are all that is needed, or closed by its last writer.
        return (_WITH_WRITER, _FILE_ALONE)

    def _connected(self, way: _Way) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{self._path.as_uri()}?{way.parameters}", uri=True, isolation_level=None)
        try:
            connection.execute(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")
            if way.exclusive:
                connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
            version = check_schema(connection, self._where)
            if version == SCHEMA_VERSION:
                return connection
            self._live = False
            copy = _upgraded(connection, version)
        except BaseException:
            connection.close()
            raise
        connection.close()
        return copy

    def _has(self, ending: str) -> bool:
        """Return whether SQLite's file of that ending stands beside the journal, and is not empty."""
        stamp = _stamp(f"{self._path}{ending}")
        return stamp is not None and stamp.size > 0


@dataclass(frozen=True)
class _Stamp:
    """A file's identity, size and time."""

    device: int
    inode: int
    size: int
    modified: int


@dataclass(frozen=True)
class _Files:
    """A journal, its write-ahead log and the log's index as they lie on the disk; None for one that is missing.

    Attributes:
        log_header: changes when the log is begun anew, even if its size and time do not.
    """

    journal: _Stamp | None = None
    log: _Stamp | None = None
    log_header: bytes = b""
    index: _Stamp | None = None

    @property
    def identity(self) -> object:
        """What stays while the same files are written."""
        return [each and (each.device, each.inode) for each in (self.journal, self.log, self.index)]


def _files(path: Path) -> _Files:
    # Never opened and closed here: that would drop the locks which this process's connections hold on them.
    journal, index = _stamp(str(path)), _stamp(f"{path}-shm")
    try:
        # Opened, because over a network only that asks for its state anew; SQLite holds no locks on the log.
        handle = os.open(f"{path}-wal", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return _Files(journal, index=index)
    try:
        return _Files(journal, _stamp(handle), os.pread(handle, _LOG_HEADER, 0), index)
    finally:
        os.close(handle)


def _stamp(file: str | int) -> _Stamp | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return _Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _upgraded(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """Return a copy in memory, with today's tables, of a journal of an older version."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    connection.backup(copy)
    upgrade(copy, version)
    return copy
