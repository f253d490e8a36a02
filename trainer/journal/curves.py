"""Metrics of bakes by step, in a pyramid of resolutions: a curve of a million steps costs a screen two values a column.

Level 0 (table `point`) has one row a step. Level k (table `block`) has one row per 4^k steps with the lowest, the highest and the
mean value of the steps in it, so that a spike of one step is seen at every level. NaN values count in no block.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from statistics import fmean, median

from trainer.journal.database import Store
from trainer.journal.records import BakeState, Curve, MarkKind
from trainer.journal.rows import number_or_nan

FANOUT = 4
"""Steps of level k in one block of level k + 1."""

LEVELS = 10
"""Blocks of the highest level hold 4^10, a million, steps."""

SPEED_METRIC = "seconds_per_step"
"""The metric that bakes report their speed under."""

WARM_UP_STEPS = 3
"""Steps whose seconds say little: they compile, allocate and find the fastest kernels."""

_SPEED_COLUMNS = 500
_MAX_SPEED_BAKES = 200
# A step that took longer than this times the median waited for something else: a computer that slept, a disk.
_OUTLIER = 4.0

# A damaged step may be a text, which is above every number; so the index still gives the ends at once.
_IS_STEP = f"step BETWEEN 0 AND {2**63 - 1}"

_POINTS_TO_BLOCKS = """
    INSERT OR REPLACE INTO block (series, level, step, low, high, total, count)
    SELECT series, 1, step / ? * ? AS start, min(value), max(value), sum(value), count(value)
    FROM point WHERE series IN ({series}) AND step BETWEEN ? AND ? GROUP BY series, start
"""
_BLOCKS_TO_BLOCKS = """
    INSERT OR REPLACE INTO block (series, level, step, low, high, total, count)
    SELECT series, level + 1, step / ? * ? AS start, min(low), max(high), sum(total), sum(count)
    FROM block WHERE series IN ({series}) AND level = ? AND step BETWEEN ? AND ? GROUP BY series, level, start
"""


@dataclass(frozen=True)
class MeasuredSpeed:
    """The speed of one bake.

    Attributes:
        seconds: of a step, their mean.
        steps: that it is the mean of.
        bake: its number.
        ended: when it ended, epoch seconds; None for one recovered without.
        setup_seconds: what it took from its start to its first step; None where that was not noted.
        device: key of the GPU it ran on, `cpu` without one, "" where unknown.
        between_seconds: what saving, validation and sample pictures took, shared out among the steps; None where that is not known,
            because it was paused, resumed or given other orders, or measured its speed itself.
    """

    seconds: float
    steps: int
    bake: int
    ended: float | None = None
    setup_seconds: float | None = None
    device: str = ""
    between_seconds: float | None = None


def mean_step_seconds(seconds: Sequence[float]) -> float | None:
    """Return the mean of the seconds of steps in their order, without the first ones and without outliers; None without a number.

    The mean and not the median: where buckets differ in size, a bake is as long as all its steps.
    """
    finite = [value for value in seconds if isfinite(value)]
    kept = finite[min(WARM_UP_STEPS, len(finite) // 2) :]
    if not kept:
        return None
    most = _OUTLIER * median(kept)
    return fmean(value for value in kept if value <= most)


def write_points(connection: sqlite3.Connection, bake: int, metric: str, points: Sequence[tuple[int, float]]) -> None:
    """Write (step, value) pairs of one metric and update the blocks above them, inside the caller's transaction."""
    write_series(connection, bake, {metric: points})


