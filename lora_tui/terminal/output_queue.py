"""Output to the terminal, written by a thread of its own, so that no writer ever waits for a slow connection."""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

# Small, so that the time one takes shows how fast the connection is.
_CHUNK_BYTES = 1024
# A chunk that takes longer went at less than 10 KiB/s …
_SLOW_SECONDS = 0.1
# … and the connection is slow if that happens repeatedly; one that stalls once is late once.
_SLOW_CHUNKS = 5
_SLOW_WITHIN_SECONDS = 20.0
_POLL_SECONDS = 0.5

FULL = 32 * 1024
"""Waiting bytes at which painting more would only delay the screen: about one complete frame."""


class OutputListener(Protocol):
    """Called when the state of the output changes, in its thread or in the writer's."""

    def line_lost(self) -> None:
        """The terminal is closed; called once."""
        ...

    def line_full(self) -> None:
        """At least `FULL` bytes are waiting."""
        ...

    def line_free(self) -> None:
        """All output is written, after `line_full`."""
        ...

    def line_slow(self) -> None:
        """The connection is slow; called once."""
        ...


class OutputQueue:
    """Writes text to a terminal. For a closed terminal text is dropped, and nothing is raised.

    Args:
        descriptor: the terminal's file descriptor.
        listener: called on changes.
        clock: monotonic seconds.
    """

    def __init__(self, descriptor: int, listener: OutputListener, clock: Callable[[], float] = time.monotonic) -> None:
        self.lost = False
        self.given = 0
        """Bytes given to it so far."""
        self._sent = 0
        self._full = False
        # So that `line_full` is never called after the `line_free` that ends it: painting would stop for good.
        self._notifying = threading.Lock()
        self._slow = False
        self._late: deque[float] = deque(maxlen=_SLOW_CHUNKS)
        self._descriptor = descriptor
        self._listener = listener
        self._clock = clock
        self._texts: SimpleQueue[bytes | None] = SimpleQueue()
        # A daemon: a stalled connection must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Bytes not written yet."""
        return self.given - self._sent

    def write(self, text: str) -> None:
        """Write `text` after what is waiting; returns at once."""
        if self.lost:
            return
        data = text.encode("utf-8", errors="replace")
        self.given += len(data)
        self._texts.put(data)
        with self._notifying:
            if not self._full and self.backlog >= FULL:
                self._full = True
                self._listener.line_full()

    def lose(self) -> None:
        """Treat the terminal as closed."""
        if not self.lost:
            self.lost = True
            self._listener.line_lost()

    def close(self, wait: float) -> None:
        """Write the rest, for at most `wait` seconds, and end."""
        self._texts.put(None)
        self._thread.join(wait)

    def _run(self) -> None:
        while (data := self._next()) is not None:
            for start in range(0, len(data), _CHUNK_BYTES):
                self._send(data[start : start + _CHUNK_BYTES])
            with self._notifying:
                if self._full and not self.backlog:
                    self._full = False
                    self._listener.line_free()

    def _next(self) -> bytes | None:
        while True:
            try:
                return self._texts.get(timeout=_POLL_SECONDS)
            except Empty:
                self._check_hangup()

    def _check_hangup(self) -> None:
        """Check whether the terminal has hung up: a process without a controlling terminal gets no signal."""
        poll = select.poll()
        poll.register(self._descriptor, 0)
        if not self.lost and any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0)):
            self.lose()

    def _send(self, chunk: bytes) -> None:
        start = self._clock()
        rest = chunk
        while rest and not self.lost:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except (OSError, ValueError):
                self.lose()
        self._sent += len(chunk)
        now = self._clock()
        if now - start > _SLOW_SECONDS:
            self._late.append(now)
            if len(self._late) == _SLOW_CHUNKS and now - self._late[0] < _SLOW_WITHIN_SECONDS and not self._slow:
                self._slow = True
                self._listener.line_slow()
