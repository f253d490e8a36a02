"""The queue: which bake is next, and changes to those that wait."""

import sqlite3
import time
from collections.abc import Sequence

from trainer.errors import WorkspaceError
from trainer.journal.bakes import ENDED, BakeStore, no_bake, select_bakes
from trainer.journal.before_resume import note_before_resume, restore_before_resume
from trainer.journal.database import Store
from trainer.journal.logs import write_line
from trainer.journal.orders import answer_open
from trainer.journal.records import REMOVED, Bake, BakeState

_OVERTAKEN = "the bake had already ended"


class QueueStore(Store):
    """The bakes and grids' jobs that wait."""

    def waiting(self) -> list[Bake]:
        """Return the waiting bakes of every engine, the next one first."""
        return select_bakes(self._database, "WHERE state = ? ORDER BY place, number", (BakeState.QUEUED,))

    def claim(self, engine: str, pid: int, pid_started: float, now: float | None = None) -> Bake | None:
        """Take the first waiting bake of `engine` that may start to `starting`, for one process alone, and return it; None without one.

        Held bakes, and those with `not_before` after `now` (epoch seconds, None: this moment), are passed over.
        """
        now = time.time() if now is None else now
        with self._database.writing() as connection:
            startable = select_bakes(
                self._database,
                "WHERE state = ? AND engine = ? AND NOT held AND (not_before IS NULL OR not_before <= ?) ORDER BY place, number",
                (BakeState.QUEUED, engine, now),
                most=1,
            )
            if not startable:
                return None
            number = startable[0].number
            connection.execute(
                "UPDATE bake SET state = ?, pid = ?, pid_started = ?, started = ? WHERE number = ?",
                (BakeState.STARTING, pid, pid_started, now, number),
            )
        return BakeStore(self._database).read(number)

    def requeue(self, number: int, engine: str) -> Bake:
        """Put a bake that ended or was parked at the front of the queue, for `engine` to resume, and return it.

        Orders it had not obeyed are answered: the bake had ended.

        Raises:
            WorkspaceError: no bake has that number, or it waits or runs.
        """
        with self._database.writing() as connection:
            state = self._state(connection, number)
            if state is not BakeState.PARKED and state not in ENDED:
                raise WorkspaceError(
                    str(self._database.path),
                    found=f"bake {number} is {state}",
                    expected="a bake that ended or was parked",
                    way_out="`lora-tui bakes` lists them",
                )
            note_before_resume(connection, number)
            front = connection.execute(
                "SELECT min(place) - 1 FROM bake WHERE state = ? AND typeof(place) = 'real'", (BakeState.QUEUED,)
            ).fetchone()[0]
            # Somebody wants it now: what it once waited for no longer counts. Its place is another one in any case: by that lists see
            # that it was run again.
            connection.execute(
                """
                UPDATE bake SET state = ?, engine = ?, attempt = attempt + 1, place = coalesce(?, place + 1), held = 0,
                    not_before = NULL, ended = NULL, error = '', stage = NULL, stage_done = 0, stage_total = 0
                WHERE number = ?
                """,
                (BakeState.QUEUED, engine, front, number),
            )
            answer_open(connection, number, _OVERTAKEN)
        return BakeStore(self._database).read(number)

    def move(self, number: int, before: int | None) -> None:
        """Put a waiting bake before another one, or at the end where `before` is None.

        Raises:
            WorkspaceError: one of the two does not wait, or is damaged.
        """
        with self._database.writing() as connection:
            for each in (number,) if before is None else (number, before):
                self._check_waiting(connection, each)
                BakeStore(self._database).read(each)
            waiting = self.waiting()
            if before == number:
                return
            order = [bake.number for bake in waiting if bake.number != number]
            order.insert(len(order) if before is None else order.index(before), number)
            # Places are renumbered rather than halved: halving runs out of numbers between two places.
            first = waiting[0].place
            connection.executemany(
                "UPDATE bake SET place = ? WHERE number = ?", [(first + at, each) for at, each in enumerate(order)]
            )

    def remove(self, number: int) -> None:
        """Remove a waiting bake from the queue: its state becomes stopped, or what it was before it was to be resumed.

        Raises:
            WorkspaceError: it does not wait.
        """
        with self._database.writing() as connection:
            # Under the lock: an engine may be about to claim it.
            self._check_waiting(connection, number)
            if not restore_before_resume(connection, number):
                connection.execute(
                    "UPDATE bake SET state = ?, error = ?, ended = ? WHERE number = ?",
                    (BakeState.STOPPED, REMOVED, time.time(), number),
                )

    def give_up(self, number: int, error: str) -> None:
        """Note that a bake failed: it becomes failed, or what it was before if it was to be resumed and has not continued.

        Args:
            number: the bake's.
            error: one line.

        Raises:
            WorkspaceError: no bake has that number.
        """
        with self._database.writing() as connection:
            restored = restore_before_resume(connection, number)
            if restored:
                state = self._state(connection, number)
                line = f"bake {number} could not be resumed: it is {state}, as before"
                write_line(connection, line, bake=number, level="warning")
        if not restored:
            BakeStore(self._database).set_state(number, BakeState.FAILED, error)

    def set_held(self, number: int, held: bool) -> None:
        """Hold a waiting bake back, or release it.

        Raises:
            WorkspaceError: it does not wait.
        """
        self._update_waiting(number, "held = ?", (held,))

    def change(
        self,
        number: int,
        *,
        why: str,
        settings_toml: str,
        total_steps: int,
        steps_per_epoch: int,
        planned_seconds: float | None = None,
    ) -> None:
        """Give a waiting bake other settings, the steps and the time of their plan, and another note.

        Raises:
            WorkspaceError: it does not wait.
        """
        self._update_waiting(
            number,
            "why = ?, settings_toml = ?, total_steps = ?, steps_per_epoch = ?, planned_seconds = ?",
            (why, settings_toml, total_steps, steps_per_epoch, planned_seconds),
        )

    def take_over(self, numbers: Sequence[int], engine: str) -> list[int]:
        """Give those of `numbers` that wait to `engine`, and return them."""
        with self._database.writing() as connection:
            sql = "UPDATE bake SET engine = ? WHERE number = ? AND state = ?"
            return [each for each in numbers if connection.execute(sql, (engine, each, BakeState.QUEUED)).rowcount]

    def hold_following(self, number: int) -> list[int]:
        """Hold back every bake that waits for the engine of bake `number`, and return their numbers.

        Raises:
            WorkspaceError: no bake has that number.
        """
        engine = BakeStore(self._database).read(number).engine
        # All that still wait come after it, whatever their places: one may have been moved to the front since it started.
        with self._database.writing() as connection:
            held = connection.execute(
                "UPDATE bake SET held = 1 WHERE state = ? AND engine = ? AND number <> ? AND NOT held RETURNING number",
                (BakeState.QUEUED, engine, number),
            ).fetchall()
        return sorted(row["number"] for row in held)

    def _update_waiting(self, number: int, assignments: str, values: Sequence[object]) -> None:
        with self._database.writing() as connection:
            # Under the lock: an engine may be about to claim it.
            self._check_waiting(connection, number)
            connection.execute(f"UPDATE bake SET {assignments} WHERE number = ?", (*values, number))

    def _check_waiting(self, connection: sqlite3.Connection, number: int) -> None:
        state = self._state(connection, number)
        if state is not BakeState.QUEUED:
            raise WorkspaceError(
                str(self._database.path),
                found=f"bake {number} is {state}",
                expected="a waiting bake",
                way_out="`lora-tui queue` lists them",
            )

    def _state(self, connection: sqlite3.Connection, number: int) -> BakeState:
        row = connection.execute("SELECT state FROM bake WHERE number = ?", (number,)).fetchone()
        if row is None:
            raise no_bake(str(self._database.path), number)
        try:
            return BakeState(row["state"])
        except ValueError:
            # Says what is wrong with it.
            return BakeStore(self._database).read(number).state
