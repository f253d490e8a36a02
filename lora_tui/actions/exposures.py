"""How often a bake has shown its folders, outfits and tags by an epoch, read for a screen; for a worker thread."""

from typing import TYPE_CHECKING

from trainer.errors import LoraTuiError
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.dataset.exposures import EpochExposure


def read_exposures(workspace: Workspace, number: int) -> "tuple[EpochExposure, ...]":
    """Return what an epoch of a bake shows; nothing where that is not known, or the journal cannot be read: who follows it says so."""
    # Here: what checks the journal's records comes after the first frame.
    import sqlite3

    from trainer.history.bake_exposures import bake_exposures
    from trainer.journal.journal import Journal

    try:
        with Journal(workspace.journal_path) as journal:
            return bake_exposures(journal, workspace, number)
    except (LoraTuiError, sqlite3.Error, OSError):
        return ()
