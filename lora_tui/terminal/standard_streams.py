"""Standard input, output and error of a command: nothing that is printed ends it, whatever becomes of the disk or the reader behind.

What cannot be written is dropped and remembered: a bake goes on and says so in its log, every other command ends with one line about it.
"""

import errno
import io
import os
import select
import sys
from typing import Any, TextIO

from lora_tui.terminal.encoding import REPLACE_SIGNS, ascii_only, shown_encoding, terminal_encoding

# A reader that has seen enough (`| head`) is no failure.
_ENOUGH = (errno.EPIPE,)


class _Output(io.FileIO):
    """A descriptor that takes everything.

    Attributes:
        refused: why it takes nothing any more.
    """

    def __init__(self, descriptor: int, refused: OSError | None) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.refused = refused

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        while self.refused is None:
            try:
                written = super().write(data)
                if written is not None:
                    return written
                # Whoever shares the terminal has set it so that a write does not wait.
                select.select([], [self], [])
            except OSError as error:
                self.refused = error
        return size


def prepare_streams(*, own_process: bool) -> None:
    """Let standard output and error take everything, with what they cannot encode replaced; call it before anything is printed.

    Args:
        own_process: whether the process runs nothing else. Then a descriptor that the shell has closed is opened again, which the
            next file would take otherwise; and in a locale that is not UTF-8 the process starts once more, see `terminal_encoding`.
    """
    encoding = terminal_encoding(restart=own_process)
    if not own_process:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding=encoding or None, errors=REPLACE_SIGNS)
        return
    closed = _reopened()
    if 0 in closed:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = _stream(sys.stdout, 1, encoding, closed)
    sys.stderr = _stream(sys.stderr, 2, encoding, closed)
    show_as_asked()


def show_as_asked() -> None:
    """Show on terminals what the user asked for: ASCII alone. A file or another program gets everything."""
    for stream in (sys.stdout, sys.stderr):
        if ascii_only() and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=shown_encoding(stream), errors=REPLACE_SIGNS)


def refused(stream: TextIO) -> OSError | None:
    """Return why `stream` takes nothing any more, None where it does; what waits in its buffer is written first."""
    stream.flush()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw.refused if isinstance(raw, _Output) else None


def forget_refusal(stream: TextIO) -> None:
    """Let `stream` be written again, after its descriptor leads elsewhere."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if isinstance(raw, _Output):
        raw.refused = None


def output_refused() -> OSError | None:
    """Return why something printed on standard output is lost, None where nothing is or nobody wanted more; both streams are flushed."""
    why = refused(sys.stdout)
    sys.stderr.flush()
    return None if why is None or why.errno in _ENOUGH else why


def _reopened() -> set[int]:
    """Open those of the three descriptors that are closed on nothing; return which."""
    closed = set()
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest that is free: those below are open by now.
            os.open(os.devnull, os.O_RDWR)
            closed.add(number)
    return closed


def _stream(before: TextIO | None, number: int, encoding: str, closed: set[int]) -> TextIO:
    why = OSError(errno.EBADF, "it is closed") if number in closed else None
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(number, why)),
        encoding=encoding or getattr(before, "encoding", None) or "utf-8",
        errors=REPLACE_SIGNS,
        line_buffering=number == 2 or bool(getattr(before, "line_buffering", False)),
        write_through=bool(getattr(before, "write_through", False)),
    )
