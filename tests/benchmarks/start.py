"""How long until there is something to see, and until torch is first looked for?"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from table import Budget, Table, figures
from watched import on_a_terminal

ROUNDS = 5


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return seconds from process start to the first frame, and from there to the first touch of torch."""
    frames, touches = [], []
    for number in range(ROUNDS + 1):
        mark = root.parent / f"mark{number}"
        with on_a_terminal(root, "first_frame.py", str(mark), "demo", str(root)) as terminal:
            while "settings" not in terminal.screen():
                terminal.pump(0.005)
            seen = time.monotonic()
            while not mark.exists():
                terminal.pump(0.01)
        # The first round warms the disk's cache.
        if number:
            frames.append(seen - terminal.started)
            touches.append(float(mark.read_text()) - seen)
    return [
        figures(
            "start",
            {
                "first frame, seconds after process start (median of 5)": statistics.median(frames),
                "torch first looked for, seconds after that frame": statistics.median(touches),
            },
        )
    ]
