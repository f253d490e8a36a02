"""Tables of what bakes produced in addition to curves: LoRAs, states, marks, validation, each folder's loss, the list of data."""

import sqlite3
from collections.abc import Mapping

from trainer.journal.database import Store
from trainer.journal.records import Checkpoint, FolderLoss, ImportedFile, Mark, SavedState, ValidationRow
from trainer.journal.rows import insert, number_or_nan, to_row


class ResultStore(Store):
    """What bakes produced, by the number of the bake."""

    def add_checkpoint(self, bake: int, checkpoint: Checkpoint) -> None:
        """Note a saved LoRA; the same file saved again takes the place of the first. A loss that is NaN is kept as None."""
        with self._database.writing() as connection:
            insert(connection, "checkpoint", {"bake": bake, **to_row(checkpoint)}, replace=True)

    def checkpoints(self, bake: int) -> list[Checkpoint]:
        """Return the saved LoRAs, newest first."""
        return self._database.records(
            Checkpoint, "FROM checkpoint WHERE bake = ? ORDER BY step DESC, seconds DESC", (bake,)
        )

    def add_imported(self, bake: int, saved: Checkpoint, source: ImportedFile) -> None:
        """Note a LoRA of an imported bake; the same file imported again takes the place of the first."""
        with self._database.writing() as connection:
            insert(connection, "checkpoint", {"bake": bake, **to_row(saved)}, replace=True)
            insert(connection, "imported_file", {"bake": bake, **to_row(source)}, replace=True)

    def imported(self, bake: int) -> list[ImportedFile]:
        """Return where the LoRAs of an imported bake come from."""
        return self._database.records(ImportedFile, "FROM imported_file WHERE bake = ? ORDER BY file", (bake,))

    def bake_with_content(self, sha256: str) -> int | None:
        """Return the imported bake that has a file of this content, None where none has."""
        return self._bake_of_import("sha256", sha256)

    def bake_of_session(self, session: str) -> int | None:
        """Return the imported bake whose files have this in common, None where there is none."""
        return self._bake_of_import("session", session)

    def bake_with_file(self, file: str) -> int | None:
        """Return the imported bake that has a LoRA file at this place, None where none has."""
        return self._bake_of_import("file", file)

    def _bake_of_import(self, column: str, value: str) -> int | None:
        row = self._database.row(f"SELECT bake FROM imported_file WHERE {column} = ? ORDER BY bake", (value,))
        return row["bake"] if row is not None and isinstance(row["bake"], int) else None

    def add_state(self, bake: int, state: SavedState) -> None:
        """Note a training state; the same file written again takes the place of the first."""
        with self._database.writing() as connection:
            insert(connection, "state", {"bake": bake, **to_row(state)}, replace=True)

    def states(self, bake: int) -> list[SavedState]:
        """Return the training states, newest first."""
        return self._database.records(SavedState, "FROM state WHERE bake = ? ORDER BY step DESC, seconds DESC", (bake,))

    def forget_state(self, bake: int, file: str) -> None:
        """Remove a training state that is no longer on disk; one that is not listed is ignored."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM state WHERE bake = ? AND file = ?", (bake, file))

    def add_mark(self, bake: int, mark: Mark) -> None:
        """Note what happened at a step."""
        with self._database.writing() as connection:
            insert(connection, "mark", {"bake": bake, **to_row(mark)})

    def marks(self, bake: int) -> list[Mark]:
        """Return the marks by step; those of one step in the order they were written."""
        return self._database.records(Mark, "FROM mark WHERE bake = ? ORDER BY step, id", (bake,))

    def add_validation(self, bake: int, step: int, loss: float, change: float | None, error: float | None) -> None:
        """Note the validation loss after `step`, its change against the untrained base and the standard error of that change."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO validation (bake, step, loss, change, error) VALUES (?, ?, ?, ?, ?)",
                (bake, step, loss, change, error),
            )

    def validations(self, bake: int) -> list[tuple[int, float]]:
        """Return (step, validation loss), by step; nan if the loss was NaN."""
        found = self._database.records(ValidationRow, "FROM validation WHERE bake = ? ORDER BY step", (bake,))
        return [(row.step, number_or_nan(row.loss)) for row in found]

    def add_folder_losses(self, bake: int, epoch: int, losses: Mapping[str, tuple[float, int]]) -> None:
        """Note each folder's (mean loss, pictures) in `epoch`."""
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO folder_loss (bake, epoch, folder, loss, pictures) VALUES (?, ?, ?, ?, ?)",
                [(bake, epoch, folder, loss, pictures) for folder, (loss, pictures) in losses.items()],
            )

    def folder_losses(self, bake: int) -> list[tuple[int, str, float, int]]:
        """Return (epoch, folder, mean loss, pictures) by epoch and folder; nan if the loss was NaN."""
        found = self._database.records(FolderLoss, "FROM folder_loss WHERE bake = ? ORDER BY epoch, folder", (bake,))
        return [(row.epoch, row.folder, number_or_nan(row.loss), row.pictures) for row in found]

    def set_manifest(self, bake: int, blob: bytes) -> None:
        """Keep the list of the bake's data (the bytes of data.json.gz)."""
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO manifest (bake, blob) VALUES (?, ?)", (bake, blob))

    def manifest(self, bake: int) -> bytes | None:
        """Return the list of the bake's data, None if it was not kept or is damaged."""
        row = self._database.row("SELECT blob FROM manifest WHERE bake = ?", (bake,))
        return row["blob"] if row is not None and isinstance(row["blob"], bytes) else None


def drop_results(connection: sqlite3.Connection, bake: int, step: int) -> None:
    """Delete LoRAs, validation and folder losses noted after `step`, inside the caller's transaction; marks stay."""
    for sql in (
        "DELETE FROM validation WHERE bake = ? AND step > ?",
        "DELETE FROM checkpoint WHERE bake = ? AND step > ?",
        """
        DELETE FROM folder_loss WHERE bake = ?1
            AND epoch * (SELECT steps_per_epoch FROM bake WHERE number = ?1) > ?2
        """,
    ):
        connection.execute(sql, (bake, step))
