"""What waits to be sent to the terminal? Text goes out in a thread of its own, so that nobody who writes ever waits for the line."""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

# Small, so that how long one takes says how fast the line is.
_CHUNK = 1024
# A chunk that takes longer went at less than 10 KiB/s …
_SLOW_SECONDS = 0.1
# … and a line is slow when that happens again and again; a link that stalls once is late once.
_SLOW_CHUNKS = 5
_SLOW_WITHIN = 20.0
_LOOK_EVERY = 0.5

FULL = 32 * 1024
"""Bytes waiting at which painting more would only make the screen later: about one whole frame."""


class OutputListener(Protocol):
    """Hears of the line, in the line's thread or in the one that wrote."""

    def line_lost(self) -> None:
        """Hear that the terminal is gone; said once."""
        ...

    def line_full(self) -> None:
        """Hear that `FULL` bytes and more wait."""
        ...

    def line_free(self) -> None:
        """Hear that everything is sent, after the line was full."""
        ...

    def line_slow(self) -> None:
        """Hear that the line is slow; said once."""
        ...


class OutputQueue:
    """Sends text to a terminal. A terminal that is gone swallows what is written, and never raises.

    Args:
        descriptor: the terminal's.
        listener: is told what happens to the line.
        clock: seconds, never going back.
    """

    def __init__(self, descriptor: int, listener: OutputListener, clock: Callable[[], float] = time.monotonic) -> None:
        """Start to send."""
        self.lost = False
        self.given = 0
        """Bytes given to the line since it began."""
        self._sent = 0
        self._full = False
        # So that "full" is never said after the "free" that ends it: painting would stop for good.
        self._telling = threading.Lock()
        self._slow = False
        self._late: deque[float] = deque(maxlen=_SLOW_CHUNKS)
        self._descriptor = descriptor
        self._listener = listener
        self._clock = clock
        self._texts: SimpleQueue[bytes | None] = SimpleQueue()
        # A daemon: a stalled line must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Bytes not sent yet."""
        return self.given - self._sent

    def write(self, text: str) -> None:
        """Send `text` behind what waits; does not wait itself."""
        if self.lost:
            return
        data = text.encode("utf-8", errors="replace")
        self.given += len(data)
        self._texts.put(data)
        with self._telling:
            if not self._full and self.backlog >= FULL:
                self._full = True
                self._listener.line_full()

    def lose(self) -> None:
        """Take the terminal as gone."""
        if not self.lost:
            self.lost = True
            self._listener.line_lost()

    def close(self, wait: float) -> None:
        """Send what waits, for at most `wait` seconds, and end."""
        self._texts.put(None)
        self._thread.join(wait)

    def _run(self) -> None:
        while (data := self._next()) is not None:
            for start in range(0, len(data), _CHUNK):
                self._send(data[start : start + _CHUNK])
            with self._telling:
                if self._full and not self.backlog:
                    self._full = False
                    self._listener.line_free()

    def _next(self) -> bytes | None:
        while True:
            try:
                return self._texts.get(timeout=_LOOK_EVERY)
            except Empty:
                self._look()

    def _look(self) -> None:
        """See whether the terminal has hung up: a process without a controlling terminal gets no signal, and reads just nothing."""
        poll = select.poll()
        poll.register(self._descriptor, 0)
        if not self.lost and any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0)):
            self.lose()

    def _send(self, chunk: bytes) -> None:
        began = self._clock()
        rest = chunk
        while rest and not self.lost:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except (OSError, ValueError):
                self.lose()
        self._sent += len(chunk)
        now = self._clock()
        if now - began > _SLOW_SECONDS:
            self._late.append(now)
            if len(self._late) == _SLOW_CHUNKS and now - self._late[0] < _SLOW_WITHIN and not self._slow:
                self._slow = True
                self._listener.line_slow()
