"""Jobs that an ended lora-tui left behind (a reboot, a kill), and taking them over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.actions.bakes import Resumed
from lora_tui.wording.job_names import job_name
from trainer.errors import LoraTuiError
from trainer.journal.records import Bake, BakeState
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.journal.journal import Journal

MAX_NAMES = 5
MAX_BAKES = 100_000


@dataclass(frozen=True)
class Orphaned:
    """Bakes whose process died while they ran, and queued bakes whose engine has ended."""

    lost: tuple[Bake, ...]
    waiting: tuple[Bake, ...]


def find_orphaned(journal: "Journal", workspace: Workspace, ours: str, since: float | None) -> Orphaned | None:
    """Return what was left behind, None if nothing was.

    Args:
        journal: of the workspace, with the lost bakes marked.
        workspace: whose engines count.
        ours: key of our engine, whose bakes are not left behind.
        since: when the screen was last looked at (epoch seconds), None if never; a bake lost before was offered then.

    Raises:
        WorkspaceError: the journal cannot be read.
    """
    from trainer.jobs.orphaned import orphaned_jobs

    ended = [bake for bake in journal.bakes.latest(MAX_BAKES) if bake.state is BakeState.LOST]
    lost = [bake for bake in ended if since is None or (bake.ended is not None and bake.ended > since)]
    waiting = [bake for bake in orphaned_jobs(journal, workspace) if bake.engine != ours]
    return Orphaned(tuple(reversed(lost)), tuple(waiting)) if lost or waiting else None


def take_over(workspace: Workspace, left: Orphaned, engine: str) -> Message:
    """Queue the lost bakes again, before all others, and give the waiting ones to `engine`.

    Raises:
        LoraTuiError: one of the lost cannot be resumed, or somebody else took it; all others are queued.
    """
    from trainer.jobs.fork import resume
    from trainer.journal.journal import Journal

    refused: list[LoraTuiError] = []

    with Journal(workspace.journal_path) as journal:
        # Each goes to the front: the last one queued is the first to start.
        for bake in reversed(left.lost):
            try:
                resume(journal, bake.number, engine)
            except LoraTuiError as error:
                refused.append(error)
        journal.queue.take_over([bake.number for bake in left.waiting], engine)
    if refused:
        raise refused[-1]
    return Resumed((*left.lost, *left.waiting)[0])


def orphaned_question(left: Orphaned) -> str:
    """Return the question whether our engine is to run it."""
    lost, waiting = left.lost, left.waiting
    parts = []
    if lost:
        was, its = ("was", "its") if len(lost) == 1 else ("were", "their")
        parts.append(f"{_names(lost)} {was} interrupted and can resume from {its} last state.")
    if waiting:
        are = "is" if len(waiting) == 1 else "are"
        parts.append(f"{_names(waiting)} {are} still in the queue from an earlier session.")
    parts.append("Run it here?" if len(lost) + len(waiting) == 1 else "Run them here?")
    return "\n".join(parts)


def _names(bakes: Sequence[Bake]) -> str:
    names = [f"{job_name(bake, 20)}{' (held)' if bake.held else ''}" for bake in bakes[:MAX_NAMES]]
    more = len(bakes) - len(names)
    return ", ".join([*names, f"{more} more"] if more else names)
