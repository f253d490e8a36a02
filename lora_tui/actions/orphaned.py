"""What did a lora-tui that is gone leave behind (a reboot, a kill), and who takes it over?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.actions.bakes import Resumed
from lora_tui.wording.job_names import job_name
from trainer.journal.records import Bake, BakeState
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.journal.journal import Journal

_MOST_NAMES = 5
_ALL = 100_000


@dataclass(frozen=True)
class Orphaned:
    """Bakes that were at work in a process that is gone, and bakes that wait for such a one."""

    lost: tuple[Bake, ...]
    waiting: tuple[Bake, ...]


def find_orphaned(journal: "Journal", workspace: Workspace, ours: str, since: float | None) -> Orphaned | None:
    """Return what was left behind, None where nothing was.

    Args:
        journal: of the workspace, with the lost bakes marked.
        workspace: whose engines count.
        ours: key of our engine, whose bakes are not left behind.
        since: when one last looked (epoch seconds), None where nobody did; a bake lost before was offered then.

    Raises:
        WorkspaceError: the journal cannot be read.
    """
    from trainer.jobs.bakes import orphaned_jobs

    ended = [bake for bake in journal.bakes.latest(_ALL) if bake.state is BakeState.LOST]
    lost = [bake for bake in ended if since is None or (bake.ended is not None and bake.ended > since)]
    waiting = [bake for bake in orphaned_jobs(journal, workspace) if bake.engine != ours]
    return Orphaned(tuple(reversed(lost)), tuple(waiting)) if lost or waiting else None


def take_over(workspace: Workspace, left: Orphaned, engine: str) -> Message:
    """Queue the lost bakes again, before all others, and give the waiting ones to `engine`.

    Raises:
        WorkspaceError: somebody else took one of the lost, or the journal cannot be written.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        # Each goes to the front: the last one queued is the first to begin.
        for bake in reversed(left.lost):
            journal.queue.requeue(bake.number, engine)
        journal.queue.take_over([bake.number for bake in left.waiting], engine)
    return Resumed((*left.lost, *left.waiting)[0])


def orphaned_question(left: Orphaned) -> str:
    """Return what is asked about it."""
    parts = []
    if left.lost:
        parts.append(f"Cut off while baking: {_names(left.lost)}; each goes on from its last state.")
    if left.waiting:
        parts.append(f"Waiting, and nobody takes them: {_names(left.waiting)}.")
    return "\n".join(parts)


def _names(bakes: Sequence[Bake]) -> str:
    names = [job_name(bake, 20) for bake in bakes[:_MOST_NAMES]]
    more = len(bakes) - len(names)
    return ", ".join([*names, f"{more} more"] if more else names)
