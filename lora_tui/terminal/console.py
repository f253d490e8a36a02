"""Standard output and error of a command, written by threads, so that a slow or closed terminal never holds the command up."""

import errno
import os
import sys
import time
from typing import Self, TextIO

from lora_tui.terminal.capabilities import places_text
from lora_tui.terminal.encoding import shown_encoding
from lora_tui.terminal.output_queue import OutputQueue
from lora_tui.terminal.redirect import drop_output, leave_terminal
from lora_tui.terminal.standard_streams import forget_refusal, refused

# At the end, the rest of the output has this long to be written.
_CLOSING_SECONDS = 2.0
_SETTLE_SECONDS = 0.5
# What a terminal or a pipe answers whose other end is closed.
_CLOSED = (errno.EIO, errno.EPIPE)


class OutputStream:
    """Writes to one stream.

    Args:
        out: a stream with a file descriptor is written by a thread; one in memory directly.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._line: OutputQueue | None = None
        self._refused: OSError | None = None
        self.lost = False
        """Whether nothing can be written any more: a closed terminal or pipe, or what `refused` says."""
        try:
            self._refused = refused(out)
            self.lost = self._refused is not None
            self._line = OutputQueue(os.dup(out.fileno()), self, encoding=shown_encoding(out))
        except OSError:
            # io.UnsupportedOperation is one: a stream in memory.
            pass

    def write(self, text: str) -> None:
        """Write `text` unchanged."""
        if self._line is not None:
            self._line.write(text)
        else:
            self._out.write(text)

    @property
    def behind(self) -> bool:
        """Whether earlier output has not been written yet."""
        return self._line is not None and self._line.backlog > 0

    @property
    def terminal(self) -> bool:
        """Whether it is a terminal on which a line can be rewritten; checked each time, because a closed one is replaced by the log file."""
        return places_text(self._out)

    @property
    def refused(self) -> str:
        """Why the system takes nothing any more, such as a full disk; "" where it does, or the terminal or pipe is closed."""
        error = self._refused or (self._line.refused if self._line is not None else None)
        return "" if error is None or error.errno in _CLOSED else error.strerror or str(error)

    def drop(self) -> None:
        """Let what it led to be, and write to nothing from now on."""
        drop_output(self._out.fileno())
        forget_refusal(self._out)
        self.reopen()

    def settle(self, seconds: float = _SETTLE_SECONDS) -> None:
        """Wait until all is written, at most this long, so that the output of another stream comes after it."""
        end = time.monotonic() + seconds
        while self.behind and time.monotonic() < end:
            time.sleep(0.005)

    def reopen(self) -> None:
        """Continue where the stream leads now, after its descriptor was given to a log."""
        self.lost, self._refused = False, None
        if self._line is not None:
            self._line.close(0)
            self._line = OutputQueue(os.dup(self._out.fileno()), self, encoding=shown_encoding(self._out))

    def close(self) -> None:
        """Write the rest, and end."""
        if self._line is not None:
            self._line.close(_CLOSING_SECONDS)

    # OutputListener, called in the writing thread

    def line_lost(self) -> None:
        """Remember it; the process leaves its terminal in the thread that may handle signals."""
        self.lost = True

    def line_full(self) -> None:
        """Ignore it: commands print little."""

    def line_free(self) -> None:
        """Ignore it."""

    def line_slow(self) -> None:
        """Ignore it."""


class Console:
    """Standard output and standard error of a command, while the block runs.

    Args:
        out: standard output, or what replaces it.
        intro: printed first.
    """

    def __init__(self, out: TextIO, intro: str = "") -> None:
        self.out = OutputStream(out)
        self._err = OutputStream(sys.stderr)
        if intro:
            self.out.write(intro + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Write the rest."""
        self.out.close()
        self._err.close()

    def error(self, text: str) -> None:
        """Print a line on standard error, after all that was printed before."""
        self.out.settle()
        self._err.write(text + "\n")
        self._err.settle()

    @property
    def lost(self) -> bool:
        """Whether the reader is gone."""
        return self.out.lost or self._err.lost

    @property
    def refused(self) -> bool:
        """Whether the system refuses what is written, as on a full disk."""
        return bool(self.out.refused or self._err.refused)

    def drop_refused(self) -> tuple[str, ...]:
        """Write to nothing where the system refuses to write; return what it was and why."""
        streams = ((self.out, "standard output"), (self._err, "standard error"))
        dropped = tuple(f"{name} cannot be written ({stream.refused})" for stream, name in streams if stream.refused)
        for stream, _ in streams:
            if stream.refused:
                stream.drop()
        return dropped

    def leave_terminal(self) -> None:
        """Write to the log from now on. Call it in the main thread."""
        leave_terminal()
        self.out.reopen()
        self._err.reopen()
