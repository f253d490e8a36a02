"""The terminal while the screen is up: the screen alone writes to it, everything else goes to a log file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def screen_alone(log: Path) -> Iterator[None]:
    """Keep the terminal for the screen: file descriptors 1 and 2 lead to `log` while the block runs.

    C++ warnings and progress bars of libraries are written to those descriptors directly and would tear the screen.
    Textual writes through `sys.__stderr__` and measures through `sys.__stdout__`: both get descriptors of their own.
    """
    kept = (sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr)
    numbers = (os.dup(1), os.dup(2))
    out, err = (os.fdopen(os.dup(number), "w", encoding="utf-8", errors="replace", newline="\n") for number in numbers)
    sink = _open_log(log)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        sys.__stdout__, sys.__stderr__ = out, err  # type: ignore[misc]  # final for readers; a terminal program is the writer
        sys.stdout, sys.stderr = out, err
        yield
    finally:
        sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr = kept  # type: ignore[misc]  # as above
        for file in (out, err):
            file.close()
        os.dup2(numbers[0], 1)
        os.dup2(numbers[1], 2)
        for number in (*numbers, sink):
            os.close(number)


def _open_log(log: Path) -> int:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:
        # A home that cannot be written is no reason to have no screen.
        return os.open(os.devnull, os.O_WRONLY)
