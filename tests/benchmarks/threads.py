"""What does the bake's thread do with its time? From the kernel's own count of each thread (`schedstat`)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Share:
    """How a process spent a while.

    Attributes:
        engine: CPU ÷ (CPU + blocked) of the thread that bakes. Waiting for a core that others have counts for neither: it says
            something of the machine, not of the program.
        others: CPU time of all other threads, as a share of one core.
    """

    engine: float
    others: float


def share_of(pid: int, wait: Callable[[], object]) -> Share:
    """Return how a process spends its time while `wait` waits; the bake's thread is the one that computes most."""
    before, began = _tasks(pid), time.monotonic()
    wait()
    return _share(before, _tasks(pid), time.monotonic() - began)


def _tasks(pid: int) -> dict[int, tuple[float, float]]:
    """Return (seconds on a core, seconds waiting for one) of each thread."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        running, waiting, _ = (task / "schedstat").read_text().split()
        found[int(task.name)] = (int(running) / 1e9, int(waiting) / 1e9)
    return found


def _share(before: dict[int, tuple[float, float]], after: dict[int, tuple[float, float]], wall: float) -> Share:
    spent = {
        task: tuple(now - then for now, then in zip(after[task], before.get(task, (0.0, 0.0)), strict=True))
        for task in after
    }
    engine = max(spent, key=lambda task: spent[task][0])
    running, waiting = spent[engine]
    blocked = max(0.0, wall - running - waiting)
    others = sum(seconds for task, (seconds, _) in spent.items() if task != engine)
    return Share(running / (running + blocked), others / wall)
