"""How long does it take to open the curves of a bake of a million steps, to zoom in them, and to write them while it bakes?"""

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from charted_bakes import million_steps
from table import Budget, Table, figures, say

from lora_tui.plots.curve_canvas import CanvasInput, CurveCanvas
from lora_tui.plots.curve_charts import ChartLook, charts_of
from lora_tui.plots.curve_window import CurveWindow
from lora_tui.workers.curve_view import ChartedBakes, CurveChoice, CurveQuestion
from trainer.journal.curves import write_series
from trainer.journal.database import Database
from trainer.journal.journal import Journal
from trainer.measures.curve_groups import CURVE_GROUPS
from trainer.measures.curve_records import STEP_CURVES, CurveSource

STEPS = 1_000_000
SIZE = (120, 33)
_TIMES = 7
# Two steps of a fast bake between two batches of the journal's writer, a third of a second apart.
_BATCH_STEPS = 4
_BATCHES = 50


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return milliseconds of each."""
    names = [curve.name for curve in STEP_CURVES if curve.source is CurveSource.STEPS]
    path = root.parent / "million.sqlite"
    say(f"writing {STEPS:,} steps of {len(names)} curves")
    million_steps(path, names, steps=STEPS)
    everything = CurveChoice(frozenset(group.key for group in CURVE_GROUPS))
    return [
        figures(
            f"curves of {STEPS:,} steps, {SIZE[0]} × {SIZE[1]}, milliseconds (median of {_TIMES})",
            {
                "opened: read and drawn, the curves shown first": _median(lambda: _open(path, CurveChoice(), None)),
                "opened: read and drawn, every curve": _median(lambda: _open(path, everything, None)),
                "zoomed in to a hundred steps, every curve": _median(
                    lambda: _open(path, everything, (500_000, 500_100))
                ),
                f"written: one batch of {_BATCH_STEPS} steps, {len(names)} numbers each": _writing(path, names),
                "written: one batch of 4 steps, 5 numbers each": _writing(path, names[:5]),
            },
        )
    ]


def _open(path: Path, choice: CurveChoice, window: tuple[int, int] | None) -> None:
    with Journal(path) as journal:
        view = ChartedBakes(journal).look(CurveQuestion((1,), choice=choice, window=window, columns=2 * (SIZE[0] - 8)))
    first, last = window or (view.first, view.last)
    here = CurveWindow(view.first, view.last, view.recorded, first, last, last)
    charts = charts_of(view, here, ChartLook())
    CurveCanvas().draw(CanvasInput(charts, here, view.marks, view.readings, 40), *SIZE)


def _writing(path: Path, names: Sequence[str]) -> float:
    """Return the milliseconds of processor time that one batch takes, on average."""
    database = Database(path)
    began, step = time.process_time(), STEPS
    for _ in range(_BATCHES):
        steps = range(step + 1, step + 1 + _BATCH_STEPS)
        step += _BATCH_STEPS
        with database.writing() as connection:
            write_series(connection, 1, {name: [(each, 0.5) for each in steps] for name in names})
    database.close()
    return 1000 * (time.process_time() - began) / _BATCHES


def _median(call: Callable[[], object]) -> float:
    times = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)
