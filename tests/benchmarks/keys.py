"""How soon does the screen answer while the libraries load, and when nothing runs?"""

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from pseudo_terminal import Terminal
from table import Budget, Table, figures
from watched import echo_figures, echoes, on_a_terminal, typist, wait_until_quiet

_MOST = 200
KEYS = 120


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return seconds from a key to its echo in a text field, from the first frame until all libraries are there, and after."""
    return [_loading(root), _idle(root)]


def _loading(root: Path) -> Table:
    with on_a_terminal(root, "first_frame.py", str(root.parent / "keys"), "demo", str(root)) as terminal:
        terminal.wait_for("b bake", "steps ×")
        seconds = echoes(terminal, _while_loading(terminal))
    if not seconds:
        return figures("keys while libraries load", {"keys": "the libraries were there before the first one"})
    return figures(
        "keys while libraries load",
        {
            "keys": len(seconds),
            "echo, seconds, median": statistics.median(seconds),
            "echo, seconds, slowest": seconds[-1],
        },
    )


def _while_loading(terminal: Terminal) -> Iterator[float]:
    for _ in range(_MOST):
        if "loading libraries" not in terminal.screen():
            return
        yield 0.0


def _idle(root: Path) -> Table:
    with on_a_terminal(root, "screen_rate.py", "0.5", "demo", str(root)) as terminal:
        wait_until_quiet(terminal)
        seconds = echoes(terminal, typist(KEYS))
    return figures("keys while nothing runs", echo_figures(seconds, aim=0.06))
