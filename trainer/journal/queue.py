"""The queue: which bake comes next, and what a user does to those that wait."""

import sqlite3
import time
from collections.abc import Sequence

from trainer.errors import WorkspaceError
from trainer.journal.bakes import ENDED, no_bake, read_bake, select_bakes
from trainer.journal.database import Database
from trainer.journal.orders import answer_open
from trainer.journal.records import Bake, BakeState

REMOVED = "taken out of the queue"
"""The line of error of a bake that was taken out before it began."""

_OVERTAKEN = "the bake had ended"


def read_queue(database: Database) -> list[Bake]:
    """Return the waiting bakes of every engine, the next one first."""
    return select_bakes(database, "WHERE state = ? ORDER BY place, number", (BakeState.QUEUED,))


def claim_next(database: Database, engine: str, pid: int, pid_started: float, now: float | None) -> Bake | None:
    """Take the first waiting bake of `engine` that may begin to `starting` and return it; None where none may."""
    now = time.time() if now is None else now
    with database.writing() as connection:
        row = connection.execute(
            """
            SELECT number FROM bake
            WHERE state = ? AND engine = ? AND NOT held AND (not_before IS NULL OR not_before <= ?)
            ORDER BY place, number LIMIT 1
            """,
            (BakeState.QUEUED, engine, now),
        ).fetchone()
        if row is None:
            return None
        connection.execute(
            "UPDATE bake SET state = ?, pid = ?, pid_started = ?, started = ? WHERE number = ?",
            (BakeState.STARTING, pid, pid_started, now, row["number"]),
        )
    return read_bake(database, row["number"])


def requeue(database: Database, number: int, engine: str) -> Bake:
    """Put a bake that ended or was parked at the front of the queue, for `engine` to take up again, and return it.

    Raises:
        WorkspaceError: there is none of that number, or it waits or is at work.
    """
    with database.writing() as connection:
        state = _state(database, connection, number)
        if state is not BakeState.PARKED and state not in ENDED:
            raise WorkspaceError(
                str(database.path),
                found=f"bake {number} is {state}",
                expected="one that ended or was parked",
                way_out="`lora-tui status` lists them",
            )
        front = connection.execute("SELECT min(place) - 1 FROM bake WHERE state = ?", (BakeState.QUEUED,)).fetchone()[0]
        # Somebody wants it now: what it once waited for counts no longer.
        connection.execute(
            """
            UPDATE bake SET state = ?, engine = ?, attempt = attempt + 1, place = coalesce(?, place), held = 0,
                not_before = NULL, ended = NULL, error = '', stage = '', stage_done = 0, stage_total = 0
            WHERE number = ?
            """,
            (BakeState.QUEUED, engine, front, number),
        )
        answer_open(connection, number, _OVERTAKEN)
    return read_bake(database, number)


def move(database: Database, number: int, before: int | None) -> None:
    """Put a waiting bake before another one, or at the end where `before` is None.

    Raises:
        WorkspaceError: one of the two does not wait.
    """
    with database.writing() as connection:
        for each in (number,) if before is None else (number, before):
            _check_waiting(database, connection, each)
        rows = connection.execute(
            "SELECT number, place FROM bake WHERE state = ? ORDER BY place, number", (BakeState.QUEUED,)
        ).fetchall()
        if before == number:
            return
        line = [row["number"] for row in rows if row["number"] != number]
        line.insert(len(line) if before is None else line.index(before), number)
        # Places are dealt anew rather than halved: there are only so many halves between two numbers.
        first = rows[0]["place"]
        connection.executemany(
            "UPDATE bake SET place = ? WHERE number = ?", [(first + at, each) for at, each in enumerate(line)]
        )


def remove(database: Database, number: int) -> None:
    """Take a waiting bake out of the queue: it is stopped.

    Raises:
        WorkspaceError: it does not wait.
    """
    _change_waiting(database, number, "state = ?, error = ?, ended = ?", (BakeState.STOPPED, REMOVED, time.time()))


def set_held(database: Database, number: int, held: bool) -> None:
    """Hold a waiting bake back, or release it.

    Raises:
        WorkspaceError: it does not wait.
    """
    _change_waiting(database, number, "held = ?", (held,))


def set_not_before(database: Database, number: int, seconds: float | None) -> None:
    """Let a waiting bake begin at `seconds` (epoch) at the earliest, None for at once.

    Raises:
        WorkspaceError: it does not wait.
    """
    _change_waiting(database, number, "not_before = ?", (seconds,))


def change_waiting(
    database: Database, number: int, *, why: str, settings_toml: str, total_steps: int, steps_per_epoch: int
) -> None:
    """Give a waiting bake other settings, the steps of their plan, and another line of why.

    Raises:
        WorkspaceError: it does not wait.
    """
    _change_waiting(
        database,
        number,
        "why = ?, settings_toml = ?, total_steps = ?, steps_per_epoch = ?, planned_seconds = NULL",
        (why, settings_toml, total_steps, steps_per_epoch),
    )


def take_over(database: Database, numbers: Sequence[int], engine: str) -> list[int]:
    """Give those of `numbers` that wait to `engine`, and return them."""
    with database.writing() as connection:
        sql = "UPDATE bake SET engine = ? WHERE number = ? AND state = ?"
        return [each for each in numbers if connection.execute(sql, (engine, each, BakeState.QUEUED)).rowcount]


def hold_following(database: Database, number: int) -> list[int]:
    """Hold back every bake that waits for the engine of bake `number`, and return their numbers.

    Raises:
        WorkspaceError: there is none of that number.
    """
    engine = read_bake(database, number).engine
    # All that still wait come behind it, whatever their places: one may have been moved to the front since it began.
    with database.writing() as connection:
        held = connection.execute(
            "UPDATE bake SET held = 1 WHERE state = ? AND engine = ? AND number <> ? AND NOT held RETURNING number",
            (BakeState.QUEUED, engine, number),
        ).fetchall()
    return sorted(row["number"] for row in held)


def _change_waiting(database: Database, number: int, assignments: str, values: Sequence[object]) -> None:
    with database.writing() as connection:
        # Under the lock: an engine may be about to claim it.
        _check_waiting(database, connection, number)
        connection.execute(f"UPDATE bake SET {assignments} WHERE number = ?", (*values, number))


def _check_waiting(database: Database, connection: sqlite3.Connection, number: int) -> None:
    state = _state(database, connection, number)
    if state is not BakeState.QUEUED:
        raise WorkspaceError(
            str(database.path),
            found=f"bake {number} is {state}",
            expected="one that waits in the queue",
            way_out="`lora-tui queue` lists them",
        )


def _state(database: Database, connection: sqlite3.Connection, number: int) -> BakeState:
    row = connection.execute("SELECT state FROM bake WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise no_bake(str(database.path), number)
    return BakeState(row["state"])
