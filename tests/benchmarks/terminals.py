"""How does a bake fare on a terminal that is read, one that nobody reads, and none at all; and what does a terminal get?"""

import time
from collections.abc import Sequence
from pathlib import Path

from pseudo_terminal import Terminal
from table import Budget, Table
from threads import share_of
from watched import bake_long, on_a_terminal, start_bake, wait_until_quiet

SECONDS = 20.0
IDLE_SECONDS = 30.0
SETTLE = 5.0
# A frame may come in several reads.
_FRAME_SECONDS = 0.1


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return what the bake's thread and the rest of the process do, on one bake with its terminal in three conditions; and bytes."""
    bake_long(root, 100)
    rows = []
    with on_a_terminal(root, "screen_rate.py", "0.5", "demo", str(root)) as terminal:
        start_bake(terminal)
        for name, wait in (("read", terminal.pump), ("read by nobody", time.sleep), ("closed", time.sleep)):
            if name == "closed":
                terminal.hang_up()
                # Closing the screen is no part of going on without one.
                time.sleep(5)
            share = share_of(terminal.process.pid, lambda wait=wait: wait(SECONDS))
            rows.append((name, 100 * (1 - share.engine), 100 * share.others))
    columns = ("terminal", "engine blocked, % of what it computes and waits", "other threads, % of a core")
    return [Table("terminals, 20 s each in one bake of the demo", columns, rows), _bytes(root)]


def _bytes(root: Path) -> Table:
    """Measure what a terminal of 120 × 40 gets from a screen at 1 Hz."""
    with on_a_terminal(root, "screen_rate.py", "1.0", "demo", str(root), lines=40) as terminal:
        wait_until_quiet(terminal)
        terminal.pump(SETTLE)
        idle = _sent("nothing runs", terminal, IDLE_SECONDS)
        start_bake(terminal)
        terminal.pump(SETTLE)
        baking = _sent("the demo bakes", terminal, SECONDS)
    columns = (
        "screen",
        "KiB a second",
        "frames",
        "bytes of frames that changed no cell (aim: 0)",
    )
    return Table(
        "bytes to a terminal of 120 × 40, screen at 1 Hz", columns, [idle, baking], "Aim while baking: 10 KiB/s."
    )


def _sent(name: str, terminal: Terminal, seconds: float) -> tuple[str, float, int, int]:
    frames = idle = 0
    first, began = len(terminal.raw), time.monotonic()
    shown = terminal.cells()
    while time.monotonic() - began < seconds:
        before = len(terminal.raw)
        terminal.pump(_FRAME_SECONDS)
        if len(terminal.raw) == before:
            continue
        terminal.pump(_FRAME_SECONDS)
        frames += 1
        now = terminal.cells()
        if now == shown:
            idle += len(terminal.raw) - before
        shown = now
    return name, (len(terminal.raw) - first) / 1024 / (time.monotonic() - began), frames, idle
