"""Paths: the workspace in or above a folder, the last one used, the names inside it, and the XDG base directories.

The XDG paths are worked out here and not by platformdirs: that also accepts relative values, which the specification tells
programs to ignore, and would save four lines.
"""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.atomic_file import remove_partial_files, write_atomically
from trainer.errors import WorkspaceError
from trainer.private_files import make_private_folder
from trainer.refusals import home_folder, real_path
from trainer.regular_file import open_regular
from trainer.text import path_fault, printable

JOURNAL_NAME = "journal.sqlite"

# The longest is a path or the name of a place to copy to.
_MAX_NOTE_BYTES = 4096
# Of a bake's number.
_MAX_DIGITS = 9
_LAST, _KNOWN = "last-workspace", "workspaces"
# So many are remembered; the list of them is no longer than this.
_MOST_KNOWN = 20


@dataclass(frozen=True)
class Workspace:
    """A folder with a journal, its settings files (`*.toml`), `subjects/` and `bakes/`."""

    root: Path

    @property
    def journal_path(self) -> Path:
        """The SQLite file that makes this folder a workspace."""
        return self.root / JOURNAL_NAME

    @property
    def read_only(self) -> bool:
        """Whether it can only be looked at: a snapshot, a disk mounted read-only, another user's."""
        return not may_write(self.journal_path)

    @property
    def subjects(self) -> Path:
        """The folder of subject files."""
        return self.root / "subjects"

    @property
    def bakes(self) -> Path:
        """The folder that holds one folder a bake."""
        return self.root / "bakes"

    @property
    def grids(self) -> Path:
        """The folder that holds one folder a grid."""
        return self.root / "grids"

    @property
    def ladders(self) -> Path:
        """The folder that holds one folder a ladder."""
        return self.root / "ladders"

    @property
    def captions(self) -> Path:
        """The folder that holds one folder a step of edited captions."""
        return self.root / "captions"

    def ladder_folder(self, number: int) -> Path:
        """Return the folder of ladder `number`, for example `ladders/0003`."""
        return self.ladders / f"{number:04d}"

    def bake_folder(self, number: int, name: str) -> Path:
        """Return the folder of bake `number`, for example `bakes/0042-hifumi`."""
        return self.bakes / f"{number:04d}-{name}"

    def settings_files(self) -> list[Path]:
        """Return the settings files at the top of the workspace, by name."""
        return sorted(path for path in self.root.glob("*.toml") if path.is_file())


def bake_number(folder: str) -> int | None:
    """Return the number of the bake whose folder has this name, None where it is no name of such a folder."""
    digits = folder.partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS else None


def may_write(journal: Path) -> bool:
    """Return whether a journal, which need not exist, and the logs that SQLite puts beside it may be written."""
    real = os.path.realpath(journal)
    there = [each for each in (real, f"{real}-wal", f"{real}-shm", f"{real}-journal") if os.path.exists(each)]
    # Also asks the file system: even root may not write on a disk that is mounted read-only.
    return all(os.access(each, os.W_OK) for each in (os.path.dirname(real), *there))


def remove_leftovers(workspace: Workspace) -> int:
    """Remove what killed processes left half-written in the folders that are the program's own; return how many files and folders.

    What cannot be looked at or removed stays: nobody waits for it.
    """
    inside = [
        folder
        for top in (workspace.bakes, workspace.grids, workspace.ladders, workspace.captions)
        for folder, _, _ in os.walk(top)
    ]
    removed = 0
    for folder in (workspace.root, workspace.subjects, workspace.root / "cache", *map(Path, inside)):
        with contextlib.suppress(OSError):
            removed += remove_partial_files(folder)
    return removed


def first_free_number(folder: Path) -> int:
    """Return a number above those of every folder in `folder`: even if the journal is lost, no folder is ever overwritten.

    Args:
        folder: of bakes, of grids or of ladders; it need not exist.
    """
    inside = folder.iterdir() if folder.is_dir() else ()
    return max((int(each.name[:4]) for each in inside if each.name[:4].isdecimal()), default=0) + 1


def data_home() -> Path:
    """Return `$XDG_DATA_HOME/lora-tui` (default `~/.local/share/lora-tui`)."""
    return _xdg("XDG_DATA_HOME", ".local/share")


def state_home() -> Path:
    """Return `$XDG_STATE_HOME/lora-tui` (default `~/.local/state/lora-tui`)."""
    return _xdg("XDG_STATE_HOME", ".local/state")


