"""Disk space for what a bake writes: where there is not enough, the bake waits for it instead of failing."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from trainer.bake.reporter import Reporter
from trainer.errors import DiskFull, WorkspaceError
from trainer.journal.records import BakeState, Mark, MarkKind, Stage
from trainer.machine.disk_space import Reserve, free_bytes, is_full
from trainer.plan.disk import size_text
from trainer.text import printable

T = TypeVar("T")

MARGIN = 16 << 20
"""Bytes that stay free beside what is written, for the journal."""

_POLL_SECONDS = 0.5
_MAX_JOURNAL_TRIES = 20
_log = logging.getLogger(__name__)


class DiskWatch:
    """Writes files of one bake, waiting where the disk is full.

    Args:
        folder: the bake's.
        report: knows the journal and the bake.
        stop_requested: whether the bake was ordered to end; asked while waiting.
    """

    def __init__(self, folder: Path, report: Reporter, stop_requested: Callable[[], bool]) -> None:
        self._folder = folder
        self._report = report
        self._stop_requested = stop_requested
        self._reserve = Reserve(folder / ".reserve")
        self._reserve.make()

    def write(self, what: str, size: int, job: Callable[[], T], *, step: int) -> T:
        """Return what `job` returns once there is room for it.

        Args:
            what: names the file in messages.
            size: bytes it will take, about.
            job: writes it, completely or not at all; called again after it met a full disk.
            step: optimizer steps done.

        Raises:
            DiskFull: the bake was ordered to end while it waited.
            Exception: whatever else `job` raises.
        """
        while True:
            if free_bytes(self._folder) < size + MARGIN:
                self._wait(what, size, step)
            try:
                return job()
            except Exception as error:
                if not is_full(error):
                    raise
            self._wait(what, size, step)

    def note(self, job: Callable[[], T], *, step: int) -> T:
        """Return what `job` returns, a write into the journal: it waits for space, and for programs that keep the journal locked.

        Raises:
            DiskFull: as `write`.
            WorkspaceError: the journal was locked for minutes, or is broken.
        """
        for _ in range(_MAX_JOURNAL_TRIES):
            try:
                return self.write("the journal", 0, job, step=step)
            except WorkspaceError as error:
                # Each try waited as long as a write into the journal waits.
                _log.warning("%s", error)
        return job()

    def close(self) -> None:
        """Give the reserve back."""
        self._reserve.release()

    def _wait(self, what: str, size: int, step: int) -> None:
        report, need = self._report, size + MARGIN
        # The lines about it take space in the journal too.
        self._reserve.release()
        with report.during(Stage.DISK):
            report.state(BakeState.PAUSED)
            free = free_bytes(self._folder)
            line = (
                f"the disk is full: {what} needs {size_text(size)} and {size_text(free)} is free; free some space and the bake "
                "continues by itself"
            )
            report.log(line, level="error")
            report.trouble(line)
            report.mark(Mark(step, time.time(), MarkKind.DISK, "waiting for disk space"))
            while free_bytes(self._folder) < need:
                if self._stop_requested():
                    raise DiskFull(
                        printable(str(self._folder)),
                        found=f"not enough disk space for {what}",
                        expected=f"{size_text(need)} free",
                        way_out="what was saved before is complete: free some space, then run `lora-tui resume`",
                    )
                time.sleep(_POLL_SECONDS)
            self._reserve.make()
        report.state(BakeState.BAKING)
        report.log("there is disk space again: continuing")
