"""The journal: one file that holds everything bakes have written and every order given to them."""

import re
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from trainer.errors import WorkspaceError
from trainer.journal.bake_record import RecordStore
from trainer.journal.bakes import BakeStore
from trainer.journal.curves import CurveStore, drop_points
from trainer.journal.damage import damaged_journal
from trainer.journal.database import Database
from trainer.journal.derived import DerivedStore
from trainer.journal.digest import DigestStore
from trainer.journal.families import FamilyStore
from trainer.journal.grids import GridStore
from trainer.journal.ladders import LadderStore
from trainer.journal.listing import ListingStore
from trainer.journal.logs import LogStore
from trainer.journal.measures import MeasureStore, drop_measures
from trainer.journal.notes import NoteStore
from trainer.journal.orders import OrderStore
from trainer.journal.queue import QueueStore
from trainer.journal.results import ResultStore, drop_results
from trainer.journal.searches import SearchStore
from trainer.journal.symptoms import SymptomStore
from trainer.journal.telemetry import TelemetryStore
from trainer.workspace_paths import former_places, is_new_place, note_places, workspace_paths

# Of a damaged file; the first ones say it.
_MAX_FAULTS = 5
# Quoted, in TOML and in JSON.
_ABSOLUTE_PATH = re.compile(r'"(/[^"\\\n]+)"')

READ_ONLY = "the workspace is read-only: it is shown as it was recorded"
"""What the user should know of a workspace that cannot be written."""

NO_ROOM = "the disk is full: the workspace is shown as it was recorded, and nothing can be noted until there is room"
"""What the user should know of a workspace on a disk without room for the journal's logs."""


class Journal:
    """One connection to a journal, used only in the thread that opened it; what is in it is read and written through its stores.

    Every write is one short transaction of its own that waits up to 5 s for other writers; no transaction is open between calls.
    Texts are kept as they come; who shows them passes them through `text.printable`.

    Args:
        path: the SQLite file; created if it does not exist, in a folder that does.

    Attributes:
        path: the file.
        read_only: whether it cannot be written: it is read as it lies there, also while others write it.
        wal: whether the write-ahead log is in use.
        paths: how paths are written into it, and what they mean now.
        bakes: the bakes and grids' jobs.
        queue: those of them that wait.
        orders: what was ordered of them.
        log: the lines they wrote.
        results: their LoRA files, states, marks, validation and folder losses, and list of data.
        curves: their metrics, by step.
        measures: what was measured of their epochs.
        notes: what the user wrote about them.
        symptoms: what the user sees in them that is not right.
        derived: what follows from all this, kept for listing and searching.
        listing: all bakes at once, a few columns of each.
        families: which of them are twins.
        ladders: questions asked by many bakes, and which bakes those are.
        searches: settings searched, and which bakes those are.
        grids: the grids, their pictures and the user's notes on them.
        telemetry: readings of the machine.
        digests: summaries of what happened since the user last looked.
        records: everything known of one bake at once.

    Raises:
        WorkspaceError: here and in every method of a store: the file cannot be read or written, is not a journal, was written by
            a newer lora-tui, or another program kept writing for 5 s.
    """

    def __init__(self, path: Path) -> None:
        database = self._database = Database(path)
        self.path = path
        self.read_only = database.read_only
        self.wal = database.wal
        self.bakes = BakeStore(database)
        self.queue = QueueStore(database)
        self.orders = OrderStore(database)
        self.log = LogStore(database)
        self.results = ResultStore(database)
        self.curves = CurveStore(database)
        self.measures = MeasureStore(database)
        self.notes = NoteStore(database)
        self.symptoms = SymptomStore(database)
        self.derived = DerivedStore(database)
        self.listing = ListingStore(database)
        self.families = FamilyStore(database)
        self.ladders = LadderStore(database)
        self.searches = SearchStore(database)
        self.grids = GridStore(database)
        self.telemetry = TelemetryStore(database)
        self.digests = DigestStore(database)
        self.records = RecordStore(database)
        self.paths = workspace_paths(path.parent)
        if is_new_place(path.parent):
            # What cannot be read is told to whoever reads it for its own sake.
            with suppress(WorkspaceError):
                self.note_former_places()

    def __enter__(self) -> Self:
        """Return the journal, closed when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; closing again does nothing."""
        self._database.close()

    def damage(self) -> WorkspaceError | None:
        """Return what is wrong with the rows that were left out of what was read so far, None where none was."""
        rows = tuple(self._database.damage)
        return damaged_journal(self.path, *rows) if rows else None

    @property
    def unwritable(self) -> str:
        """Why nothing can be written now, as the user should know it; "" where that can be."""
        if self.read_only:
            return READ_ONLY
        return NO_ROOM if self._database.has_no_room else ""

    @property
    def warning(self) -> str:
        """What the user should know about where the file is, "" for nothing."""
        if self.unwritable or not self._database.network:
            return self.unwritable
        return (
            f"the workspace is on a network file system ({self._database.network}): the journal is slower there, and only one "
            "computer at a time may bake in it; use a local disk if you can"
        )

    def check_writing(self) -> None:
        """Check that the journal can be written now; nothing is.

        Raises:
            WorkspaceError: it is read-only, or another program keeps writing.
        """
        with self._database.writing():
            pass

    def faults(self) -> tuple[str, ...]:
        """Return what SQLite finds wrong with the file's structure, a line each; empty where it is whole. Reads the whole file."""
        rows = self._database.rows(f"PRAGMA quick_check({_MAX_FAULTS})")
        return tuple(str(row[0]) for row in rows if row[0] != "ok")

    def counted_rows(self) -> dict[str, int]:
        """Return each table's name with how many rows it has."""
        tables = self._database.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        # Names of our own tables need no quotes; another's, in a damaged file, is left out.
        names = [row[0] for row in tables if isinstance(row[0], str) and row[0].isidentifier()]
        return {name: int(self._database.rows(f"SELECT count(*) FROM {name}")[0][0]) for name in names}

    def caution(self) -> str:
        """Return what the user should know about the journal: the rows that were left out, else where its file is; "" for nothing."""
        damage = self.damage()
        return self.warning if damage is None else damage.line()

    def note_former_places(self) -> None:
        """Note where the workspace is, and where it has been, as far as the paths of its bakes and grids tell."""
        root = self.path.parent
        rows = self._database.rows("SELECT settings_toml FROM bake UNION SELECT spec FROM grid")
        texts = [row[0] for row in rows if isinstance(row[0], str)]
        former = former_places(root, [path for text in texts for path in _ABSOLUTE_PATH.findall(text)])
        if not self.read_only:
            note_places(root, former)
        self.paths = workspace_paths(root, former)

    def data_version(self) -> int:
        """Return a number that changes when another connection (the writer of metrics, another program) has written."""
        return self._database.data_version()

    def own_changes(self) -> int:
        """Return a number that changes when something was written through this connection."""
        return self._database.own_changes()

    def rewind(self, bake: int, step: int) -> None:
        """Delete the numbers and LoRAs noted after `step`, because the steps after it will be repeated.

        Marks stay: they are the bake's history, and its changes of live settings are made again at their steps. So does the log.
        """
        with self._database.writing() as connection:
            drop_points(connection, bake, step)
            drop_results(connection, bake, step)
            drop_measures(connection, bake, step)
