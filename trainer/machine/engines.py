"""Register of running engines: one lock file per engine, released when its process ends."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import WorkspaceError
from trainer.machine.lock_file import FileLock, acquire_lock, read_lock_info
from trainer.refusals import real_path
from trainer.workspace import state_home

# An engine creates its file and locks it a moment later: a younger file is not stale.
_STALE_SECONDS = 60.0


@dataclass(frozen=True)
class RunningEngine:
    """One running engine.

    Attributes:
        key: its key, as in the journal.
        pid: its process.
        takes_queue: whether it works through the queue; else it runs one bake and ends.
    """

    key: str
    pid: int
    takes_queue: bool


def register_engine(key: str, workspace: Path, *, takes_queue: bool) -> FileLock | None:
    """Register the engine `key` until the lock is released or the process ends; None if that fails.

    Without it other programs consider the engine gone and offer to take over its queue; a read-only home is not a
    reason to fail.

    Args:
        key: the engine's.
        workspace: its folder.
        takes_queue: whether it works through the queue.
    """
    info = {"workspace": str(real_path(workspace)), "pid": os.getpid(), "takes_queue": takes_queue}
    try:
        return acquire_lock(_folder() / f"{key}.lock", info)
    except WorkspaceError:
        return None


def running_engines(workspace: Path) -> list[RunningEngine]:
    """Return the running engines of `workspace`; removes the files of those that are gone."""
    return [engine for folder, engine in _registered() if _is_same(folder, workspace)]


def works_elsewhere(pid: int | None, workspace: Path) -> bool:
    """Return whether process `pid` runs engines, and none of them for `workspace`: in its copy, the bakes of `pid` are not alive.

    A folder that is gone may have been renamed to `workspace` while the engine works there.
    """
    folders = [folder for folder, engine in _registered() if engine.pid == pid]
    return bool(folders) and all(os.path.isdir(folder) and not _is_same(folder, workspace) for folder in folders)


def _registered() -> Iterator[tuple[str, RunningEngine]]:
    """Yield each running engine with its workspace."""
    for path in sorted(_folder().glob("*.lock")):
        info = read_lock_info(path)
        if info is None:
            _remove_stale(path)
            continue
        pid, folder = info.get("pid"), info.get("workspace")
        if isinstance(folder, str) and isinstance(pid, int):
            yield folder, RunningEngine(path.stem, pid, info.get("takes_queue") is True)


def _is_same(folder: str, workspace: Path) -> bool:
    # One folder may be mounted in two places.
    try:
        return os.path.samefile(folder, workspace)
    except (OSError, ValueError):
        return folder == str(real_path(workspace))


def _remove_stale(path: Path) -> None:
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > _STALE_SECONDS:
            path.unlink()


def _folder() -> Path:
    return state_home() / "engines"
