"""The rows of bakes: queued, claimed, followed and ended."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from trainer.errors import WorkspaceError
from trainer.journal.database import Database
from trainer.journal.logs import write_line
from trainer.journal.records import Bake, BakeState

_COLUMNS = ", ".join(field.name for field in fields(Bake))
_LIVE = tuple(state for state in BakeState if state.live)
_ENDED = (BakeState.DONE, BakeState.STOPPED, BakeState.FAILED, BakeState.LOST)
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
) -> Bake:
    """Queue a bake under the next number, `least_number` or above, and return it."""
    with database.writing() as connection:
        highest = connection.execute("SELECT coalesce(max(number), 0) FROM bake").fetchone()[0]
        number = max(int(highest) + 1, least_number)
        connection.execute(
            """
            INSERT INTO bake (number, name, folder, why, settings_toml, engine, parent, state, created, total_steps, steps_per_epoch)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            (
                number,
                name,
                f"bakes/{number:04d}-{name}",
                why,
                settings_toml,
                engine,
                parent,
                BakeState.QUEUED,
                time.time(),
                total_steps,
                steps_per_epoch,
            ),
        )
    return read_bake(database, number)


def read_bake(database: Database, number: int) -> Bake:
    """Return bake `number`.

    Raises:
        WorkspaceError: there is none of that number.
    """
    row = database.row(f"SELECT {_COLUMNS} FROM bake WHERE number = ?", (number,))
    if row is None:
        raise _no_bake(database, number)
    return _bake(row)


def read_bakes(database: Database, limit: int) -> list[Bake]:
    """Return the last `limit` bakes, newest first."""
    return [_bake(row) for row in database.rows(f"SELECT {_COLUMNS} FROM bake ORDER BY number DESC LIMIT ?", (limit,))]


def claim_next(database: Database, engine: str, pid: int, pid_started: float) -> Bake | None:
    """Take the oldest queued bake of `engine` to `starting` and return it; None where nothing waits."""
    with database.writing() as connection:
        row = connection.execute(
            "SELECT min(number) FROM bake WHERE state = ? AND engine = ?", (BakeState.QUEUED, engine)
        ).fetchone()
        number = row[0]
        if number is None:
            return None
        connection.execute(
            "UPDATE bake SET state = ?, pid = ?, pid_started = ?, started = ? WHERE number = ?",
            (BakeState.STARTING, pid, pid_started, time.time(), number),
        )
    return read_bake(database, number)


def set_state(database: Database, number: int, state: BakeState, error: str) -> None:
    """Set the state; the times of the first start and of the end are kept here."""
    now = time.time()
    # `started` is kept once set; `ended` falls when a bake comes back to life.
    update_bake(
        database,
        number,
        "state = ?, error = ?, started = coalesce(started, ?), ended = ?",
        (state, error, now if state.live else None, now if state in _ENDED else None),
    )


def update_bake(database: Database, number: int, assignments: str, values: tuple[object, ...]) -> None:
    """Write `assignments` (SQL, one `?` a value) into bake `number`.

    Raises:
        WorkspaceError: there is none of that number.
    """
    with database.writing() as connection:
        changed = connection.execute(f"UPDATE bake SET {assignments} WHERE number = ?", (*values, number)).rowcount
    if not changed:
        raise _no_bake(database, number)


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


def _bake(row: sqlite3.Row) -> Bake:
    values: dict[str, Any] = dict(row)
    return Bake(**{**values, "state": BakeState(values["state"])})


def _no_bake(database: Database, number: int) -> WorkspaceError:
    return WorkspaceError(str(database.path), found=f"no bake {number}", way_out="`lora-tui status` lists them")
