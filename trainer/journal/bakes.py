"""The table of bakes and grids' jobs."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from trainer.errors import WorkspaceError
from trainer.journal.before_resume import forget_before_resume
from trainer.journal.database import Database, Store
from trainer.journal.grids import GridStore
from trainer.journal.logs import write_line
from trainer.journal.processes import process_alive
from trainer.journal.records import REMOVED, Bake, BakeState, NewBake, Stage
from trainer.journal.rows import insert, to_row
from trainer.machine.engines import works_elsewhere

_LIVE = tuple(state for state in BakeState if state.live)
ENDED = (BakeState.DONE, BakeState.STOPPED, BakeState.FAILED, BakeState.LOST)
"""States that nothing leaves by itself; only these have a time of end."""

_LOST = "its process died"
# As Bake.withdrawn and Bake.ran.
_WITHDRAWN = f"(state = '{BakeState.STOPPED}' AND started IS NULL AND error = '{REMOVED}')"
_RAN = f"(started IS NOT NULL OR (state <> '{BakeState.QUEUED}' AND NOT {_WITHDRAWN}))"


class BakeStore(Store):
    """The bakes and grids' jobs of a journal."""

    def add(self, new: NewBake, *, least_number: int = 1) -> Bake:
        """Queue a bake or a grid's job at the end of the queue and return it; its folder is not made.

        Args:
            new: what is queued.
            least_number: its number is the next one, this or above.
        """
        with self._database.writing() as connection:
            # Any value may stand in a damaged row: a text would be the highest place.
            place = connection.execute(
                "SELECT coalesce(max(place) FILTER (WHERE typeof(place) = 'real'), 0) FROM bake"
            ).fetchone()[0]
            number = next_number(connection, least_number)
            folder = bake_folder_name(number, new.name)
            if new.grid is not None:
                # A grid's job has no folder of its own.
                folder = GridStore(self._database).read(new.grid).folder
            queued = Bake(
                **asdict(new),
                number=number,
                folder=folder,
                state=BakeState.QUEUED,
                created=time.time(),
                place=place + 1,
            )
            insert(connection, "bake", to_row(queued))
        return queued

    def read(self, number: int) -> Bake:
        """Return bake `number`.

        Raises:
            WorkspaceError: no bake has that number, or its row is damaged.
        """
        found = self._database.record(Bake, "FROM bake WHERE number = ?", (number,))
        if found is None:
            raise no_bake(str(self._database.path), number)
        return found

    def read_bake(self, number: int) -> Bake:
        """Return bake `number`.

        Raises:
            WorkspaceError: as read, or the number is that of a grid's job.
        """
        found = self.read(number)
        if found.grid is not None:
            raise WorkspaceError(f"job {number}", found=f"it makes grid {found.grid}", expected="a bake")
        return found

    def find(self, number: int) -> Bake | None:
        """Return bake `number`, None where there is none or its row is damaged."""
        return next(iter(select_bakes(self._database, "WHERE number = ?", (number,))), None)

    def latest(self, limit: int = 200) -> list[Bake]:
        """Return the last `limit` bakes and grids' jobs, newest first."""
        return select_bakes(self._database, "ORDER BY number DESC", (), most=limit)

    def last_that_ran(self) -> Bake | None:
        """Return the bake that was started last, running or ended; None where none ever started. Never a grid's job or an imported one."""
        newest = "ORDER BY coalesce(started, created) DESC, number DESC"
        return next(
            iter(select_bakes(self._database, f"WHERE grid IS NULL AND NOT imported AND {_RAN} {newest}", (), most=1)),
            None,
        )

    def neighbour(self, number: int, by: int) -> Bake | None:
        """Return the next bake above `number`, or with a negative `by` below it; None at the end. Neither grids' jobs nor withdrawn ones count."""
        side, order = (">", "ASC") if by > 0 else ("<", "DESC")
        which = f"WHERE number {side} ? AND grid IS NULL AND NOT {_WITHDRAWN} ORDER BY number {order}"
        return next(iter(select_bakes(self._database, which, (number,), most=1)), None)

    def set_state(self, number: int, state: BakeState, error: str = "") -> None:
        """Set the state and the line of error; the times of the first start and of the end are kept here."""
        now = time.time()
        with self._database.writing() as connection:
            # `started` is kept once set; `ended` falls when a bake comes back to life.
            changed = connection.execute(
                "UPDATE bake SET state = ?, error = ?, started = coalesce(started, ?), ended = ? WHERE number = ?",
                (state, error, now if state.live else None, now if state in ENDED else None, number),
            ).rowcount
            if state not in (BakeState.QUEUED, BakeState.STARTING):
                forget_before_resume(connection, number)
        if not changed:
            raise no_bake(str(self._database.path), number)

    def set_stage(self, number: int, stage: Stage, done: int = 0, total: int = 0) -> None:
        """Set the stage the bake is in, and how far it is in the stage's own count."""
        self._update(number, "stage = ?, stage_done = ?, stage_total = ?", (stage, done, total))

    def set_plan(self, number: int, total_steps: int, steps_per_epoch: int) -> None:
        """Set the optimizer steps of the plan in force."""
        self._update(number, "total_steps = ?, steps_per_epoch = ?", (total_steps, steps_per_epoch))

    def fix_steps(
        self, number: int, *, settings_toml: str, total_steps: int, asked_minutes: float, step_seconds: float
    ) -> None:
        """Note the steps that fit into the minutes asked for, once and for all.

        Args:
            number: the bake's.
            settings_toml: the settings with that number in place of the minutes.
            total_steps: that number.
            asked_minutes: the minutes.
            step_seconds: the seconds per step that it was worked out with.
        """
        self._update(
            number,
            "settings_toml = ?, total_steps = ?, asked_minutes = ?, expected_step_seconds = ?, planned_seconds = ?",
            (settings_toml, total_steps, asked_minutes, step_seconds, 60 * asked_minutes),
        )

    def set_setup_seconds(self, number: int, seconds: float) -> None:
        """Note how long a bake took from its start to its first step."""
        self._update(number, "setup_seconds = ?", (seconds,))

    def set_settings(self, number: int, settings_toml: str) -> None:
        """Set the settings, as a workspace keeps them."""
        self._update(number, "settings_toml = ?", (settings_toml,))

    def set_device(self, number: int, device: str) -> None:
        """Set the key of the card the bake runs on, `cpu` without one."""
        self._update(number, "device = ?", (device,))

    def set_peak(self, number: int, peak: int) -> None:
        """Note memory of the card taken by us, in bytes; the highest value is kept."""
        self._update(number, "peak_vram = max(coalesce(peak_vram, 0), ?)", (peak,))

    def set_peak_allocated(self, number: int, peak: int) -> None:
        """Note the bytes held at the fullest moment; the highest value is kept."""
        self._update(number, "measured_peak_allocated = max(coalesce(measured_peak_allocated, 0), ?)", (peak,))

    def add_energy(self, number: int, joules: float, by: str) -> None:
        """Add to the energy that its GPU took, in joules; of two ways of knowing it the one other than `counter` is kept."""
        self._update(
            number,
            "energy_joules = coalesce(energy_joules, 0) + ?, energy_by = CASE WHEN energy_by IN ('', 'counter') THEN ? ELSE energy_by END",
            (joules, by),
        )

    def set_predicted_peak(self, number: int, peak: int, parts_json: str) -> None:
        """Set what was predicted for it: bytes that the allocator takes, and the peak by part as JSON."""
        self._update(number, "predicted_peak = ?, predicted_peak_parts = ?", (peak, parts_json))

    def mark_lost(self, alive: Callable[[int, float], bool] = process_alive) -> list[int]:
        """Mark live bakes whose process is gone as lost, their grids as cut, and return their numbers; queued ones stay.

        In a copy of a workspace the bakes that run in the original are lost. In a journal that cannot be written nothing is
        marked: its bakes may run on another computer. Nor is on a full disk, where whoever looks next does it.

        Args:
            alive: whether the process of this pid and start (epoch seconds) still runs.
        """
        if self._database.read_only:
            return []
        try:
            return self._mark_those_gone(alive)
        except WorkspaceError as error:
            if not error.full:
                raise
            return []

    def is_orphan(self, bake: Bake) -> bool:
        """Return whether the journal says that a bake runs although its process is gone: nobody has marked it as lost yet.

        Of a journal that cannot be written it is never said: its bakes may run on another computer.
        """
        if self._database.read_only or not bake.state.live or bake.pid is None:
            return False
        return not _runs(bake, process_alive) or works_elsewhere(bake.pid, self._database.path.parent)

    def _update(self, number: int, assignments: str, values: tuple[object, ...]) -> None:
        """Write `assignments` (SQL, one `?` a value) into bake `number`.

        Raises:
            WorkspaceError: no bake has that number.
        """
        with self._database.writing() as connection:
            changed = connection.execute(f"UPDATE bake SET {assignments} WHERE number = ?", (*values, number)).rowcount
        if not changed:
            raise no_bake(str(self._database.path), number)

    def _mark_those_gone(self, alive: Callable[[int, float], bool]) -> list[int]:
        marks = ", ".join("?" for _ in _LIVE)
        live = select_bakes(self._database, f"WHERE state IN ({marks}) ORDER BY number", _LIVE)
        root = self._database.path.parent
        gone = [bake for bake in live if not _runs(bake, alive) or works_elsewhere(bake.pid, root)]
        lost = [bake.number for bake in gone if self._mark_lost(bake.number, bake.pid)]
        if lost:
            GridStore(self._database).cut(lost)
        return lost

    def _mark_lost(self, number: int, pid: int | None) -> bool:
        marks = ", ".join("?" for _ in _LIVE)
        with self._database.writing() as connection:
            # Checked again under the lock: the bake may have ended, or another program may have marked it, since it was read.
            changed = connection.execute(
                f"UPDATE bake SET state = ?, error = ?, ended = ? WHERE number = ? AND pid IS ? AND state IN ({marks})",
                (BakeState.LOST, _LOST, time.time(), number, pid, *_LIVE),
            ).rowcount
            if changed:
                forget_before_resume(connection, number)
                write_line(connection, f"bake {number} is lost: {_LOST}", bake=number, level="error")
        return bool(changed)


def _runs(bake: Bake, alive: Callable[[int, float], bool]) -> bool:
    return bake.pid is not None and bake.pid_started is not None and alive(bake.pid, bake.pid_started)


def select_bakes(database: Database, which: str, values: Sequence[object], *, most: int | None = None) -> list[Bake]:
    """Return the bakes that `which` (SQL from WHERE on) chooses, the first `most` of them."""
    return database.records(Bake, f"FROM bake {which}", values, most=most)


def next_number(connection: sqlite3.Connection, least: int) -> int:
    """Return the number of the next bake, `least` or above, inside the caller's transaction."""
    # In a damaged row may stand the last number, above which is none.
    highest = connection.execute("SELECT coalesce(max(number) FILTER (WHERE number < 1e9), 0) FROM bake").fetchone()[0]
    return max(int(highest) + 1, least)


def bake_folder_name(number: int, name: str) -> str:
    """Return the folder of a bake, relative to the workspace."""
    return f"bakes/{number:04d}-{name}"


def no_bake(journal: str, number: int) -> WorkspaceError:
    """Return the error for a number that no bake has."""
    return WorkspaceError(journal, found=f"no bake {number}", way_out="`lora-tui bakes` lists them")
