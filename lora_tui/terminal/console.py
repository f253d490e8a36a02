"""What a command prints: it reaches a reader who is slow or gone, or it does not; whoever prints never waits for that."""

import os
import sys
import time
from typing import Self, TextIO

from lora_tui.terminal.output_queue import OutputQueue
from lora_tui.terminal.redirect import leave_terminal

# At the end, what waits has this long to be taken.
_CLOSING_SECONDS = 2.0
_TURN_SECONDS = 0.5


class Printing:
    """Prints to one stream.

    Args:
        out: a stream with a descriptor of its own is written by a thread; any other, which nobody can hang up, directly.
    """

    def __init__(self, out: TextIO) -> None:
        self.lost = False
        """Whether the reader is gone: a closed terminal, a pipe without an end."""
        self._out = out
        self._line: OutputQueue | None = None
        try:
            out.flush()
            self._line = OutputQueue(os.dup(out.fileno()), self)
        except OSError:
            # io.UnsupportedOperation is one: a stream in memory.
            pass

    def write(self, text: str) -> None:
        """Print `text` as it stands."""
        if self._line is not None:
            self._line.write(text)
        else:
            self._out.write(text)

    @property
    def behind(self) -> bool:
        """Whether something printed before has not been taken yet."""
        return self._line is not None and self._line.backlog > 0

    @property
    def terminal(self) -> bool:
        """Whether a terminal reads it; asked each time, for one that is gone has become a log file."""
        return self._out.isatty()

    def settle(self, seconds: float = _TURN_SECONDS) -> None:
        """Wait until all is taken, but no longer than this: what another stream says shall come after it."""
        end = time.monotonic() + seconds
        while self.behind and time.monotonic() < end:
            time.sleep(0.005)

    def reopen(self) -> None:
        """Go on where the stream leads now, after its descriptor was given to a log."""
        self.lost = False
        if self._line is not None:
            self._line.close(0)
            self._line = OutputQueue(os.dup(self._out.fileno()), self)

    def close(self) -> None:
        """Let what waits be taken, and end."""
        if self._line is not None:
            self._line.close(_CLOSING_SECONDS)

    # What the line says of itself, in its thread

    def line_lost(self) -> None:
        """Remember it; the process leaves its terminal in the thread that may handle signals."""
        self.lost = True

    def line_full(self) -> None:
        """Go on: what is printed is little."""

    def line_free(self) -> None:
        """Go on."""

    def line_slow(self) -> None:
        """Go on."""


class Console:
    """Standard output and standard error of a command, while the block runs.

    Args:
        out: what stands for standard output.
        intro: printed first.
    """

    def __init__(self, out: TextIO, intro: str = "") -> None:
        self.out = Printing(out)
        self._err = Printing(sys.stderr)
        if intro:
            self.out.write(intro + "\n")

    def __enter__(self) -> Self:
        """Return the console."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let what waits be taken."""
        self.out.close()
        self._err.close()

    def error(self, text: str) -> None:
        """Print a line on standard error, after all that was printed before."""
        self.out.settle()
        self._err.write(text + "\n")
        self._err.settle()

    @property
    def lost(self) -> bool:
        """Whether nobody reads any more."""
        return self.out.lost or self._err.lost

    def leave_terminal(self) -> None:
        """Print into the log from now on. Call it in the main thread."""
        leave_terminal()
        self.out.reopen()
        self._err.reopen()
