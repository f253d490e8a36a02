"""Doneness of a bake as a screen asks for it; for a thread."""

from typing import TYPE_CHECKING

from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.doneness.record import Doneness


def read_doneness(workspace: Workspace, number: int) -> "Doneness":
    """Return where each epoch of a bake stands between raw and burnt.

    Raises:
        WorkspaceError: there is no such bake, or the journal cannot be read.
    """
    from trainer.doneness.read import doneness_of
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return doneness_of(journal, workspace, number)
