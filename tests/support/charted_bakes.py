"""Journals with bakes whose curves are known to the last step."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.journal.curves import recompute_blocks
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import BakeState, Checkpoint, Mark, MarkKind, NewBake

STEPS, PER_EPOCH = 240, 40


def loss_at(step: int) -> float:
    """The training loss of a step."""
    return 0.1 + 0.05 * math.sin(step) + 0.1 / step


def charted_bake(
    path: Path,
    *,
    steps: int = STEPS,
    name: str = "hifumi",
    state: BakeState = BakeState.DONE,
    total: int | None = None,
    metrics: Mapping[str, Sequence[tuple[int, float]]] | None = None,
) -> int:
    """Add a bake with every kind of curve and mark to the journal at `path`, and return its number.

    Args:
        path: the journal's file.
        steps: taken.
        name: of the bake.
        state: of the bake.
        total: steps that it is to have, None for those taken.
        metrics: in place of its own numbers of the steps.
    """
    with Journal(path) as journal:
        number = journal.bakes.add(
            NewBake(
                name=name, why="", settings_toml="", engine="e", total_steps=total or steps, steps_per_epoch=PER_EPOCH
            )
        ).number
        if state is not BakeState.QUEUED:
            journal.bakes.set_state(number, BakeState.BAKING)
        own = {
            "loss": [(step, loss_at(step)) for step in range(1, steps + 1)],
            "lr_unet": [(step, 2e-4 * min(1.0, step / 20)) for step in range(1, steps + 1)],
            "lr_text_encoder": [(step, 1e-4 * min(1.0, step / 20)) for step in range(1, steps + 1)],
            "grad_norm": [(step, 2.0 / step) for step in range(1, steps + 1)],
            "seconds_per_step": [(step, 0.25) for step in range(1, steps + 1)],
            "seconds_forward": [(step, 0.1) for step in range(1, steps + 1)],
        }
        for metric, points in (own if metrics is None else metrics).items():
            journal.curves.add(number, metric, points)
        if metrics is None:
            _results(journal, number, steps)
        if state not in (BakeState.QUEUED, BakeState.BAKING):
            journal.bakes.set_state(number, state)
    return number


def _results(journal: Journal, number: int, steps: int) -> None:
    journal.results.add_validation(number, 0, 0.2, 0.0, 0.0)
    for epoch in range(1, steps // PER_EPOCH + 1):
        step, val = epoch * PER_EPOCH, 0.2 - 0.01 * epoch
        journal.results.add_validation(number, step, val, val - 0.2, 0.004)
        file = f"hifumi-{epoch:06d}.safetensors"
        journal.results.add_checkpoint(number, Checkpoint(epoch, step, file, 9, 0.1, val, val - 0.2, 0.004, 1.0))
        values = [
            MeasuredValue(step=step, name="delta_norm", part=part, value=epoch * share)
            for part, share in (("", 3.0), ("unet", 2.0), ("text_encoder", 1.0))
        ]
        values += [
            MeasuredValue(step=step, name="validation_change", scope=band, value=-0.01 * epoch)
            for band in ("", "layout", "detail")
        ]
        journal.measures.add(number, values)
    journal.results.add_mark(number, Mark(100, 5.0, MarkKind.SET, "unet_lr=1e-4"))
    journal.results.add_mark(number, Mark(120, 6.0, MarkKind.RESUME, "resumed from step 120"))


def million_steps(
    path: Path, metrics: Sequence[str] = ("loss",), *, steps: int = 1_000_000, spike: int = 654_321
) -> int:
    """Add a finished bake of a million steps, written by SQLite itself, and return its number: value step / steps, 99 at `spike`."""
    number = charted_bake(path, metrics={metric: [(1, 0.0)] for metric in metrics}, total=steps)
    with Journal(path) as journal, journal._database.writing() as connection:
        connection.execute(
            """
            WITH RECURSIVE steps (step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM steps WHERE step < ?1)
            INSERT OR REPLACE INTO point (series, step, value)
            SELECT series.id, step, CASE step WHEN ?2 THEN 99.0 ELSE step / CAST(?1 AS REAL) END
            FROM series, steps WHERE series.bake = ?3
            """,
            (steps, spike, number),
        )
        series = [row[0] for row in connection.execute("SELECT id FROM series WHERE bake = ?", (number,)).fetchall()]
        recompute_blocks(connection, series, 1, steps)
    return number
