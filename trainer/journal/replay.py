"""A past bake written once more into a journal of its own, as far as it was at a moment: what reads journals shows it as if it ran."""

import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from trainer.errors import LoraTuiError, WorkspaceError
from trainer.journal.bake_record import BakeRecord
from trainer.journal.bake_settings import settings_of
from trainer.journal.bakes import ENDED
from trainer.journal.curves import drop_points, write_points
from trainer.journal.database import Database
from trainer.journal.journal import Journal
from trainer.journal.measures import drop_measures
from trainer.journal.processes import this_process
from trainer.journal.records import Bake, BakeState, Checkpoint, LogLine, Mark, SavedState, Stage
from trainer.journal.results import drop_results
from trainer.journal.rows import insert, to_row
from trainer.settings.toml_file import settings_toml

REPLAY_ENGINE = "replay"
"""The key of the engine that a bake in a replay names; there is none."""

# Of a stretch in which nothing was done or logged, as between a bake that ended and its being resumed, this much is kept.
_IDLE_SECONDS = 60.0
_MAX_LINES = 100_000
# Steps that are copied in one transaction: a jump over a million must not hold the reader up.
_STEPS_AT_ONCE = 20_000


@dataclass(frozen=True)
class ReplayTimeline:
    """When a bake did what.

    Attributes:
        start, end: epoch seconds.
        moments: epoch seconds at which the number of steps done is known, rising.
        steps: that number at each, never falling: steps that were taken again after a roll-back count once.
        epochs: epoch seconds of the saved LoRAs, rising.
        idle: stretches (from, to) in which nothing happened.
    """

    start: float
    end: float
    moments: tuple[float, ...]
    steps: tuple[int, ...]
    epochs: tuple[float, ...]
    idle: tuple[tuple[float, float], ...]

    def step_at(self, seconds: float) -> int:
        """Return the steps done at a moment; between two moments that are known they are spread evenly."""
        place = bisect_right(self.moments, seconds)
        if place == 0:
            return 0
        if place == len(self.moments):
            return self.steps[-1]
        first, last = self.moments[place - 1], self.moments[place]
        share = (seconds - first) / (last - first)
        return self.steps[place - 1] + int(share * (self.steps[place] - self.steps[place - 1]))

    def without_idle(self, seconds: float) -> float:
        """Return a moment, moved to the end of the idle stretch that it is in, if it is in one."""
        return next((end for begin, end in self.idle if begin < seconds < end), seconds)

    def neighbour(self, seconds: float, by: int) -> float:
        """Return the moment of the next saved LoRA after a moment, or with a negative `by` of the one before it; the ends where there is none."""
        if by > 0:
            return next((each for each in self.epochs if each > seconds), self.end)
        # Pressed again soon it goes on back, and not to where it has just been.
        return next((each for each in reversed(self.epochs) if each < seconds - 1.0), self.start)


