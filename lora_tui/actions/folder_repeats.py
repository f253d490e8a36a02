"""Other repeats of a folder by its name, and back; each in a worker thread."""

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.jobs.folder_repeats import FolderRename, RenameEffect


def rename_for_repeats(workspace: Workspace, folder: Path, repeats: int) -> "RenameEffect":
    """Give a folder other repeats by its name.

    Raises:
        SettingsError: something names the folder as it is, a bake reads it, or the number cannot be.
        WorkspaceError: it cannot be renamed.
    """
    from trainer.jobs.folder_repeats import FolderRenames
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return FolderRenames(workspace, journal).set_repeats(folder, repeats)


def undo_last_rename(workspace: Workspace) -> "RenameEffect":
    """Give the folder that was renamed last its name of before.

    Raises:
        SettingsError, WorkspaceError: as rename_for_repeats, or there is none.
    """
    from trainer.jobs.folder_repeats import FolderRenames
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return FolderRenames(workspace, journal).undo()


def last_rename(workspace: Workspace) -> "FolderRename | None":
    """Return the rename that would be undone, None where there is none.

    Raises:
        WorkspaceError: their record cannot be read.
    """
    from trainer.jobs.folder_repeats import FolderRenames
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        renames = FolderRenames(workspace, journal).renames()
    return next((each for each in reversed(renames) if each.standing == "renamed"), None)
