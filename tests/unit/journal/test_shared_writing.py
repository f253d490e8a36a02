"""Several programs at one journal, and one of them killed."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, NewBake

Queue = Callable[..., Bake]

WRITER = """
import sys
from pathlib import Path
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
path, bake = Path(sys.argv[1]), int(sys.argv[2])
with Journal(path) as journal, MetricWriter(path, bake) as metrics:
    for step in range(1, 301):
        metrics.put(step, {"loss": float(step)})
        journal.log.write(f"{bake}: {step}", bake=bake)
        if step % 20 == 0:
            metrics.flush()
"""

BUSY_WRITER = """
import sys, time
from pathlib import Path
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Mark, MarkKind, Order, Stage
path, bake, until = Path(sys.argv[1]), int(sys.argv[2]), time.time() + float(sys.argv[3])
step = 0
with Journal(path) as journal, MetricWriter(path, bake) as metrics:
    while time.time() < until:
        step += 1
        metrics.put(step, {"loss": float(step), "lr_unet": 1e-4})
        journal.log.write(f"{bake}: {step}", bake=bake)
        journal.bakes.set_stage(bake, Stage.STEP, step, 10**9)
        journal.results.add_mark(bake, Mark(step, 0.0, MarkKind.SET, f"{bake}: {step}"))
        journal.orders.give(step % 3 + 1, Order.SAVE, f"{bake}: {step}")
        for given in journal.orders.pending(bake):
            journal.orders.mark_obeyed(given.id, f"by {bake}")
print(step)
"""

ENDLESS_WRITER = """
import sys
from pathlib import Path
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Stage
path = Path(sys.argv[1])
journal, metrics = Journal(path), MetricWriter(path, 1)
step = 0
while True:
    for _ in range(200):
        step += 1
        metrics.put(step, {"loss": float(step), "lr_unet": 1e-4})
    journal.bakes.set_stage(1, Stage.STEP, step, 10**9)
    metrics.flush()
    print(step, flush=True)
"""


def start(program: str, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_programs_writing_at_once_lose_nothing(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    programs = [start(WRITER, journal.path, bake) for bake in (1, 2)]
    assert [one.communicate()[1] for one in programs] == ["", ""]
    for bake in (1, 2):
        assert [line.text for line in journal.log.read(bake=bake)] == [f"{bake}: {step}" for step in range(1, 301)]
        assert journal.curves.read(bake, "loss", 300).mean == [float(step) for step in range(1, 301)]


@pytest.mark.parametrize("seconds", [3, pytest.param(60, marks=pytest.mark.long)])
def test_three_programs_writing_everything_at_once_lose_nothing(journal: Journal, queue: Queue, seconds: int) -> None:
    queue(), queue(), queue()
    programs = [start(BUSY_WRITER, journal.path, bake, seconds) for bake in (1, 2, 3)]
    reported = [one.communicate() for one in programs]
    # A writer that met a lock for too long would have ended with it on stderr.
    assert [error for _, error in reported] == ["", "", ""]
    steps = [int(out) for out, _ in reported]
    given: set[str] = set()
    for bake, last in enumerate(steps, start=1):
        texts = [f"{bake}: {step}" for step in range(1, last + 1)]
        assert [line.text for line in journal.log.read(bake=bake, limit=last + 1)] == texts
        assert [mark.text for mark in journal.results.marks(bake)] == texts
        assert journal.curves.read(bake, "loss", last).mean == list(range(1, last + 1))
        assert journal.bakes.read(bake).stage_done == last
        orders = journal.orders.read(bake)
        assert {one.answer for one in orders if one.obeyed is not None} == {f"by {bake}"}
        given |= {one.argument for one in orders}
    assert given == {f"{bake}: {step}" for bake, last in enumerate(steps, start=1) for step in range(1, last + 1)}


def test_a_program_killed_while_it_writes_leaves_a_readable_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.bakes.add(NewBake(name="x", why="", settings_toml="", engine="e", total_steps=1, steps_per_epoch=1))
    child = start(ENDLESS_WRITER, path)
    assert child.stdout is not None
    reported = [int(child.stdout.readline()) for _ in range(10)]
    child.send_signal(signal.SIGKILL)
    reported += [int(line) for line in child.communicate()[0].splitlines() if line.endswith("00")]
    assert child.returncode == -signal.SIGKILL

    with Journal(path) as journal:
        last, value = journal.curves.last_values(1)["loss"]
        assert last == value >= reported[-1]  # what was flushed is there
        assert journal.curves.read(1, "loss", last).steps == list(range(1, last + 1))
        journal.log.write("goes on")
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchall() == [("ok",)]
