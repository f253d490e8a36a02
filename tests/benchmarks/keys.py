"""How soon does the screen answer while the libraries load?"""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from pseudo_terminal import Terminal
from table import Budget, Table, figures
from watched import echoes, on_a_terminal

_MOST = 200


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return seconds from a key to its echo in a text field, from the first frame until all libraries are there."""
    with on_a_terminal(root, "first_frame.py", str(root.parent / "keys"), "demo", str(root)) as terminal:
        terminal.wait_for("b bake", "steps ×")
        seconds = echoes(terminal, _while_loading(terminal))
    if not seconds:
        return [figures("keys while libraries load", {"keys": "the libraries were there before the first one"})]
    return [
        figures(
            "keys while libraries load",
            {
                "keys": len(seconds),
                "echo, seconds, median": statistics.median(seconds),
                "echo, seconds, slowest": seconds[-1],
            },
        )
    ]


def _while_loading(terminal: Terminal) -> Iterator[float]:
    for _ in range(_MOST):
        if "loading libraries" not in terminal.screen():
            return
        yield 0.0
