"""Which engines are there, and which of them take what is queued? One lock an engine, which dies with its process."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import WorkspaceError
from trainer.machine.lock_file import FileLock, acquire_lock, read_lock_info
from trainer.workspace import state_home

# An engine makes its file and locks it a moment later: a younger file is none that was left behind.
_STALE_SECONDS = 60.0


@dataclass(frozen=True)
class RunningEngine:
    """One engine that is there.

    Attributes:
        key: its key, as in the journal.
        pid: its process.
        takes_queue: whether it works through what is queued for it; else it does one bake and ends.
    """

    key: str
    pid: int
    takes_queue: bool


def register_engine(key: str, workspace: Path, *, takes_queue: bool) -> FileLock | None:
    """Say that the engine `key` is there, until the lock is released or the process ends; None where that cannot be said.

    Without it the others take the engine for gone and offer to take over what waits for it; a home that cannot be written is no
    reason to fail.

    Args:
        key: the engine's.
        workspace: its folder.
        takes_queue: whether it works through what is queued for it.
    """
    said = {"workspace": str(workspace.resolve()), "pid": os.getpid(), "takes_queue": takes_queue}
    try:
        return acquire_lock(_folder() / f"{key}.lock", said)
    except WorkspaceError:
        return None


def running_engines(workspace: Path) -> list[RunningEngine]:
    """Return the engines in `workspace` that are there; forgets the files of those that are gone."""
    wanted = str(workspace.resolve())
    found = []
    for path in sorted(_folder().glob("*.lock")):
        said = read_lock_info(path)
        if said is None:
            _remove_stale(path)
            continue
        pid = said.get("pid")
        if said.get("workspace") == wanted and isinstance(pid, int):
            found.append(RunningEngine(path.stem, pid, said.get("takes_queue") is True))
    return found


def _remove_stale(path: Path) -> None:
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > _STALE_SECONDS:
            path.unlink()


def _folder() -> Path:
    return state_home() / "engines"
