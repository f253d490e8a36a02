"""How soon does the Dataset screen show its rows, opened first and again, and those of the next page?"""

import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pseudo_terminal import Terminal
from table import Table
from watched import of_a_terminal, typist

AGAIN, PAGES = 5, 60
_PAGE_DOWN = "\x1b[6~"
# A name as `many_pictures` gives it.
_ROW = re.compile(r"\d{6}\.(?:png|jpg)")
_COLUMNS, _LINES = 120, 36
# The first plan of a hundred thousand pictures reads every file.
_PLAN_SECONDS = 240.0


def measure_keys(root: Path) -> Table:
    """Return the seconds from keys to rows, in the program on a terminal.

    Args:
        root: a workspace whose index knows the pictures that its settings read.
    """
    rows: list[tuple[str, float, float, float]] = []
    with _Opened(root) as terminal:
        rows.append(_row("d while the first plan is made, s", [_open(terminal)]))
        rows.append(_row("page down meanwhile, s", _pages(terminal)))
    with _Opened(root) as terminal:
        terminal.wait_for("steps ×", seconds=_PLAN_SECONDS)
        terminal.pump(5.0)
        rows.append(_row("d, s", [_open(terminal)]))
        again = []
        for _ in range(AGAIN):
            terminal.pump(1.0)
            _leave(terminal)
            terminal.pump(1.0)
            again.append(_open(terminal))
        rows.append(_row("d again, 1 s after it was left, s", again))
        rows.append(_row("page down, s", _pages(terminal)))
    return Table("the Dataset screen on a terminal, from key to rows", ("what", "median", "95 %", "slowest"), rows)


class _Opened(Terminal):
    """The program on a workspace, its Bake screen in view."""

    def __init__(self, root: Path) -> None:
        program = [sys.executable, "-m", "lora_tui", "--in", str(root)]
        super().__init__(program, _COLUMNS, _LINES, root, of_a_terminal(root))

    def __enter__(self) -> Terminal:
        # With its settings: without them the key opens nothing.
        self.wait_for("b bake", ".toml")
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _open(terminal: Terminal) -> float:
    os.write(terminal.fileno(), b"d")
    return _until(terminal, lambda: bool(_ROW.search(terminal.screen())), 120.0)


def _leave(terminal: Terminal) -> None:
    os.write(terminal.fileno(), b"\x1b")
    terminal.wait_for("b bake")


def _pages(terminal: Terminal) -> list[float]:
    """Return the seconds until a whole new page stands there, page by page, at the pace of somebody who looks for a picture."""
    seconds = []
    # The first one brings the cursor to the last line of the page in view.
    terminal.pump(0.5)
    os.write(terminal.fileno(), _PAGE_DOWN.encode())
    terminal.pump(0.5)
    for pause in typist(PAGES):
        terminal.pump(pause)
        before = set(_names(terminal))
        os.write(terminal.fileno(), _PAGE_DOWN.encode())
        seconds.append(_until(terminal, lambda before=before: _is_new_page(terminal, before), 30.0))
    return seconds


def _names(terminal: Terminal) -> list[str]:
    return _ROW.findall(terminal.screen())


def _is_new_page(terminal: Terminal, before: set[str]) -> bool:
    """Return whether nearly all names are new: the last line of a page is the first of the next, and the cursor's name stands twice."""
    names = set(_names(terminal))
    return len(names - before) >= len(before) - 3


def _until(terminal: Terminal, seen: Callable[[], bool], limit: float) -> float:
    sent = time.monotonic()
    while not seen():
        terminal.pump(0.002)
        if time.monotonic() - sent > limit:
            raise RuntimeError(f"nothing within {limit} s; screen:\n{terminal.screen()}")
    return time.monotonic() - sent


def _row(what: str, seconds: Sequence[float]) -> tuple[str, float, float, float]:
    ordered = sorted(seconds)
    at = round(0.95 * (len(ordered) - 1))
    return what, round(statistics.median(ordered), 3), round(ordered[at], 3), round(ordered[-1], 3)
