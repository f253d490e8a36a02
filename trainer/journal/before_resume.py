"""What a bake was before it was queued to be resumed: an attempt that fails before it continues leaves it like that."""

import json
import sqlite3

# All that queuing, claiming and preparing change of a bake's row, but its place and its engine, which mean nothing once it has ended.
_COLUMNS = (
    "state",
    "error",
    "started",
    "ended",
    "stage",
    "stage_done",
    "stage_total",
    "attempt",
    "pid",
    "pid_started",
    "device",
    "total_steps",
    "steps_per_epoch",
)


def note_before_resume(connection: sqlite3.Connection, number: int) -> None:
    """Note what a bake is that is about to be queued again; inside a transaction."""
    row = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM bake WHERE number = ?", (number,)).fetchone()
    connection.execute(
        "INSERT OR REPLACE INTO before_resume (bake, columns) VALUES (?, ?)",
        (number, json.dumps(dict(row), default=str)),
    )


def restore_before_resume(connection: sqlite3.Connection, number: int) -> bool:
    """Make a bake what it was before it was queued again; inside a transaction. Return whether it had been, and has not continued since."""
    row = connection.execute("SELECT columns FROM before_resume WHERE bake = ?", (number,)).fetchone()
    if row is None:
        return False
    try:
        before = json.loads(row["columns"])
    except (ValueError, TypeError, RecursionError):
        before = None
    if not isinstance(before, dict) or not before.keys() >= set(_COLUMNS):
        # Damaged.
        return False
    assignments = ", ".join(f"{name} = :{name}" for name in _COLUMNS)
    connection.execute(f"UPDATE bake SET {assignments} WHERE number = :number", {**before, "number": number})
    forget_before_resume(connection, number)
    return True


def forget_before_resume(connection: sqlite3.Connection, number: int) -> None:
    """Forget what a bake was: it continues, or has ended; inside a transaction."""
    connection.execute("DELETE FROM before_resume WHERE bake = ?", (number,))
