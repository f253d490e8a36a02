"""The next job: the first waiting bake whose time has come, claimed together with the card."""

import os
import time
from dataclasses import dataclass

from trainer.errors import DeviceError
from trainer.journal.journal import Journal
from trainer.journal.processes import this_process
from trainer.journal.records import Bake
from trainer.machine.card_lock import CardHolder, HeldCard, acquire_card, device_key, holder_text
from trainer.workspace import Workspace

# Reading the card's holder from NVML is not free.
_HOLDER_POLL_SECONDS = 5.0


@dataclass(frozen=True)
class ClaimedJob:
    """A bake claimed by this process, and the card held for it."""

    bake: Bake
    card: HeldCard


class JobQueue:
    """The waiting jobs of one engine. Use it only in the engine's thread.

    Args:
        workspace: where they wait.
        engine: its key.
    """

    def __init__(self, workspace: Workspace, engine: str) -> None:
        self.waiting_for = ""
        """Who holds the card that a bake waits for, or why nobody can; empty if none waits for it."""
        self._workspace = workspace
        self._engine = engine
        self._device = ""
        self._seen_version: int | None = None
        self._ready: list[Bake] = []
        self._holder_read_at = 0.0

    def claim(self, journal: Journal) -> ClaimedJob | None:
        """Return the next bake with the card held for it, None if none is ready or the card is busy.

        Raises:
            WorkspaceError: the journal cannot be written.
        """
        bake = self._next(journal)
        if bake is None:
            self.waiting_for = ""
            return None
        self._device = self._device or device_key()
        try:
            held = acquire_card(self._device, self._holder_for(bake))
        except DeviceError as error:
            # A disk that is full for a while is no reason to end; whoever follows the bake reads why it waits.
            self._log_waiting(journal, bake, error.line(), f"bake {bake.number} is waiting: {error.line()}")
            return None
        if held is None:
            self._log_holder(journal, bake)
            return None
        self.waiting_for = ""
        try:
            claimed = journal.queue.claim(self._engine, *this_process())
        except BaseException:
            held.release()
            raise
        # The queue may have changed between reading it and claiming.
        self._seen_version = None
        if claimed is None:
            held.release()
            return None
        held.update(self._holder_for(claimed))
        journal.bakes.set_device(claimed.number, self._device)
        return ClaimedJob(claimed, held)

    def _holder_for(self, bake: Bake) -> CardHolder:
        return CardHolder("lora-tui", os.getpid(), str(self._workspace.root), f"{bake.number} {bake.name}", time.time())

    def _next(self, journal: Journal) -> Bake | None:
        version = journal.data_version()
        if version != self._seen_version:
            self._seen_version = version
            self._ready = [bake for bake in journal.queue.waiting() if bake.engine == self._engine and not bake.held]
        now = time.time()
        return next((bake for bake in self._ready if bake.not_before is None or bake.not_before <= now), None)

    def _log_holder(self, journal: Journal, bake: Bake) -> None:
        now = time.monotonic()
        if self.waiting_for and now - self._holder_read_at < _HOLDER_POLL_SECONDS:
            return
        self._holder_read_at = now
        who = holder_text(self._device) or "another program"
        self._log_waiting(journal, bake, who, f"bake {bake.number} is waiting for the GPU, in use by {who}")

    def _log_waiting(self, journal: Journal, bake: Bake, why: str, line: str) -> None:
        if why != self.waiting_for:
            journal.log.write(line, bake=bake.number, level="warning")
            self._seen_version = None
        self.waiting_for = why
