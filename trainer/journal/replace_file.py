"""Replacement of the journal's file: made beside it first, then moved in one step, and never under a process that uses it."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from trainer.atomic_file import check_replaceable, link_or_copy, move_into_place, partial_folder, remove_partial_files
from trainer.errors import WorkspaceError
from trainer.journal.processes import process_alive
from trainer.journal.records import BakeState
from trainer.machine.engines import works_elsewhere
from trainer.text import printable

T = TypeVar("T")


def replace_journal(path: Path, fill: Callable[[Path], T]) -> tuple[T, Path | None]:
    """Make a new journal, put it in the place of `path`, and keep the old one beside it.

    Args:
        path: the workspace's journal; it need not exist.
        fill: creates the new journal at the given path, and closes it.

    Returns:
        What `fill` returned, and where the old journal is now (`journal.sqlite.before-rebuild`), None if there was none.

    Raises:
        WorkspaceError: a process uses the journal, or the folder cannot be written.
    """
    refuse_if_used(path)
    try:
        check_replaceable(path)
        # Of an earlier rebuild that was killed.
        remove_partial_files(path.parent)
        with partial_folder(path.parent, f"{path.name}.rebuild") as beside:
            made = beside / path.name
            filled = fill(made)
            # Somebody may have opened it in the meantime.
            refuse_if_used(path)
            kept = _kept(path)
            move_into_place(made, path)
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be replaced ({error.strerror})") from error
    return filled, kept


def refuse_if_used(path: Path) -> None:
    """Check that no process uses the journal at `path`; a damaged or missing one is fine.

    Raises:
        WorkspaceError: a bake runs in it, or another process of this user has it open.
    """
    user = _running_bake(path) or _opened_by(path)
    if user:
        raise WorkspaceError(
            printable(str(path)),
            found=f"in use by {user}",
            expected="no program using the workspace",
            way_out="stop the bake and close lora-tui, then try again",
        )


def _running_bake(path: Path) -> str:
    if not path.is_file():
        return ""
    live = [state for state in BakeState if state.live]
    sql = f"SELECT number, pid, pid_started FROM bake WHERE state IN ({', '.join('?' * len(live))}) AND pid IS NOT NULL"
    try:
        # Plain SQLite, read-only: opening it as a journal would upgrade it, and the old file is kept as it is.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            rows = connection.execute(sql, live).fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError):  # the second for names that its message cannot repeat
        # A damaged journal is what this is for; the system knows who has it open.
        return ""
    claims = ((number, pid, started) for number, pid, started in rows if type(pid) is int and type(started) is float)
    running = (
        f"bake {number}, process {pid}"
        for number, pid, started in claims
        if process_alive(pid, started) and not works_elsewhere(pid, path.absolute().parent)
    )
    return next(running, "")


def _opened_by(path: Path) -> str:
    """Return the process that has the journal open, "" where none can be seen."""
    real = os.path.realpath(path)
    for process in psutil.process_iter(["name"]):
        if process.pid == os.getpid():
            continue
        try:
            if any(file.path == real for file in process.open_files()):
                return f"process {process.pid} ({printable(str(process.info['name']))})"
        except (psutil.Error, OSError):
            # Ended in the meantime, or another user's.
            continue
    return ""


def _kept(path: Path) -> Path | None:
    """Give the journal and its logs the first free name too, and return it; None where there was no journal.

    The journal has its old name as well until another takes its place: whenever this is cut short, there is one.
    """
    kept = path.with_name(f"{path.name}.before-rebuild")
    again = 1
    while kept.exists():
        again += 1
        kept = path.with_name(f"{path.name}.before-rebuild-{again}")
    was_there = path.exists() and path.stat().st_size > 0
    if was_there:
        link_or_copy(path, kept)
    # SQLite finds a journal's logs by their names, and would read one left behind as part of the new file.
    for end in ("-wal", "-journal"):
        log = path.with_name(path.name + end)
        if was_there and log.exists() and log.stat().st_size:
            log.rename(kept.with_name(kept.name + end))
        else:
            log.unlink(missing_ok=True)
    # Only an index of the log; SQLite recreates it.
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    return kept if was_there else None
