"""Digest of what happened since the user last looked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite

from trainer.journal.bakes import select_bakes
from trainer.journal.curves import CurveStore
from trainer.journal.database import Store
from trainer.journal.pace import pace_line
from trainer.journal.queue import QueueStore
from trainer.journal.records import REMOVED, Bake, BakeState, LogLine, Mark, MarkKind
from trainer.journal.rows import number_or_nan
from trainer.text import duration, plural

# A screenful; a bake that warns at every step must not fill the memory.
_MAX_WARNINGS = 200
# Half a minute more than planned is not worth a line, however short the plan.
_LATE_SECONDS = 30.0


@dataclass(frozen=True)
class Digest:
    """What happened since the user last looked. Texts are as they were written: show them through `text.printable`.

    Attributes:
        since: epoch seconds.
        done, stopped, failed, lost: bakes and grids' jobs that came to that end since, the first to end first.
        withdrawn: those removed from the queue since, before they started.
        live, waiting: bakes and grids' jobs running, and in the queue, now.
        skipped: bake -> steps skipped since because their gradients were not finite.
        warnings: the last lines of that level since.
        surprises: what did not go as planned, one line each.
    """

    since: float
    done: tuple[Bake, ...]
    stopped: tuple[Bake, ...]
    failed: tuple[Bake, ...]
    lost: tuple[Bake, ...]
    withdrawn: tuple[Bake, ...]
    live: tuple[Bake, ...]
    waiting: tuple[Bake, ...]
    skipped: Mapping[int, int]
    warnings: tuple[LogLine, ...]
    surprises: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing ended and nothing unusual happened; what merely continues, or was withdrawn, is not news."""
        return not (self.done or self.stopped or self.failed or self.lost or self.warnings or self.surprises)


class DigestStore(Store):
    """Summaries of what happened since the user last looked."""

    def read(self, since: float, planned_files: Callable[[Bake, int], int | None] = lambda bake, after: None) -> Digest:
        """Return what happened since `since` (epoch seconds).

        Args:
            planned_files: how many LoRAs a bake was to save after a step, None if unknown (see plan.saves.planned_files).
        """
        ended = select_bakes(self._database, "WHERE ended > ? ORDER BY ended, number", (since,))
        live = [state for state in BakeState if state.live]
        skipped = self._count_marks(MarkKind.SKIP, since)
        return Digest(
            since=since,
            done=_in_state(ended, BakeState.DONE),
            stopped=tuple(bake for bake in _in_state(ended, BakeState.STOPPED) if not bake.withdrawn),
            failed=_in_state(ended, BakeState.FAILED),
            lost=_in_state(ended, BakeState.LOST),
            withdrawn=tuple(bake for bake in ended if bake.withdrawn),
            live=tuple(
                select_bakes(self._database, f"WHERE state IN ({', '.join('?' * len(live))}) ORDER BY number", live)
            ),
            waiting=tuple(QueueStore(self._database).waiting()),
            skipped=skipped,
            warnings=self._warnings(since),
            surprises=(
                *(line for bake in ended for line in self._end_surprises(bake, planned_files)),
                *(
                    f"bake {bake} skipped {plural(count, 'step')}: the gradient was NaN or infinite"
                    for bake, count in skipped.items()
                ),
                *(
                    f"bake {bake} rolled back to an earlier state" + (f" {count} times" if count > 1 else "")
                    for bake, count in self._count_marks(MarkKind.ROLL_BACK, since).items()
                ),
            ),
        )

    def last_viewed(self) -> float | None:
        """Return when somebody last looked (epoch seconds), None if nobody has."""
        row = self._database.row("SELECT seconds FROM looked")
        seconds = None if row is None else number_or_nan(row["seconds"])
        return seconds if seconds is not None and isfinite(seconds) else None

    def set_last_viewed(self, seconds: float) -> None:
        """Note that somebody looked at `seconds` (epoch); the latest time is kept."""
        with self._database.writing() as connection:
            # Of two screens, the one that closes last may have been left first.
            connection.execute(
                "INSERT INTO looked (id, seconds) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET seconds = max(seconds, excluded.seconds)",
                (seconds,),
            )

    def _end_surprises(self, bake: Bake, planned_files: Callable[[Bake, int], int | None]) -> list[str]:
        """Return what was not as planned in a bake that ended."""
        name = f"bake {bake.number} {bake.name}" if bake.grid is None else f"grid {bake.grid} {bake.name}"
        lines = []
        if bake.error and bake.error != REMOVED:
            lines.append(f"{name} {bake.state}: {bake.error}")
        if bake.started is None:
            return lines
        if bake.ended is not None and bake.planned_seconds is not None:
            took = bake.ended - bake.started
            if took > max(2 * bake.planned_seconds, bake.planned_seconds + _LATE_SECONDS):
                lines.append(f"{name} took {duration(took)}, planned: {duration(bake.planned_seconds)}")
        if pace := pace_line(CurveStore(self._database), bake):
            lines.append(f"{name}: {pace}")
        start = self._first_step(bake)
        planned = planned_files(bake, start) if bake.grid is None and start is not None else None
        saved = self._database.rows("SELECT count(*) FROM checkpoint WHERE bake = ?", (bake.number,))[0][0]
        if planned is not None and saved < planned:
            lines.append(f"{name} saved {saved} of {plural(planned, 'LoRA file')}")
        return lines

    def _first_step(self, bake: Bake) -> int | None:
        """Return the step after which a bake started: a fork's state's; None where a fork ended before it had read that."""
        if not bake.starts_from:
            return 0
        first = "FROM mark WHERE bake = ? AND kind = ? ORDER BY id"
        found = self._database.records(Mark, first, (bake.number, MarkKind.RESUME), most=1)
        return found[0].step if found else None

    def _count_marks(self, kind: MarkKind, since: float) -> dict[int, int]:
        """Return how many marks of a kind each bake got since."""
        found = self._database.rows(
            "SELECT bake, count(*) AS times FROM mark WHERE kind = ? AND seconds > ? GROUP BY bake ORDER BY bake",
            (kind, since),
        )
        return {row["bake"]: row["times"] for row in found}

    def _warnings(self, since: float) -> tuple[LogLine, ...]:
        found = self._database.records(
            LogLine, "FROM log WHERE level = 'warning' AND seconds > ? ORDER BY id DESC LIMIT ?", (since, _MAX_WARNINGS)
        )
        return tuple(found[::-1])


def _in_state(bakes: list[Bake], state: BakeState) -> tuple[Bake, ...]:
    return tuple(bake for bake in bakes if bake.state is state)