def config_home() -> Path:
    """Return `$XDG_CONFIG_HOME/lora-tui` (default `~/.config/lora-tui`)."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def cache_home() -> Path:
    """Return `$XDG_CACHE_HOME/lora-tui` (default `~/.cache/lora-tui`): what may be thrown away at any time."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def find_workspace(start: Path) -> Workspace | None:
    """Return the workspace in `start` or the nearest folder above it, else None."""
    for folder in (start, *start.parents):
        if (folder / JOURNAL_NAME).is_file():
            return Workspace(folder)
    return None


def find_workspace_to_write(start: Path) -> Workspace | None:
    """Return the workspace in `start` or the nearest folder above it, else None.

    Raises:
        WorkspaceError: it cannot be written.
    """
    found = find_workspace(start)
    if found is not None:
        check_writable(found)
    return found


def check_writable(workspace: Workspace) -> None:
    """Check that a workspace can be written, before anything is done for what would be written.

    Raises:
        WorkspaceError: it cannot.
    """
    if workspace.read_only:
        raise no_writing(workspace.root)


def no_writing(root: Path) -> WorkspaceError:
    """Return the error for writing in a workspace that can only be looked at."""
    return WorkspaceError(
        printable(str(root)),
        found="is read-only",
        expected="a workspace you can write to",
        way_out=f"fix the permissions of its folder and of {JOURNAL_NAME}*, or copy it to where you may write",
    )


def make_workspace(root: Path) -> Workspace:
    """Create the folders of a workspace at `root`; existing ones stay.

    Raises:
        WorkspaceError: the folder cannot be created or written.
    """
    workspace = Workspace(real_path(root))
    try:
        for folder in (workspace.root, workspace.subjects, workspace.bakes):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(
            str(error.filename or workspace.root),
            found=f"cannot be written ({error.strerror})",
            expected="a folder you can write to",
            way_out="choose another folder or fix its permissions",
        ) from error
    if not os.access(workspace.root, os.W_OK):
        raise WorkspaceError(
            str(workspace.root),
            found="no permission to write",
            expected="a folder you can write to",
            way_out="choose another folder or fix its permissions",
        )
    return workspace


def remember_workspace(workspace: Workspace) -> None:
    """Note `workspace` as the last one used, and as one of those that are known."""
    root = str(workspace.root)
    write_note(_LAST, root)
    known = [str(each) for each in known_workspaces()]
    # Most are opened again: the first frame does not wait for the disk to write what it has.
    if known[:1] != [root]:
        _write_known([root, *(each for each in known if each != root)])


def known_workspaces() -> tuple[Path, ...]:
    """Return the folders of the workspaces used last, the newest first; some may be gone."""
    lines = _read_state(_KNOWN, _MOST_KNOWN * _MAX_NOTE_BYTES).split("\n")
    kept = [line for line in lines if line.startswith("/") and printable(line) == line and not path_fault(line)]
    return tuple(Path(line) for line in dict.fromkeys(kept))[:_MOST_KNOWN]


def is_workspace(folder: Path) -> bool:
    """Return whether there is a workspace in `folder` itself; one that may not be looked into is none."""
    try:
        return (folder / JOURNAL_NAME).is_file()
    except OSError:
        return False


def _write_known(roots: Sequence[str]) -> None:
    kept = [root for root in roots if printable(root) == root][:_MOST_KNOWN]
    # A home that cannot be written is no reason to fail, as for notes.
    with contextlib.suppress(OSError, UnicodeEncodeError):
        make_private_folder(state_home())
        write_atomically(state_home() / _KNOWN, "\n".join(kept).encode("utf-8"), private=True)


def last_workspace() -> Workspace | None:
    """Return the workspace last used if it is still there."""
    noted = read_note(_LAST)
    if not noted or path_fault(noted):
        return None
    return Workspace(Path(noted)) if is_workspace(Path(noted)) else None


def read_note(name: str) -> str:
    """Return the line of text noted under `name` in the user's state folder; "" where none was, or it is damaged."""
    text = _read_state(name, _MAX_NOTE_BYTES)
    return text if printable(text) == text else ""


def _read_state(name: str, limit: int) -> str:
    """Return the text of a file of the user's state folder; "" where there is none, or it is longer than `limit` bytes or damaged."""
    try:
        with open_regular(state_home() / name) as file:
            content = file.read(limit + 1)
            return content.decode("utf-8").strip() if len(content) <= limit else ""
    except (OSError, UnicodeDecodeError):
        return ""


def write_note(name: str, text: str) -> None:
    """Note a line of text for the next start. A home that cannot be written is not a reason to fail."""
    try:
        make_private_folder(state_home())
        (state_home() / name).write_text(text, encoding="utf-8")
    except (OSError, UnicodeEncodeError):
        return


def _xdg(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    # The XDG specification tells programs to ignore a relative path here.
    base = Path(value) if value.startswith("/") else home_folder() / fallback
    return base / "lora-tui"
