"""What a bake was before it was queued to be resumed: an attempt that fails before it continues leaves it like that."""

import json
import sqlite3
from dataclasses import make_dataclass
from typing import Any, get_type_hints

from trainer.journal.records import Bake
from trainer.journal.rows import to_row
from trainer.typed_values import WrongValue, value_from_json

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

# What they hold, as a record of its own.
_HINTS = get_type_hints(Bake, include_extras=True)
_Before: Any = make_dataclass("_Before", [(name, _HINTS[name]) for name in _COLUMNS], frozen=True)


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
        before = to_row(value_from_json(_Before, str(row["columns"])))
    except WrongValue:
        # Damaged.
        return False
    assignments = ", ".join(f"{name} = :{name}" for name in _COLUMNS)
    connection.execute(f"UPDATE bake SET {assignments} WHERE number = :number", {**before, "number": number})
    forget_before_resume(connection, number)
    return True


def forget_before_resume(connection: sqlite3.Connection, number: int) -> None:
    """Forget what a bake was: it continues, or has ended; inside a transaction."""
    connection.execute("DELETE FROM before_resume WHERE bake = ?", (number,))
