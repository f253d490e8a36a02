"""The lines of the log."""

import sqlite3
import time

from trainer.journal.database import Database
from trainer.journal.records import LogLine


def write_line(connection: sqlite3.Connection, text: str, *, bake: int | None, level: str) -> None:
    """Write one line inside a transaction of the caller's."""
    connection.execute(
        "INSERT INTO log (bake, seconds, level, text) VALUES (?, ?, ?, ?)", (bake, time.time(), level, text)
    )


def read_lines(database: Database, last_id: int, bake: int | None, limit: int) -> list[LogLine]:
    """Return the last `limit` lines with an id above `last_id`, oldest first; of every bake where `bake` is None."""
    of_bake, values = ("AND bake = ?", (last_id, bake, limit)) if bake is not None else ("", (last_id, limit))
    found = database.rows(
        f"SELECT id, bake, seconds, level, text FROM log WHERE id > ? {of_bake} ORDER BY id DESC LIMIT ?", values
    )
    return [LogLine(**dict(row)) for row in reversed(found)]
