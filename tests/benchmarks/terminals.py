"""How does a bake fare on a terminal that is read, one that nobody reads, and none at all?"""

import time
from collections.abc import Sequence
from pathlib import Path

from table import Budget, Table
from threads import share_of
from watched import bake_long, on_a_terminal, start_bake

SECONDS = 20.0


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return what the bake's thread and the rest of the process do, on one bake with its terminal in three conditions."""
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
    return [Table("terminals, 20 s each in one bake of the demo", columns, rows)]
