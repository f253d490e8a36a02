"""Output to the terminal, written by a thread of its own, so that no writer ever waits for a slow connection."""

import os
import select
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

from lora_tui.terminal.encoding import encode
from lora_tui.terminal.line_speed import LineSpeed

# Small, so that the bytes taken between two looks at the room show how fast the connection is.
_CHUNK_BYTES = 1024
_POLL_SECONDS = 0.5
# Between two looks at whether there is room again; longer the longer there has been none.
_ROOM_SECONDS = (0.01, 0.25)

# Whatever Textual writes that is no frame is shorter (modes, cursor, bell), or an operating system command (clipboard).
_FRAME_BYTES = 64
# What these begin is one whole until its end: links, pictures in a terminal's own format.
_STRINGS = (b"\x1b]", b"\x1bP", b"\x1b_")
_RESET = b"\x1b[0m"

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
        """The connection is slow; called once per measurement."""
        ...


class OutputQueue:
    """Writes text to a terminal. For a closed terminal text is dropped, and nothing is raised.

    Args:
        descriptor: the terminal's file descriptor.
        listener: called on changes.
        clock: monotonic seconds.
        encoding: of the terminal.
    """

    def __init__(
        self,
        descriptor: int,
        listener: OutputListener,
        clock: Callable[[], float] = time.monotonic,
        encoding: str = "utf-8",
    ) -> None:
        self.lost = False
        self.refused: OSError | None = None
        """Why the system takes nothing any more, where it said so."""
        self.given = 0
        """Bytes given to it so far."""
        self._sent = 0
        self._full = False
        # So that `line_full` is never called after the `line_free` that ends it: painting would stop for good.
        self._notifying = threading.Lock()
        self._speed = LineSpeed(clock)
        self._slow = False
        self._stale = 0
        again = _open_again(descriptor)
        self._never_waits = again is not None
        self._descriptor = descriptor if again is None else again
        self._room = select.poll()
        self._room.register(self._descriptor, select.POLLOUT)
        self._listener = listener
        self._clock = clock
        self._encoding = encoding
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
        data = encode(text, self._encoding)
        self.given += len(data)
        self._texts.put(data)
        with self._notifying:
            if not self._full and self.backlog >= FULL:
                self._full = True
                self._listener.line_full()

    def drop_frames(self) -> None:
        """Leave out the rest of the frames that are waiting, because a newer one replaces everything they show."""
        self._stale = self.given

    def measure_again(self) -> None:
        """Forget how fast the connection was; `line_slow` may be called again."""
        self._speed.forget()
        self._slow = False

    def slow(self, evidence: float) -> bool:
        """Return whether the connection was slow since `measure_again`, by at least `evidence` seconds without room."""
        return self._speed.slow(evidence)

    def lose(self) -> None:
        """Treat the terminal as closed."""
        if not self.lost:
            self.lost = True
            self._listener.line_lost()

    def drain(self, wait: float) -> None:
        """Come back once everything is written, or after `wait` seconds."""
        end = self._clock() + wait
        while self.backlog and not self.lost and self._clock() < end:
            time.sleep(_ROOM_SECONDS[0])

    def close(self, wait: float) -> None:
        """Write the rest, for at most `wait` seconds, and end."""
        self._texts.put(None)
        self._thread.join(wait)

    def _run(self) -> None:
        while (data := self._next()) is not None:
            self._send(data)
            with self._notifying:
                if self._full and not self.backlog:
                    self._full = False
                    self._listener.line_free()
            if not self.backlog:
                self._speed.emptied()
        if self._never_waits:
            os.close(self._descriptor)

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

    def _send(self, data: bytes) -> None:
        end = self._sent + len(data)
        frame = _is_frame(data)
        sent = 0
        while sent < len(data):
            if frame and self._stale >= end:
                # Up to the next control sequence, so that none is torn; what follows sets its own place and colours.
                cut = data.find(b"\x1b[", sent) if sent else 0
                if cut >= 0:
                    self._send_chunk(data[sent:cut] + _RESET if sent else b"")
                    break
            self._send_chunk(data[sent : sent + _CHUNK_BYTES])
            sent += _CHUNK_BYTES
            self._sent = min(self._sent + _CHUNK_BYTES, end)
        self._sent = end

    def _send_chunk(self, chunk: bytes) -> None:
        rest = chunk
        while rest and not self.lost:
            count = self._write_some(rest)
            rest = rest[count:]
            self._speed.took(count)
        if not self._slow and self._speed.slow():
            self._slow = True
            self._listener.line_slow()

    def _write_some(self, data: bytes) -> int:
        """Write as much as there is room for, wait until there is some, and count how long there certainly was none."""
        began = none_until = self._clock()
        count = 0
        while not self.lost:
            # Read before the attempt: what comes after it may be late by as long as others had the processor.
            now = self._clock()
            try:
                if self._never_waits or self._room.poll(0):
                    count = os.write(self._descriptor, data)
                    break
            except BlockingIOError:
                pass
            except OSError as error:
                self.refused = error
                self.lose()
                break
            except ValueError:
                self.lose()
                break
            none_until = now
            self._pause(min(_ROOM_SECONDS[1], max(_ROOM_SECONDS[0], (now - began) / 4)))
        self._speed.had_no_room(none_until - began)
        return count

    def _pause(self, seconds: float) -> None:
        if self._never_waits:
            time.sleep(seconds)
        else:
            self._room.poll(1000 * seconds)


def _open_again(descriptor: int) -> int | None:
    """Open the terminal of `descriptor` once more, so that a write takes what there is room for; None where that cannot be.

    A terminal that puts a return before each newline reports room where a write would wait. Setting the flag on `descriptor`
    itself would set it for the shell and for whoever else shares it.
    """
    try:
        return os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        # No terminal, or one of another user.
        return None


def _is_frame(data: bytes) -> bool:
    return len(data) > _FRAME_BYTES and not any(start in data for start in _STRINGS)
