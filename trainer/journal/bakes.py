"""The rows of bakes: added, followed and ended."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from trainer.errors import WorkspaceError
from trainer.journal.database import Database
from trainer.journal.logs import write_line
from trainer.journal.records import Bake, BakeState

_COLUMNS = ", ".join(field.name for field in fields(Bake))
_LIVE = tuple(state for state in BakeState if state.live)
ENDED = (BakeState.DONE, BakeState.STOPPED, BakeState.FAILED, BakeState.LOST)
"""The states from which nothing goes on by itself; only these have a time of end."""

_LOST = "its process ended without a word"


def add_bake(
    database: Database,
    *,
    name: str,
    why: str,
    settings_toml: str,
    engine: str,
    total_steps: int,
    steps_per_epoch: int,
    parent: int | None,
    least_number: int,
    not_before: float | None,
    held: bool,
    on_failure: str,
    refers: str,
    starts_from: str,
    planned_seconds: float | None,
    grid: int | None,
) -> Bake:
    """Queue a bake at the end of the queue under the next number, `least_number` or above, and return it."""
    with database.writing() as connection:
        highest, place = connection.execute(
            "SELECT coalesce(max(number), 0), coalesce(max(place), 0) FROM bake"
        ).fetchone()
        number = max(int(highest) + 1, least_number)
        values = {
            "number": number,
            "name": name,
            "folder": f"bakes/{number:04d}-{name}" if grid is None else _folder_of_grid(connection, grid),
            "why": why,
            "settings_toml": settings_toml,
            "engine": engine,
            "parent": parent,
            "state": BakeState.QUEUED,
            "created": time.time(),
            "total_steps": total_steps,
            "steps_per_epoch": steps_per_epoch,
            "place": place + 1,
            "not_before": not_before,
            "held": held,
            "on_failure": on_failure,
            "refers": refers,
            "starts_from": starts_from,
            "planned_seconds": planned_seconds,
            "grid": grid,
        }
        insert_bake(connection, values)
    return read_bake(database, number)


def _folder_of_grid(connection: sqlite3.Connection, grid: int) -> str:
    """Return the folder of the grid that a job makes: it has none of its own."""
    return str(connection.execute("SELECT folder FROM grid WHERE number = ?", (grid,)).fetchone()["folder"])


def insert_bake(connection: sqlite3.Connection, values: Mapping[str, object]) -> None:
    """Write a row from values by column, inside a transaction of the caller's."""
    marks = ", ".join("?" for _ in values)
    connection.execute(f"INSERT INTO bake ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))


def read_bake(database: Database, number: int) -> Bake:
    """Return bake `number`.

    Raises:
        WorkspaceError: there is none of that number.
    """
    row = database.row(f"SELECT {_COLUMNS} FROM bake WHERE number = ?", (number,))
    if row is None:
        raise no_bake(str(database.path), number)
    return _bake(row)


def read_bakes(database: Database, limit: int) -> list[Bake]:
    """Return the last `limit` bakes, newest first."""
    return select_bakes(database, "ORDER BY number DESC LIMIT ?", (limit,))


def select_bakes(database: Database, which: str, values: Sequence[object]) -> list[Bake]:
    """Return the bakes that `which` (SQL after FROM) chooses."""
    return [_bake(row) for row in database.rows(f"SELECT {_COLUMNS} FROM bake {which}", values)]


def set_state(database: Database, number: int, state: BakeState, error: str) -> None:
    """Set the state; the times of the first start and of the end are kept here."""
    now = time.time()
    # `started` is kept once set; `ended` falls when a bake comes back to life.
    update_bake(
        database,
        number,
        "state = ?, error = ?, started = coalesce(started, ?), ended = ?",
        (state, error, now if state.live else None, now if state in ENDED else None),
    )


def update_bake(database: Database, number: int, assignments: str, values: tuple[object, ...]) -> None:
    """Write `assignments` (SQL, one `?` a value) into bake `number`.

    Raises:
        WorkspaceError: there is none of that number.
    """
    with database.writing() as connection:
        changed = connection.execute(f"UPDATE bake SET {assignments} WHERE number = ?", (*values, number)).rowcount
    if not changed:
        raise no_bake(str(database.path), number)


def mark_lost(database: Database, alive: Callable[[int, float], bool]) -> list[int]:
    """Mark every live bake whose process is gone as lost, and return their numbers."""
    marks = ", ".join("?" for _ in _LIVE)
    live = database.rows(f"SELECT number, pid, pid_started FROM bake WHERE state IN ({marks}) ORDER BY number", _LIVE)
    gone = [row for row in live if row["pid"] is None or not alive(row["pid"], row["pid_started"])]
    if not gone:
        return []
    return [row["number"] for row in gone if _mark_lost(database, row["number"], row["pid"])]


def _mark_lost(database: Database, number: int, pid: int | None) -> bool:
    marks = ", ".join("?" for _ in _LIVE)
    with database.writing() as connection:
        # Asked again under the lock: the bake may have ended, or another program may have marked it, since it was read.
        changed = connection.execute(
            f"UPDATE bake SET state = ?, error = ?, ended = ? WHERE number = ? AND pid IS ? AND state IN ({marks})",
            (BakeState.LOST, _LOST, time.time(), number, pid, *_LIVE),
        ).rowcount
        if changed:
            write_line(connection, f"bake {number} is lost: {_LOST}", bake=number, level="error")
    return bool(changed)


def no_bake(journal: str, number: int) -> WorkspaceError:
    """Return the error for a number that no bake has."""
    return WorkspaceError(journal, found=f"no bake {number}", way_out="`lora-tui status` lists them")


def _bake(row: sqlite3.Row) -> Bake:
    values: dict[str, Any] = dict(row)
    return Bake(**{**values, "state": BakeState(values["state"]), "held": bool(values["held"])})
