"""A ladder of five rungs in one engine beside the same five bakes in a process each, and what a rung's start takes."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from table import Budget, Cell, Table

from trainer.demo.workspace import make_demo
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState

RUNGS = ("0.1", "0.33", "1", "3", "10")
EPOCHS = (1,)
"""Passes over the demo's data: a bake of 40 steps; the longer one is, the smaller a part of it is what bakes can share."""


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return the wall time of both ways, one behind the other on the same machine, and the times between the rungs' steps."""
    rows: list[list[Cell]] = []
    for epochs in EPOCHS:
        if not budget.allows(90 * epochs):
            break
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_row(Path(folder), epochs))
    columns = (
        "steps of a bake",
        "five bakes by hand, s",
        "ladder of five rungs, s",
        "ratio",
        "of processor time",
        "processor time saved for each bake, s",
        "start of the first rung, s",
        "start of a later rung, s, median",
        "slowest",
    )
    note = (
        "By hand: `lora-tui bake` five times. By the clock it depends on what else runs, in processor time it does not. A rung's start is the time from the end of the bake before to its own first step; of the "
        "first rung without the start of the process."
    )
    return [Table("five rungs of the demo, one bake each", columns, rows, note)]


def _row(folder: Path, epochs: int) -> list[Cell]:
    settings = ("--set", f"max_train_epochs={epochs}")
    by_hand = make_demo(folder / "by-hand").root
    start = _clocks()
    for rung in RUNGS:
        _run(by_hand, "bake", "hifumi.toml", *settings, "--set", f"unet_lr={2e-3 * float(rung):g}")
    between = _clocks()
    shared = make_demo(folder / "ladder").root
    given = ("--knob", "unet_lr", "--rungs", ",".join(RUNGS), "--twins", "1", "--settings", "hifumi.toml", *settings)
    _run(shared, "ladder", *given, "--bake")
    end = _clocks()
    alone, alone_cpu = between[0] - start[0], between[1] - start[1]
    together, together_cpu = end[0] - between[0], end[1] - between[1]
    first, *later = _starts(shared)
    times: list[Cell] = [alone, together, together / alone, together_cpu / alone_cpu]
    saved = (alone_cpu - together_cpu) / len(RUNGS)
    return [_steps(shared), *times, saved, first, statistics.median(later), max(later)]


def _clocks() -> tuple[float, float]:
    """Return the seconds of the clock, and those of processor time that processes started from here have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic(), used.ru_utime + used.ru_stime


def _run(folder: Path, *words: str) -> None:
    home = {f"XDG_{name}_HOME": str(folder.parent / "home") for name in ("STATE", "CACHE", "CONFIG", "DATA")}
    env = {**os.environ, **home, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "lora_tui", *words]
    subprocess.run(command, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)


def _starts(root: Path) -> list[float]:
    """Return the seconds before the first step of each rung, in the order of baking."""
    with Journal(root / "journal.sqlite") as journal:
        bakes = sorted(journal.bakes.latest(), key=lambda bake: bake.started or 0.0)
    assert [bake.state for bake in bakes] == [BakeState.DONE] * len(RUNGS)
    found = []
    for before, bake in zip([None, *bakes], bakes, strict=False):
        gap = 0.0 if before is None else (bake.started or 0.0) - (before.ended or 0.0)
        found.append(gap + (bake.setup_seconds or 0.0))
    return found


def _steps(root: Path) -> int:
    with Journal(root / "journal.sqlite") as journal:
        return journal.bakes.latest(1)[0].total_steps
