"""The workspaces that are known, and new ones."""

from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from trainer.errors import WorkspaceError
from trainer.refusals import real_path, user_path
from trainer.text import printable
from trainer.workspace import find_workspace, is_workspace, known_workspaces


@dataclass(frozen=True)
class KnownWorkspace:
    """A workspace that was used before.

    Attributes:
        root: its folder.
        is_there: whether it still is.
        busy: what other processes do in it, in words; "" for nothing.
    """

    root: Path
    is_there: bool
    busy: str = ""


@dataclass
class WorkspacesRead(Message):
    """The known workspaces were looked for; the one that is open is among them."""

    known: tuple[KnownWorkspace, ...]


@dataclass
class SwitchAsked(Message):
    """Another workspace is to be opened."""

    root: Path


def read_workspaces(here: Path) -> WorkspacesRead:
    """Return the known workspaces, the one that is open first. May wait for a disk that is slow to answer."""
    roots = dict.fromkeys((here, *known_workspaces()))
    return WorkspacesRead(tuple(_known(root, here) for root in roots))


def open_workspace(typed: str) -> Path:
    """Return the workspace in the folder that was typed, or in one above it.

    Raises:
        WorkspaceError: there is none.
        PathError: no file can have the path.
    """
    folder = _folder(typed)
    found = find_workspace(folder)
    if found is None:
        raise WorkspaceError(
            printable(str(folder)),
            found="no workspace in it, nor above it" if folder.is_dir() else "no such folder",
            expected="a folder with journal.sqlite",
            way_out="W makes a new workspace in an empty folder",
        )
    return found.root


def new_workspace(typed: str) -> Path:
    """Make a workspace in the folder that was typed, which must be empty or new.

    Raises:
        WorkspaceError: something is in it, it is inside another workspace, or it cannot be written.
        PathError: no file can have the path.
    """
    from trainer.journal.journal import Journal
    from trainer.workspace import make_workspace

    workspace = make_workspace(_empty(typed))
    # The journal is what makes the folder a workspace.
    with Journal(workspace.journal_path):
        return workspace.root


def demo_workspace(typed: str) -> Path:
    """Make the demo workspace in the folder that was typed, which must be empty, new, or the demo made before.

    Raises:
        WorkspaceError: something else is in it, or it cannot be written.
        PathError: no file can have the path.
    """
    from trainer.demo.place import NAME
    from trainer.demo.workspace import make_demo

    folder = _folder(typed)
    again = is_workspace(folder) and (folder / f"{NAME}.toml").is_file()
    return make_demo(folder if again else _empty(typed)).root


def first_demo_folder() -> str:
    """Return where the demo lives unless another folder is typed."""
    from trainer.demo.place import default_folder

    return str(default_folder())


def _folder(typed: str) -> Path:
    text = typed.strip()
    if not text:
        raise WorkspaceError("the folder", found="nothing", expected="a path")
    return real_path(user_path(text))


def _empty(typed: str) -> Path:
    folder = _folder(typed)
    where = printable(str(folder))
    if (above := find_workspace(folder)) is not None:
        inside = f"the folder of a workspace, {printable(str(above.root))}"
        raise WorkspaceError(where, found=inside, expected="a folder outside it", way_out="open that one instead")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError(
            where,
            found="not empty" if folder.is_dir() else "a file",
            expected="an empty folder, or one that is not there yet",
            way_out="name another folder",
        )
    return folder


def _known(root: Path, here: Path) -> KnownWorkspace:
    from trainer.machine.engines import running_engines

    if root == here:
        return KnownWorkspace(root, True)
    if not is_workspace(root):
        return KnownWorkspace(root, False)
    pids = sorted({engine.pid for engine in running_engines(root)})
    return KnownWorkspace(root, True, f"open in process {pids[0]}" if pids else "")
