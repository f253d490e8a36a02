"""Champions: the best LoRA file of a subject so far, as its file names it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from trainer.errors import LoraTuiError, WorkspaceError
from trainer.grid.model_files import ModelFiles
from trainer.settings.subject import load_subject, save_subject
from trainer.text import printable
from trainer.workspace import Workspace, check_writable


def champions(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    """Yield the file that each subject calls its champion, with the subject's name; a subject that cannot be read is passed over."""
    model_files = ModelFiles(workspace.root)
    for file in sorted(workspace.subjects.glob("*.toml")):
        # A subject that cannot be read is named by whoever uses it.
        with contextlib.suppress(LoraTuiError):
            subject = load_subject(file)
            if subject.champion.strip():
                yield model_files.path(subject.champion), subject.name


def name_champion(workspace: Workspace, subject: str, file: Path) -> str:
    """Write into a subject's file that a LoRA is its champion; return the one before, as it stood there, "" for none.

    Args:
        workspace: where the subject is.
        subject: its name, as settings have it.
        file: the LoRA; inside the workspace it is named from there, so that it moves along.

    Raises:
        WorkspaceError: the subject has no file, the LoRA is gone, or the workspace cannot be written.
        SettingsError: the subject's file is broken.
    """
    check_writable(workspace)
    path = workspace.subjects / f"{subject}.toml"
    if not subject or not path.is_file():
        raise WorkspaceError(
            "champion",
            found=f"no file of subject {printable(subject, 60)}" if subject else "a bake without a subject",
            expected="a subject in the workspace",
            way_out="`lora-tui new` makes one",
        )
    if not file.is_file():
        raise WorkspaceError(printable(str(file)), found="no such file", expected="a saved LoRA")
    read = load_subject(path)
    named = (
        file.relative_to(workspace.root).as_posix() if file.is_relative_to(workspace.root) else os.path.abspath(file)
    )
    save_subject(read.model_copy(update={"champion": str(named)}), path)
    return read.champion
