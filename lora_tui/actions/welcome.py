"""What the screen shows first: jobs left behind, and a digest of what happened since the last look."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.actions.orphaned import Orphaned, find_orphaned
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.journal.digest import Digest


@dataclass
class WelcomeRead(Message):
    """What to show first was read.

    Attributes:
        orphaned: jobs left behind, None if there are none.
        digest: what happened since the last look, None if nothing did, or nobody ever looked.
    """

    orphaned: Orphaned | None
    digest: "Digest | None"


def read_welcome(workspace: Workspace, ours: str, now: float) -> WelcomeRead:
    """Return what to show first, and note that somebody looks at `now`.

    Args:
        workspace: whose journal it is.
        ours: key of our engine, whose bakes are not left behind.
        now: epoch seconds.

    Raises:
        WorkspaceError: the journal cannot be read or written.
    """
    from trainer.journal.journal import Journal
    from trainer.plan.saves import planned_files

    with Journal(workspace.journal_path) as journal:
        # A killed process cannot note it itself, and its bake is what matters most.
        journal.bakes.mark_lost()
        since = journal.digests.last_viewed()
        left = find_orphaned(journal, workspace, ours, since)
        digest = journal.digests.read(since, planned_files) if since is not None else None
        journal.digests.set_last_viewed(now)
    return WelcomeRead(left, None if digest is None or digest.empty else digest)
