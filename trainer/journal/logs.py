"""The log of all bakes."""

import sqlite3
import time

from trainer.journal.database import Store
from trainer.journal.records import LogLine
from trainer.text import MAX_MESSAGE, shortened


def write_line(connection: sqlite3.Connection, text: str, *, bake: int | None, level: str) -> None:
    """Write one line inside the caller's transaction; of a longer text than any message its middle is left out."""
    connection.execute(
        "INSERT INTO log (bake, seconds, level, text) VALUES (?, ?, ?, ?)",
        (bake, time.time(), level, shortened(text, MAX_MESSAGE)),
    )


class LogStore(Store):
    """The lines of the log."""

    def write(self, text: str, *, bake: int | None = None, level: str = "info") -> None:
        """Write one line; `level` is `info`, `warning` or `error`."""
        with self._database.writing() as connection:
            write_line(connection, text, bake=bake, level=level)

    def last_id(self) -> int:
        """Return the id of the newest line, 0 without one."""
        row = self._database.row("SELECT max(id) AS id FROM log")
        return row["id"] if row is not None and isinstance(row["id"], int) else 0

    def read(self, last_id: int = 0, *, bake: int | None = None, limit: int = 500) -> list[LogLine]:
        """Return the last `limit` lines with an id above `last_id`, oldest first; of every bake where `bake` is None."""
        of_bake, values = ("AND bake = ?", (last_id, bake, limit)) if bake is not None else ("", (last_id, limit))
        found = self._database.records(LogLine, f"FROM log WHERE id > ? {of_bake} ORDER BY id DESC LIMIT ?", values)
        return found[::-1]
