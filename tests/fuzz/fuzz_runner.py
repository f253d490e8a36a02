"""Runs of the fuzz: child processes with jobs, started again behind an input that ended one, and what came of all."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
SEED = int(os.environ.get("FUZZ_SEED", "14"))
"""Of every input; with a kind and an index it makes the same one again."""

Job = Sequence[object]
"""`kind`, name, seed, index; or `setting`, name, literal, index."""


@dataclass
class Tally:
    """What came of the inputs of one kind.

    Attributes:
        name: the kind's.
        inputs, refused, read: how many there were, were refused, were read.
        slowest: seconds of the processor that the slowest call took.
        most: bytes of memory, at most.
        faults: what must not be: a text each, with the input's name and where it is kept.
    """

    name: str
    inputs: int = 0
    refused: int = 0
    read: int = 0
    slowest: float = 0.0
    most: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, found: dict[str, Any]) -> None:
        """Count one input."""
        self.inputs += 1
        self.refused += bool(found["refusals"])
        self.read += not found["refusals"]
        self.slowest = max(self.slowest, found["seconds"])
        self.most = max(self.most, found["peak"])

    def row(self) -> str:
        """Return its figures as a row of a table."""
        return f"| {self.name} | {self.inputs:,} | {self.refused:,} | {self.read:,} | {self.slowest:.2f} | {self.most / 1e6:,.0f} |"


TABLE_HEAD = "| kind | inputs | refused | read | slowest, s | most memory, MB |\n|---|---:|---:|---:|---:|---:|"


def run_jobs(jobs: Sequence[Job], folder: Path, *, torch: bool = False, seed: int = SEED) -> dict[str, Tally]:
    """Try all inputs and return the tallies by kind; inputs with a fault stay in `folder`, which is made.

    Args:
        jobs: the inputs.
        folder: for the workspaces.
        torch: whether what needs torch is tried too.
        seed: for the names of faults.
    """
    tallies: dict[str, Tally] = {}
    left = list(jobs)
    while left:
        place = folder / f"run-{len(jobs) - len(left)}"
        place.mkdir(parents=True)
        (place / "jobs.json").write_text(json.dumps({"torch": torch, "jobs": left}))
        ended = _child(place)
        done = [json.loads(line) for line in _lines(place / "results")]
        for found in done:
            tally = tallies.setdefault(found["kind"], Tally(found["kind"]))
            tally.add(found)
            for fault in found["faults"]:
                tally.faults.append(_named(found["kind"], found["index"], found["file"], seed, fault))
        if len(done) == len(left):
            shutil.rmtree(place)
            break
        if not (place / "input").exists():
            raise RuntimeError(f"no input was tried: {ended.stderr}")
        job = left[len(done)]
        name = str(job[1]) if job[0] == "kind" else "every setting"
        tally = tallies.setdefault(name, Tally(name))
        tally.inputs += 1
        tally.faults.append(_named(name, job[3], f"kept as {place / 'input'}", seed, _ending(ended, place)))
        left = left[len(done) + 1 :]
    return tallies


def _child(place: Path) -> subprocess.CompletedProcess[str]:
    paths = (REPOSITORY, REPOSITORY / "tests/support", REPOSITORY / "tests/fuzz")
    env = dict(os.environ) | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "fuzz_child", str(place)],
        env=env,
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _named(kind: str, index: object, file: object, seed: int, fault: str) -> str:
    return f"{kind}, seed {seed}, input {index} ({file}): {fault}"


def _ending(ended: subprocess.CompletedProcess[str], place: Path) -> str:
    hang = (place / "hang").read_text() if (place / "hang").exists() else ""
    if hang:
        return f"takes too long:\n{hang[:3000]}"
    return f"ended with {ended.returncode}: {ended.stderr[-3000:]}"
