"""Table of what the user wrote about bakes: notes, tags, the best epoch."""

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from trainer.journal.database import Store
from trainer.journal.measure_records import BakeNote
from trainer.journal.records import LAST_SECOND
from trainer.journal.rows import insert, to_row


class NoteStore(Store):
    """What the user wrote, by the number of the bake."""

    def of(self, bake: int) -> BakeNote:
        """Return what was written about a bake; an empty note where nothing was."""
        found = self._database.record(BakeNote, "FROM bake_note WHERE bake = ?", (bake,))
        return found or BakeNote(bake=bake)

    def find(self, bake: int) -> BakeNote | None:
        """Return what was written about a bake, None where nothing was, or the row is damaged."""
        found = self._database.records(BakeNote, "FROM bake_note WHERE bake = ?", (bake,))
        return found[0] if found else None

    def all(self) -> Mapping[int, BakeNote]:
        """Return every note by the number of its bake."""
        return {note.bake: note for note in self._database.records(BakeNote, "FROM bake_note ORDER BY bake")}

    def change(self, bake: int, change: Callable[[BakeNote], BakeNote]) -> BakeNote:
        """Write what `change` makes of a bake's note in its place, and return it; no other program writes between the two."""
        with self._database.writing() as connection:
            note = replace(change(self.of(bake)), bake=bake, seconds=stamp(connection, "bake_note"))
            insert(connection, "bake_note", to_row(note), replace=True)
        return note

    def keep(self, note: BakeNote) -> None:
        """Write a note in the place of the bake's former one."""
        self.change(note.bake, lambda _: note)


def stamp(connection: sqlite3.Connection, table: str) -> float:
    """Return a moment for a row that is written now, epoch seconds: none before that of a row there is, whatever the clock says.

    Who reads what is new asks for the rows since the last moment that it saw.
    """
    found = connection.execute(
        f"SELECT max(seconds) FROM {table} WHERE typeof(seconds) = 'real' AND seconds <= {LAST_SECOND}"
    ).fetchone()[0]
    return max(time.time(), found or 0.0)
