"""The file of the index: its tables, who may write it, and what is done about one that is damaged or of another version."""

import contextlib
import os
import secrets
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.errors import WorkspaceError
from trainer.machine.lock_file import FileLock, acquire_lock
from trainer.private_files import make_private_file, make_private_folder
from trainer.text import printable
from trainer.workspace import Workspace, cache_home

NAME = "data-index.sqlite"
"""The file, in a workspace's `cache/`, else in the user's own."""

# Raised with every change of the tables or of what a value means.
VERSION = 1
_WAIT = 5.0

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE file (
    id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL, inode INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, kind TEXT NOT NULL,
    looked INTEGER NOT NULL DEFAULT 0, hash INTEGER, sharpness REAL, detail REAL, broken TEXT,
    generation INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX file_generation ON file (generation);
CREATE TABLE data_set (
    id INTEGER PRIMARY KEY, place TEXT NOT NULL UNIQUE, details TEXT NOT NULL, snapshot TEXT NOT NULL,
    folders TEXT NOT NULL, bars TEXT NOT NULL, used REAL NOT NULL
);
CREATE TABLE tag (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE picture (
    id INTEGER PRIMARY KEY AUTOINCREMENT, data_set INTEGER NOT NULL, file INTEGER NOT NULL, part INTEGER NOT NULL, place INTEGER NOT NULL,
    name BLOB NOT NULL, folder BLOB NOT NULL, use INTEGER NOT NULL, bucket_group INTEGER NOT NULL,
    repeats INTEGER NOT NULL, shown INTEGER NOT NULL, excluded INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    caption TEXT NOT NULL, caption_file BLOB, caption_place BLOB NOT NULL, mask BLOB,
    tags BLOB NOT NULL, tokens INTEGER, read_by INTEGER NOT NULL,
    bucket_width INTEGER, bucket_height INTEGER, resized_width INTEGER, resized_height INTEGER,
    crop_left INTEGER, crop_top INTEGER, unusable TEXT,
    UNIQUE (data_set, file, part)
);
CREATE INDEX picture_order ON picture (data_set, place);
"""

ROWS, PIXELS, DATA_SETS = "rows", "pixels", "data sets"
"""What the changes are counted of: pictures and their captions; what pixels say; the buckets of data sets."""

_MADE = "made"


@dataclass(frozen=True)
class FileGenerations:
    """How often an index was written.

    Attributes:
        made: a number that tells this file from those that lay there before; 0 for one of an earlier version.
        rows, pixels: how often what ROWS and PIXELS name was written.
    """

    made: int
    rows: int
    pixels: int


class IndexFile:
    """The database of an index, opened for reading by any thread, one at a time, and for writing by one process at a time.

    It may be deleted at any moment; a damaged one, and one of another version, is replaced by an empty one.

    Attributes:
        path: where it lies.
        replaced: how often a damaged one was thrown away.

    Args:
        workspace: whose cache it lies in; None, or one that cannot be written, for the user's own cache. Where that cannot be
            written either, it lies in a folder that goes with the object.
    """

    def __init__(self, workspace: Workspace | None) -> None:
        self._lock = threading.RLock()
        self._lent: tempfile.TemporaryDirectory[str] | None = None
        self.path = self._place(workspace)
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self.replaced = 0

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._drop()
            if self._lent is not None:
                self._lent.cleanup()
                self._lent = None

    def rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a statement finds; none of a file that turns out to be damaged, which is then replaced."""
        with self._lock, self._refusals():
            try:
                return self._open().execute(statement, values).fetchall()
            except sqlite3.DatabaseError as error:
                if not _is_damaged(error):
                    raise
                self.replace()
                return self._open().execute(statement, values).fetchall()

    def generations(self) -> FileGenerations:
        """Return how often rows and pixels were written; other than before means that they have changed."""
        found = dict(self.rows("SELECT key, value FROM meta"))
        return FileGenerations(*(int(found.get(key, 0)) for key in (_MADE, ROWS, PIXELS)))

    @contextlib.contextmanager
    def changing(self, what: str) -> Iterator[tuple[sqlite3.Connection, int]]:
        """Write in one transaction; gives the connection and the new generation of `what`.

        Raises:
            WorkspaceError: it cannot be written: the disk is full, or the file damaged, which is then replaced by an empty one.
        """
        with self._lock, self._refusals():
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(
                    "INSERT INTO meta VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1", (what,)
                )
                (generation,) = connection.execute("SELECT value FROM meta WHERE key = ?", (what,)).fetchone()
                yield connection, generation
                connection.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.DatabaseError) and _is_damaged(error):
                    self.replace()
                raise

    def writer(self) -> FileLock | None:
        """Return the lock of the one who writes, None where another process holds it.

        Raises:
            WorkspaceError: its folder cannot be written.
        """
        return acquire_lock(self.path.with_suffix(".lock"), {"pid": os.getpid()})

    def _place(self, workspace: Workspace | None) -> Path:
        folders = [workspace.root / "cache"] if workspace is not None and not workspace.read_only else []
        for folder in (*folders, cache_home()):
            try:
                # The workspace's is open to whom the umask lets in, as its other folders.
                folder.mkdir(parents=True, exist_ok=True) if folder in folders else make_private_folder(folder)
            except OSError:
                continue
            if os.access(folder, os.W_OK):
                return folder / NAME
        self._lent = tempfile.TemporaryDirectory(prefix="lora-tui-index-")
        return Path(self._lent.name) / NAME

    def _open(self) -> sqlite3.Connection:
        """Return the connection; a new one where the file was deleted or replaced behind it."""
        if self._connection is not None and self._identity == _identity(self.path):
            return self._connection
        self._drop()
        try:
            return self._connected()
        except sqlite3.DatabaseError as error:
            if not _is_damaged(error):
                raise
            self._remove()
            return self._connected()

    def _connected(self) -> sqlite3.Connection:
        # Deleted with its folder it is made again; captions of a workspace are no one else's.
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        make_private_file(self.path)
        connection = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                self._make(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, _identity(self.path)
        return connection

    def _make(self, connection: sqlite3.Connection) -> None:
        """Make the tables; those of another version are thrown away."""
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have been faster.
        if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            old = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            for (name,) in old.fetchall():
                quoted = name.replace('"', '""')
                connection.execute(f'DROP TABLE "{quoted}"')
            for statement in _TABLES.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES (?, ?)", (_MADE, secrets.randbits(62)))
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")

    def replace(self) -> None:
        """Throw away what it holds, as it does not make sense."""
        with self._lock:
            self._drop()
            self._remove()
            self.replaced += 1

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise WorkspaceError(
                printable(str(self.path)),
                found=f"the index of pictures cannot be read or written ({printable(str(error), 120)})",
                way_out="make room on the disk, or delete the file: it is made again",
            ) from error

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                os.unlink(f"{self.path}{ending}")

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
        self._connection = self._identity = None


def _is_damaged(error: sqlite3.DatabaseError) -> bool:
    """Return whether the file is no database, or not one of ours, rather than one that is in use or on a full disk."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