class BakeReplay:
    """A bake of one journal in another one, as it was at a moment. Use it in the thread that made it.

    Args:
        source: where it is; only read.
        number: of the bake.
        target: where the other journal is made, in a folder that is there.

    Raises:
        WorkspaceError: there is no such bake, it never ran, or no steps of it are known.
    """

    def __init__(self, source: Journal, number: int, target: Path) -> None:
        source.bakes.read_bake(number)
        self._record = source.records.read(number)
        self._source, self._number = source, number
        self._log = source.log.read(bake=number, limit=_MAX_LINES)
        self._last_step = max((step for step, _ in source.curves.last_values(number).values()), default=0)
        bake = self._record.bake
        if not self._last_step or bake.imported:
            raise WorkspaceError(
                f"bake {number}", found="no steps of it are in this journal", expected="a bake that ran here"
            )
        self.timeline = timeline_of(self._record, self._log, self._last_step)
        self.bake = self._at_start(source, bake)
        with Journal(target) as made:
            made.records.add(BakeRecord(bake=self.bake, note=self._record.note))
        self._database = Database(target)
        self._shown = 0
        self._logged = 0

    def show(self, seconds: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Let the other journal be what this one was at a moment, before or after the one shown.

        Args:
            seconds: the moment, epoch seconds.
            stop: asked between two pieces of a long way; once it is true the rest is left out.
        """
        step = self.timeline.step_at(seconds)
        if step < self._shown:
            self._go_back(step)
        while self._shown < step:
            if stop():
                return
            last = min(step, self._shown + _STEPS_AT_ONCE)
            self._copy_points(self._shown, last)
            self._shown = last
        self._copy_rows(seconds, step)

    def close(self) -> None:
        """Close the other journal."""
        self._database.close()

    def _at_start(self, source: Journal, bake: Bake) -> Bake:
        try:
            toml = settings_toml(settings_of(source, bake))
        except LoraTuiError:
            # Another version's.
            toml = bake.settings_toml
        # Of this process, so that nobody takes it for one whose process died.
        pid, pid_started = this_process()
        return replace(
            bake, settings_toml=toml, state=BakeState.STARTING, stage=Stage.LOAD, stage_done=0, stage_total=0, parent=None,
            error="", ended=None, engine=REPLAY_ENGINE, pid=pid, pid_started=pid_started, starts_from="", peak_vram=None,
            measured_peak_allocated=None, energy_joules=None, energy_by="", attempt=1, held=False, not_before=None,
        )  # fmt: skip

    def _go_back(self, step: int) -> None:
        with self._database.writing() as connection:
            drop_points(connection, self._number, step)
            drop_results(connection, self._number, step)
            drop_measures(connection, self._number, step)
        self._shown = step

    def _copy_points(self, after: int, last: int) -> None:
        points = self._source.curves.between(self._number, after + 1, last)
        with self._database.writing() as connection:
            for metric, of_metric in points.items():
                write_points(connection, self._number, metric, of_metric)

    def _copy_rows(self, seconds: float, step: int) -> None:
        record, number = self._record, self._number
        lines = sum(line.seconds <= seconds for line in self._log)
        with self._database.writing() as connection:
            # A few rows of one bake: written whole each time, they are right after a jump back, too.
            for table, rows in (
                ("mark", [each for each in record.marks if each.seconds <= seconds]),
                ("checkpoint", [each for each in record.checkpoints if each.seconds <= seconds and each.step <= step]),
                ("validation", [each for each in record.validations if each.step <= step]),
                ("measure", [each for each in record.measures if each.step <= self._saved_step(seconds)]),
            ):
                kept = connection.execute(f"SELECT count(*) FROM {table} WHERE bake = ?", (number,)).fetchone()[0]
                if kept == len(rows):
                    continue
                connection.execute(f"DELETE FROM {table} WHERE bake = ?", (number,))
                for row in rows:
                    insert(connection, table, {**to_row(row), "bake": number}, replace=True)
            if lines < self._logged:
                connection.execute("DELETE FROM log WHERE bake = ?", (number,))
                self._logged = 0
            for line in self._log[self._logged : lines]:
                insert(connection, "log", {name: value for name, value in to_row(line).items() if name != "id"})
            self._logged = lines
            self._write_state(connection, seconds, step)

    def _saved_step(self, seconds: float) -> int:
        """Return the step of the newest LoRA of a moment: it is measured right after."""
        return max((each.step for each in self._record.checkpoints if each.seconds <= seconds), default=-1)

    def _write_state(self, connection: sqlite3.Connection, seconds: float, step: int) -> None:
        bake = self._record.bake
        ended = seconds >= self.timeline.end and bake.state in (*ENDED, BakeState.PARKED)
        values: tuple[object, ...]
        if ended:
            values = (bake.state, bake.stage, bake.stage_done, bake.stage_total, bake.error, bake.ended, bake.peak_vram)
        else:
            began = seconds >= self.timeline.moments[0]
            state, stage = (BakeState.BAKING, Stage.STEP) if began else (BakeState.STARTING, Stage.LOAD)
            values = (state, stage, step if began else 0, bake.total_steps if began else 0, "", None, None)
        connection.execute(
            "UPDATE bake SET state = ?, stage = ?, stage_done = ?, stage_total = ?, error = ?, ended = ?, peak_vram = ? WHERE number = ?",
            (*values, self._number),
        )


def timeline_of(record: BakeRecord, log: Sequence[LogLine], last_step: int) -> ReplayTimeline:
    """Return when a bake did what, from the times of its saved LoRAs, states and marks.

    Args:
        record: of the bake.
        log: its lines.
        last_step: the last step that its curves know.
    """
    bake = record.bake
    saved: tuple[Checkpoint | SavedState | Mark, ...] = (*record.checkpoints, *record.states, *record.marks)
    known = sorted({(each.seconds, min(each.step, last_step)) for each in saved})
    times = [seconds for seconds, _ in known] + [line.seconds for line in log]
    start = bake.started if bake.started is not None else min(times, default=bake.created)
    # The time of a later attempt's preparation, where there were several: no step can be later than a file that has it.
    first = min([start + (bake.setup_seconds or 0.0), *(seconds for seconds, step in known if step)])
    end = max([start + 1.0, *times, *([] if bake.ended is None else [bake.ended])])
    moments, steps = [max(start, first)], [0]
    for seconds, step in [*known, (end, last_step)]:
        if seconds > moments[-1]:
            moments.append(seconds)
            steps.append(max(step, steps[-1]))
        else:
            steps[-1] = max(step, steps[-1])
    happened = sorted({start, end, *moments, *(each for each in times if start <= each <= end)})
    return ReplayTimeline(
        start=start,
        end=end,
        moments=tuple(moments),
        steps=tuple(steps),
        epochs=tuple(sorted({each.seconds for each in record.checkpoints if start <= each.seconds <= end})),
        idle=tuple(_idle(happened, moments, steps)),
    )


def _idle(happened: Sequence[float], moments: Sequence[float], steps: Sequence[int]) -> Iterator[tuple[float, float]]:
    for begin, end in pairwise(happened):
        place = bisect_right(moments, begin)
        moving = 0 < place < len(moments) and steps[place] > steps[place - 1]
        if not moving and end - begin > _IDLE_SECONDS:
            yield begin + _IDLE_SECONDS, end
