"""The rows of grids: asked for, followed and ended, where each recipe's picture lies, and what was thought of the pictures."""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any

from trainer.errors import WorkspaceError
from trainer.journal.database import Database
from trainer.journal.records import CellNote, Grid, GridState

_COLUMNS = ", ".join(field.name for field in fields(Grid))
_NOTE = ", ".join(field.name for field in fields(CellNote))
_ENDED = (GridState.DONE, GridState.CUT, GridState.FAILED)


def add_grid(database: Database, *, name: str, spec: str, bake: int | None, least_number: int) -> Grid:
    """Note a grid under the next number, `least_number` or above, and return it."""
    with database.writing() as connection:
        highest = connection.execute("SELECT coalesce(max(number), 0) FROM grid").fetchone()[0]
        number = max(int(highest) + 1, least_number)
        connection.execute(
            "INSERT INTO grid (number, name, folder, spec, bake, state, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, name, f"grids/{number:04d}-{name}", spec, bake, GridState.WAITING, time.time()),
        )
    return read_grid(database, number)


def read_grid(database: Database, number: int) -> Grid:
    """Return grid `number`.

    Raises:
        WorkspaceError: there is none of that number.
    """
    row = database.row(f"SELECT {_COLUMNS} FROM grid WHERE number = ?", (number,))
    if row is None:
        raise _no_grid(database, number)
    return _grid(row)


def read_grids(database: Database, limit: int) -> list[Grid]:
    """Return the last `limit` grids, newest first."""
    return [_grid(row) for row in database.rows(f"SELECT {_COLUMNS} FROM grid ORDER BY number DESC LIMIT ?", (limit,))]


def set_grid_state(database: Database, number: int, state: GridState, error: str) -> None:
    """Set the state; the times of the first start and of the end are kept here."""
    now = time.time()
    update_grid(
        database,
        number,
        "state = ?, error = ?, started = coalesce(started, ?), ended = ?",
        (state, error, now if state is GridState.MAKING else None, now if state in _ENDED else None),
    )


def update_grid(database: Database, number: int, assignments: str, values: tuple[object, ...]) -> None:
    """Write `assignments` (SQL, one `?` a value) into grid `number`.

    Raises:
        WorkspaceError: there is none of that number.
    """
    with database.writing() as connection:
        changed = connection.execute(f"UPDATE grid SET {assignments} WHERE number = ?", (*values, number)).rowcount
    if not changed:
        raise _no_grid(database, number)


def cut_grids(database: Database, bakes: Sequence[int]) -> None:
    """Mark the grids that these bakes or jobs were making, or were still to make, as cut."""
    with database.writing() as connection:
        for number in bakes:
            connection.execute(
                """
                UPDATE grid SET state = ?, ended = ?
                WHERE state IN (?, ?) AND (bake = ? OR number IN (SELECT grid FROM bake WHERE number = ?))
                """,
                (GridState.CUT, time.time(), GridState.WAITING, GridState.MAKING, number, number),
            )


def seconds_per_step(database: Database, look: str) -> float | None:
    """Return how long a sampling step of one picture took in the newest grid of that look."""
    row = database.row(
        "SELECT seconds / work AS pace FROM grid WHERE look = ? AND work > 0 ORDER BY number DESC LIMIT 1", (look,)
    )
    return None if row is None else float(row["pace"])


def note_picture(database: Database, fingerprint: str, file: str) -> None:
    """Note where a picture lies; the newest place stands."""
    with database.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO picture (fingerprint, file) VALUES (?, ?)", (fingerprint, file))


def read_picture(database: Database, fingerprint: str) -> str | None:
    """Return where a picture was last, None where there was none."""
    row = database.row("SELECT file FROM picture WHERE fingerprint = ?", (fingerprint,))
    return None if row is None else str(row["file"])


def set_cell_note(database: Database, note: CellNote) -> None:
    """Keep what was thought of a picture."""
    values = (*astuple(note)[:-2], json.dumps(dict(note.ticks), ensure_ascii=False), note.seconds)
    marks = ", ".join("?" for _ in values)
    with database.writing() as connection:
        connection.execute(f"INSERT OR REPLACE INTO cell_note ({_NOTE}) VALUES ({marks})", values)


def read_cell_notes(database: Database, grid: int) -> list[CellNote]:
    """Return what was thought of a grid's pictures, by cell."""
    return [_note(row) for row in database.rows(f"SELECT {_NOTE} FROM cell_note WHERE grid = ? ORDER BY cell", (grid,))]


def _grid(row: sqlite3.Row) -> Grid:
    values: dict[str, Any] = dict(row)
    return Grid(**{**values, "state": GridState(values["state"])})


def _note(row: sqlite3.Row) -> CellNote:
    values: dict[str, Any] = dict(row)
    return CellNote(**{**values, "favourite": bool(values["favourite"]), "ticks": json.loads(values["ticks"])})


def _no_grid(database: Database, number: int) -> WorkspaceError:
    return WorkspaceError(str(database.path), found=f"no grid {number}", way_out="`lora-tui grid --list` lists them")
