"""Table of what the user wrote about bakes: notes, tags, the best epoch."""

import time
from collections.abc import Mapping
from dataclasses import replace

from trainer.journal.database import Store
from trainer.journal.measure_records import BakeNote
from trainer.journal.rows import insert, to_row


class NoteStore(Store):
    """What the user wrote, by the number of the bake."""

    def of(self, bake: int) -> BakeNote:
        """Return what was written about a bake; an empty note where nothing was."""
        found = self._database.record(BakeNote, "FROM bake_note WHERE bake = ?", (bake,))
        return found or BakeNote(bake=bake)

    def all(self) -> Mapping[int, BakeNote]:
        """Return every note by the number of its bake."""
        return {note.bake: note for note in self._database.records(BakeNote, "FROM bake_note ORDER BY bake")}

    def keep(self, note: BakeNote) -> None:
        """Write a note in the place of the bake's former one."""
        with self._database.writing() as connection:
            insert(connection, "bake_note", to_row(replace(note, seconds=time.time())), replace=True)
