"""Redirection of standard output and error: to a log while the screen is up, and after the terminal is closed."""

import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lora_tui.terminal.encoding import REPLACE_SIGNS, encoding_of
from trainer.private_files import FILE_MODE, make_private_folder
from trainer.workspace import state_home


def log_path() -> Path:
    """Return the log file for output that would tear the screen, or that no terminal is left for."""
    return state_home() / "lora-tui.log"


class TerminalState:
    """State of the terminal when the screen closes."""

    def __init__(self) -> None:
        self.gone = False
        """Set if the terminal is closed: the descriptors then keep leading to the log."""


@contextmanager
def output_redirected(log: Path) -> Iterator[TerminalState]:
    """Keep the terminal for the screen: file descriptors 1 and 2 lead to `log` while the block runs.

    C++ warnings and progress bars of libraries are written to those descriptors directly and would tear the screen.
    Textual writes through `sys.__stderr__` and measures through `sys.__stdout__`: both get descriptors of their own. The screen
    is where standard output leads if standard error is redirected to a file.
    """
    kept = (sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr)
    numbers = (os.dup(1), os.dup(2))
    encoding = encoding_of(sys.stdout)
    out, err = (
        os.fdopen(os.dup(number), "w", encoding=encoding, errors=REPLACE_SIGNS, newline="\n") for number in numbers
    )
    screen = err if os.isatty(2) else out
    sink = _open_log(log)
    sys.stdout.flush()
    sys.stderr.flush()
    after = TerminalState()
    try:
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        sys.__stdout__, sys.__stderr__ = out, screen  # type: ignore[misc]  # final for readers; a terminal program is the writer
        sys.stdout, sys.stderr = out, err
        yield after
    finally:
        sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr = kept  # type: ignore[misc]  # as above
        for file in (out, err):
            # The rest of its buffer is lost if the terminal is closed.
            with suppress(OSError):
                file.close()
        if after.gone:
            leave_terminal(log)
        else:
            os.dup2(numbers[0], 1)
            os.dup2(numbers[1], 2)
        for number in (*numbers, sink):
            os.close(number)


def leave_terminal(log: Path | None = None) -> None:
    """Continue without a terminal: output goes to `log` from now on, and a hang-up is ignored.

    Standard output or error redirected to a file stays there; a terminal or a pipe, which may be closed, is replaced.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sink = _open_log(log or log_path())
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, instead in ((0, nothing), (1, sink), (2, sink)):
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.dup2(instead, number)
    os.close(sink)
    os.close(nothing)


def drop_output(number: int) -> None:
    """Let descriptor `number` lead to nothing: what it led to takes nothing any more."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, number)
    os.close(nothing)


def _open_log(log: Path) -> int:
    try:
        make_private_folder(log.parent)
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, FILE_MODE)
    except OSError:
        # The screen works without a log, too: the home may be read-only.
        return os.open(os.devnull, os.O_WRONLY)
