"""Writer of a bake's curves: takes numbers at any rate and writes them from its own thread."""

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from trainer.errors import WorkspaceError
from trainer.journal.curves import write_series
from trainer.journal.database import Database

BATCH_SECONDS = 0.35
"""The most that a killed process loses."""


class MetricWriter:
    """Writes the metrics of one bake in batches, on its own thread and connection.

    A batch that another program's lock held up is kept and retried with the next; only `flush` and `close` report it.

    Args:
        path: the journal's file.
        bake: number of the bake.
    """

    def __init__(self, path: Path, bake: int) -> None:
        self._path = path
        self._bake = bake
        self._changed = threading.Condition()
        self._pending: list[tuple[int, dict[str, float]]] = []
        self._flushes_asked = 0
        self._flushes_done = 0
        self._closing = False
        self._ended = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"metrics of bake {bake}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Return the writer, closed when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is pending and end the thread."""
        self.close()

    def put(self, step: int, values: Mapping[str, float]) -> None:
        """Take the values of one step (from 1 on), by metric; nan is allowed. Never waits for the disk; any thread may call it.

        Raises:
            RuntimeError: the writer was closed.
        """
        plain = {metric: float(value) for metric, value in values.items()}
        with self._changed:
            if self._closing:
                raise RuntimeError("values put into a closed MetricWriter")
            # After a failure that ended the thread nothing would ever take them.
            if not self._ended:
                self._pending.append((step, plain))

    def flush(self) -> None:
        """Wait until everything put so far is written.

        Raises:
            WorkspaceError: it could not be written; what was not is retried unless the journal itself cannot be opened.
        """
        with self._changed:
            self._flushes_asked += 1
            ours = self._flushes_asked
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._flushes_done >= ours or self._ended)
            failure = self._failure
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Write what is pending and end the thread; closing again does nothing.

        Raises:
            WorkspaceError: it could not be written.
        """
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            database = Database(self._path)
            try:
                while self._write_next(database):
                    pass
            finally:
                database.close()
        except BaseException as error:
            # Whatever it is, it must reach the thread that flushes or closes.
            self._failure = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _write_next(self, database: Database) -> bool:
        """Wait for a batch and write it; return whether to continue."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._flushes_asked > self._flushes_done or self._closing, timeout=BATCH_SECONDS
            )
            batch, self._pending = self._pending, []
            asked, closing = self._flushes_asked, self._closing
        failure: WorkspaceError | None = None
        try:
            self._write(database, batch)
        except WorkspaceError as error:
            failure = error
        with self._changed:
            if failure is not None:
                self._pending[:0] = batch
            self._failure = failure
            self._flushes_done = asked
            self._changed.notify_all()
        return not closing

    def _write(self, database: Database, batch: list[tuple[int, dict[str, float]]]) -> None:
        points: dict[str, list[tuple[int, float]]] = {}
        for step, values in batch:
            for metric, value in values.items():
                points.setdefault(metric, []).append((step, value))
        if not points:
            return
        with database.writing() as connection:
            write_series(connection, self._bake, points)
