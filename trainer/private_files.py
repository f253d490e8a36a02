"""Files and folders that only their owner may read: states, journals, logs, and the user's own folders.

They hold prompts, captions, paths and what a bake was told, on machines that people share. What exists keeps the mode it has:
whoever opened it to others meant it.
"""

import contextlib
import os
from pathlib import Path

FILE_MODE = 0o600
"""Of a file that is made here."""

FOLDER_MODE = 0o700
"""Of a folder that is made here; also what the XDG specification asks of the folders it names."""


def make_private_file(path: Path) -> None:
    """Make an empty file at `path` where nothing is; whoever opens it for writing next says why it cannot be made."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))


def make_private_folder(folder: Path) -> None:
    """Make `folder` and those above it that are missing; one that is there stays as it is.

    Raises:
        OSError: it cannot be made, or is no folder.
    """
    # `Path.mkdir(mode, parents=True)` gives the mode to the last one only.
    missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    for each in reversed(missing):
        each.mkdir(FOLDER_MODE, exist_ok=True)
    folder.mkdir(FOLDER_MODE, exist_ok=True)
