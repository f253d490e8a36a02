"""The tables of grids, of where each recipe's picture is, of the user's notes on pictures, and of ticks that a tagger proposes."""

import time
from collections.abc import Sequence
from math import isfinite

from trainer.errors import WorkspaceError
from trainer.journal.database import Database, Store
from trainer.journal.grid_records import CellNote, Grid, GridState, ProposedTicks
from trainer.journal.rows import insert, number_or_nan, to_row

_ENDED = (GridState.DONE, GridState.CUT, GridState.FAILED)


class GridStore(Store):
    """The grids of a journal, where each recipe's picture is, and the user's notes on pictures."""

    def add(self, *, name: str, spec: str, bake: int | None = None, least_number: int = 1) -> Grid:
        """Add a grid under the next number, `least_number` or above, and return it; its folder is not made.

        Args:
            name: of its folder, behind the number.
            spec: JSON of its GridSpec.
            bake: number of the bake that makes it between two steps; None for one with a job of its own.
            least_number: a number above every folder there is.
        """
        with self._database.writing() as connection:
            highest = connection.execute("SELECT coalesce(max(number), 0) FROM grid WHERE number < 1e9").fetchone()[0]
            number = max(int(highest) + 1, least_number)
            folder = f"grids/{number:04d}-{name}"
            grid = Grid(
                number=number,
                name=name,
                folder=folder,
                spec=spec,
                bake=bake,
                state=GridState.WAITING,
                created=time.time(),
            )
            insert(connection, "grid", to_row(grid))
        return grid

    def read(self, number: int) -> Grid:
        """Return grid `number`.

        Raises:
            WorkspaceError: no grid has that number, or its row is damaged.
        """
        found = self._database.record(Grid, "FROM grid WHERE number = ?", (number,))
        if found is None:
            raise _no_grid(self._database, number)
        return found

    def find(self, number: int) -> Grid | None:
        """Return grid `number`, None where there is none or its row is damaged."""
        return next(iter(self._database.records(Grid, "FROM grid WHERE number = ?", (number,))), None)

    def latest(self, limit: int = 200) -> list[Grid]:
        """Return the last `limit` grids, newest first."""
        return self._database.records(Grid, "FROM grid ORDER BY number DESC", most=limit)

    def being_made(self) -> Grid | None:
        """Return the grid that is being made, the newest of several; None without one."""
        found = self._database.records(
            Grid, "FROM grid WHERE state = ? ORDER BY number DESC", (GridState.MAKING,), most=1
        )
        return next(iter(found), None)

    def set_state(self, number: int, state: GridState, error: str = "") -> None:
        """Set the state; the times of the first start and of the end are kept here."""
        now = time.time()
        self._update(
            number,
            "state = ?, error = ?, started = coalesce(started, ?), ended = ?",
            (state, error, now if state is GridState.MAKING else None, now if state in _ENDED else None),
        )

    def set_spec(self, number: int, spec: str, total: int) -> None:
        """Set the spec as it was spelled out, and how many pictures that makes."""
        self._update(number, "spec = ?, total = ?", (spec, total))

    def set_progress(
        self, number: int, *, done: int, sampled: int, sampling_seconds: float, unet_passes: int, speed_class: str
    ) -> None:
        """Set how far a grid is; see Grid."""
        self._update(
            number,
            "done = ?, sampled = ?, sampling_seconds = ?, unet_passes = ?, speed_class = ?",
            (done, sampled, sampling_seconds, unet_passes, speed_class),
        )

    def cut(self, bakes: Sequence[int]) -> None:
        """Mark the grids that these bakes or jobs were making, or were still to make, as cut."""
        with self._database.writing() as connection:
            for number in bakes:
                connection.execute(
                    """
                    UPDATE grid SET state = ?, ended = ?
                    WHERE state IN (?, ?) AND (bake = ? OR number IN (SELECT grid FROM bake WHERE number = ?))
                    """,
                    (GridState.CUT, time.time(), GridState.WAITING, GridState.MAKING, number, number),
                )

    def seconds_per_unet_pass(self, speed_class: str) -> float | None:
        """Return the seconds per U-Net pass in the newest grid of that speed class, None if there is none."""
        row = self._database.row(
            """
            SELECT sampling_seconds / unet_passes AS pace FROM grid
            WHERE speed_class = ? AND unet_passes > 0 ORDER BY number DESC LIMIT 1
            """,
            (speed_class,),
        )
        pace = None if row is None else number_or_nan(row["pace"])
        return pace if pace is not None and isfinite(pace) and pace > 0 else None

    def note_picture(self, fingerprint: str, file: str) -> None:
        """Note where the picture of a recipe is, relative to the workspace; the newest place is kept."""
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO picture (fingerprint, file) VALUES (?, ?)", (fingerprint, file))

    def picture(self, fingerprint: str) -> str | None:
        """Return where the picture of a recipe was last, None if there was none."""
        row = self._database.row("SELECT file FROM picture WHERE fingerprint = ?", (fingerprint,))
        return row["file"] if row is not None and isinstance(row["file"], str) else None

    def set_cell_note(self, note: CellNote) -> None:
        """Keep the user's note on a picture; it takes the place of an earlier one."""
        with self._database.writing() as connection:
            insert(connection, "cell_note", to_row(note), replace=True)

    def cell_notes(self, grid: int) -> list[CellNote]:
        """Return the user's notes on a grid's pictures, by cell."""
        return self._database.records(CellNote, "FROM cell_note WHERE grid = ? ORDER BY cell", (grid,))

    def propose_ticks(self, grid: int, proposed: Sequence[ProposedTicks]) -> None:
        """Keep what a tagger proposes for a grid's pictures; it takes the place of all earlier proposals for the grid."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM proposed_ticks WHERE grid = ?", (grid,))
            for each in proposed:
                insert(connection, "proposed_ticks", to_row(each), replace=True)

    def proposed_ticks(self, grid: int) -> list[ProposedTicks]:
        """Return what a tagger proposes for a grid's pictures, by cell."""
        return self._database.records(ProposedTicks, "FROM proposed_ticks WHERE grid = ? ORDER BY cell", (grid,))

    def _update(self, number: int, assignments: str, values: tuple[object, ...]) -> None:
        """Write `assignments` (SQL, one `?` a value) into grid `number`.

        Raises:
            WorkspaceError: no grid has that number.
        """
        with self._database.writing() as connection:
            changed = connection.execute(f"UPDATE grid SET {assignments} WHERE number = ?", (*values, number)).rowcount
        if not changed:
            raise _no_grid(self._database, number)


def _no_grid(database: Database, number: int) -> WorkspaceError:
    return WorkspaceError(str(database.path), found=f"no grid {number}", way_out="`lora-tui grid --list` lists them")
