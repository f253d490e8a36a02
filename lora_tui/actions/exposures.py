"""How often a bake has shown its folders, outfits and tags by an epoch, read for a screen; for a worker thread."""

from typing import TYPE_CHECKING

from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.dataset.exposures import EpochExposure


def read_exposures(workspace: Workspace, number: int) -> "tuple[EpochExposure, ...]":
    """Return what an epoch of a bake shows; nothing where that is not known.

    Raises:
        WorkspaceError: the journal cannot be read, or has no such bake.
    """
    from trainer.history.bake_exposures import bake_exposures
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return bake_exposures(journal, workspace, number)