def write_series(connection: sqlite3.Connection, bake: int, metrics: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    """Write (step, value) pairs by metric and update the blocks above them, inside the caller's transaction.

    Blocks are recomputed from the level below, so points may come in any order, repeatedly, or from a second writer. It is done
    for all metrics at once: a bake writes a dozen three times a second.
    """
    series: list[int] = []
    for metric, points in metrics.items():
        if points:
            connection.execute("INSERT OR IGNORE INTO series (bake, metric) VALUES (?, ?)", (bake, metric))
            found = connection.execute("SELECT id FROM series WHERE bake = ? AND metric = ?", (bake, metric)).fetchone()
            series.append(found[0])
            connection.executemany(
                "INSERT OR REPLACE INTO point (series, step, value) VALUES (?, ?, ?)",
                [(found[0], step, value) for step, value in points],
            )
    if series:
        steps = [step for points in metrics.values() for step, _ in points]
        recompute_blocks(connection, series, min(steps), max(steps))


def recompute_blocks(connection: sqlite3.Connection, series: Sequence[int], first: int, last: int) -> None:
    """Recompute the blocks of these series over the steps from `first` to `last`, inside the caller's transaction."""
    marks = ", ".join("?" * len(series))
    for level in range(1, LEVELS + 1):
        width = FANOUT**level
        start, end = first // width * width, last // width * width + width - 1
        if level == 1:
            connection.execute(_POINTS_TO_BLOCKS.format(series=marks), (width, width, *series, start, end))
        else:
            of = (width, width, *series, level - 1, start, end)
            connection.execute(_BLOCKS_TO_BLOCKS.format(series=marks), of)


def drop_points(connection: sqlite3.Connection, bake: int, step: int) -> None:
    """Delete every metric's values of the steps above `step` and recompute the blocks they were in, inside the caller's transaction."""
    for row in connection.execute("SELECT id FROM series WHERE bake = ?", (bake,)).fetchall():
        series = row["id"]
        connection.execute("DELETE FROM point WHERE series = ? AND step > ?", (series, step))
        for level in range(1, LEVELS + 1):
            # The block of `step` itself too: it may have held steps above, and maybe none is left to compute it from.
            start = step // FANOUT**level * FANOUT**level
            connection.execute("DELETE FROM block WHERE series = ? AND level = ? AND step >= ?", (series, level, start))
        recompute_blocks(connection, [series], step, step)


class CurveStore(Store):
    """The metrics of bakes, by step."""

    def read(self, bake: int, metric: str, columns: int, first: int | None = None, last: int | None = None) -> Curve:
        """Return one metric between two steps (None: its ends) from the lowest level that has at most two entries a column.

        Args:
            bake: its number.
            metric: `loss`, `lr_unet`, `lr_text_encoder`, `grad_norm`, `seconds_per_step` …; one never written gives an empty curve.
            columns: width of the drawing; half of it is the least number of entries where there are enough steps.
            first: the first step wanted.
            last: the last step wanted.
        """
        row = self._database.row("SELECT id FROM series WHERE bake = ? AND metric = ?", (bake, metric))
        if row is None:
            return _curve((), 0, 0)
        series = row["id"]
        ends = self._database.rows(
            f"""
            SELECT (SELECT min(step) FROM point WHERE series = ? AND {_IS_STEP}) AS lowest,
                (SELECT max(step) FROM point WHERE series = ? AND {_IS_STEP}) AS highest
            """,
            (series, series),
        )[0]
        lowest, highest = ends["lowest"], ends["highest"]
        if lowest is None:
            return _curve((), 0, 0)
        start = lowest if first is None else max(first, lowest)
        end = highest if last is None else min(last, highest)
        if start > end:
            return _curve((), 0, 0)
        level = _level_for(start, end, entries=2 * max(1, columns))
        if level == 0:
            found = self._database.rows(
                "SELECT step, value AS low, value AS high, value AS mean FROM point WHERE series = ? AND step BETWEEN ? AND ? ORDER BY step",
                (series, start, end),
            )
        else:
            found = self._database.rows(
                """
                SELECT step, low, high, total / nullif(count, 0) AS mean FROM block
                WHERE series = ? AND level = ? AND step BETWEEN ? AND ? ORDER BY step
                """,
                (series, level, start // FANOUT**level * FANOUT**level, end),
            )
        return _curve(found, level, lowest)

    def extents(self, bake: int) -> dict[str, tuple[int, int]]:
        """Return each metric's first and last step; one without a step is left out."""
        found = self._database.rows(
            f"""
            SELECT metric, (SELECT min(step) FROM point WHERE series = id AND {_IS_STEP}) AS lowest,
                (SELECT max(step) FROM point WHERE series = id AND {_IS_STEP}) AS highest
            FROM series WHERE bake = ? AND typeof(metric) = 'text' ORDER BY metric
            """,
            (bake,),
        )
        return {row["metric"]: (row["lowest"], row["highest"]) for row in found if row["lowest"] is not None}

    def at(self, bake: int, metrics: Sequence[str], step: int) -> dict[str, tuple[int, float]]:
        """Return the last (step, value) of each of these metrics at or before `step`; one without any is left out."""
        found: dict[str, tuple[int, float]] = {}
        for metric in metrics:
            row = self._database.row(
                f"""
                SELECT step, value FROM point WHERE series = (SELECT id FROM series WHERE bake = ? AND metric = ?)
                    AND {_IS_STEP} AND step <= ? ORDER BY step DESC LIMIT 1
                """,
                (bake, metric, step),
            )
            if row is not None:
                found[metric] = (row["step"], number_or_nan(row["value"]))
        return found

    def columns(self, bake: int) -> dict[str, list[float]]:
        """Return every metric of a bake by step, nan where a step has no value; for a lost metrics.npz."""
        found = self._database.rows(
            f"""
            SELECT metric, step, value FROM series JOIN point ON point.series = series.id
            WHERE bake = ? AND {_IS_STEP} AND typeof(metric) = 'text' ORDER BY step
            """,
            (bake,),
        )
        steps = sorted({row["step"] for row in found})
        places = {step: place for place, step in enumerate(steps)}
        columns = {"step": [float(step) for step in steps]}
        for row in found:
            values = columns.setdefault(row["metric"], [nan] * len(steps))
            values[places[row["step"]]] = number_or_nan(row["value"])
        return columns if steps else {}

    def after(self, bake: int, step: int) -> dict[str, tuple[tuple[int, float], ...]]:
        """Return the (step, value) pairs of every metric above `step`, in order; nan where a step has no value."""
        return self.between(bake, step + 1, 2**63 - 1)

    def between(self, bake: int, first: int, last: int) -> dict[str, tuple[tuple[int, float], ...]]:
        """Return the (step, value) pairs of every metric from one step to another, in order; nan where a step has no value."""
        found = self._database.rows(
            f"""
            SELECT metric, step, value FROM series JOIN point ON point.series = series.id
            WHERE bake = ? AND step BETWEEN ? AND ? AND {_IS_STEP} AND typeof(metric) = 'text' ORDER BY step
            """,
            (bake, first, last),
        )
        points: dict[str, list[tuple[int, float]]] = {}
        for row in found:
            points.setdefault(row["metric"], []).append((row["step"], number_or_nan(row["value"])))
        return {metric: tuple(values) for metric, values in points.items()}

    def last_values(self, bake: int) -> dict[str, tuple[int, float]]:
        """Return each metric's last (step, value)."""
        names = self._database.rows("SELECT id, metric FROM series WHERE bake = ? ORDER BY metric", (bake,))
        last: dict[str, tuple[int, float]] = {}
        for name in names:
            row = self._database.row(
                f"SELECT step, value FROM point WHERE series = ? AND {_IS_STEP} ORDER BY step DESC LIMIT 1",
                (name["id"],),
            )
            if row is not None and isinstance(name["metric"], str):
                last[name["metric"]] = (row["step"], number_or_nan(row["value"]))
        return last

    def add(self, bake: int, metric: str, points: Sequence[tuple[int, float]]) -> None:
        """Write one metric's (step, value) pairs; a running bake writes through a MetricWriter instead."""
        with self._database.writing() as connection:
            write_points(connection, bake, metric, points)

    def measured_speed(
        self, settings_like: Callable[[str], bool], device_like: Callable[[str], bool] = lambda device: True
    ) -> MeasuredSpeed | None:
        """Return the speed of the newest bake that ended well, was measured, and whose settings and GPU fit; None without one.

        Args:
            settings_like: whether a bake's settings (TOML text) are near enough for its speed to hold.
            device_like: whether the key of the GPU it ran on is.
        """
        ended = self._database.rows(
            "SELECT number, settings_toml, device, started, ended, setup_seconds, attempt, asked_minutes, EXISTS (SELECT 1 FROM mark "
            f"WHERE mark.bake = bake.number AND kind = '{MarkKind.ORDER}') AS ordered FROM bake WHERE state IN (?, ?) AND grid IS NULL "
            "ORDER BY number DESC LIMIT ?",
            (BakeState.DONE, BakeState.STOPPED, _MAX_SPEED_BAKES),
        )
        for bake in ended:
            device = bake["device"] if isinstance(bake["device"], str) else ""
            if not (
                isinstance(bake["settings_toml"], str) and device_like(device) and settings_like(bake["settings_toml"])
            ):
                continue
            # Drawing resolution is enough for a mean, and bounds what a long bake costs.
            curve = self.read(bake["number"], SPEED_METRIC, _SPEED_COLUMNS)
            seconds = mean_step_seconds(curve.mean)
            if seconds is not None and seconds > 0:
                steps = len(curve.mean) * FANOUT**curve.level
                return MeasuredSpeed(
                    seconds,
                    steps,
                    bake["number"],
                    _number(bake["ended"]),
                    _number(bake["setup_seconds"]),
                    device,
                    _between(bake, curve),
                )
        return None


def _between(bake: sqlite3.Row, curve: Curve) -> float | None:
    """Return the seconds per step that a bake spent on other things than steps, None where its row does not tell."""
    started, ended, setup = (_number(bake[name]) for name in ("started", "ended", "setup_seconds"))
    alone = bake["attempt"] == 1 and not bake["ordered"] and bake["asked_minutes"] is None
    means = [value for value in curve.mean if isfinite(value)]
    if started is None or ended is None or setup is None or not alone or not means:
        return None
    first, last = curve.steps[0], curve.steps[-1] + FANOUT**curve.level - 1
    steps = last - first + 1
    return float(max(0.0, ended - started - setup - fmean(means) * steps) / steps)


def _number(value: object) -> float | None:
    """Return a number of a row, None where there is none."""
    return float(value) if isinstance(value, int | float) and isfinite(value) and value >= 0 else None


def _level_for(first: int, last: int, *, entries: int) -> int:
    level = 0
    while level < LEVELS and last // FANOUT**level - first // FANOUT**level + 1 > entries:
        level += 1
    return level


def _curve(rows: Iterable[sqlite3.Row], level: int, lowest: int) -> Curve:
    found = list(rows)
    return Curve(
        # The first block starts at a multiple of its width, maybe before the first step there is.
        steps=[max(row["step"], lowest) for row in found],
        low=[number_or_nan(row["low"]) for row in found],
        high=[number_or_nan(row["high"]) for row in found],
        mean=[number_or_nan(row["mean"]) for row in found],
        level=level,
    )
