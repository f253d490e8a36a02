"""The speed of a connection, from the times at which it had no room for what was waiting."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

SLOW_BYTES_PER_SECOND = 10 * 1024
"""A connection that takes less is slow: a dashboard of 120 × 36 writes 20 to 40 KiB a second."""

EVIDENCE_SECONDS = 5.0
"""Seconds without room after which a connection may be called slow."""

_WINDOW_SECONDS = 60.0


@dataclass
class _Jam:
    """The time from the first moment without room until nothing waited any more."""

    seconds: float = 0.0
    longest: float = 0.0
    taken: int = 0

    @property
    def counted(self) -> float:
        """Seconds without room, except for the longest stretch."""
        return self.seconds - self.longest


class LineSpeed:
    """Tells a slow connection from one that stalled and from a busy processor.

    What counts is bytes over time, never how late a single write returned. The time is that at which the connection certainly had
    no room, both before and after; the bytes are all that it took from then until nothing waited. So a writer that gets no
    processor time looks no slower: whatever the reader has read meanwhile is taken at once. A reader that stalls and then reads
    everything leaves one long stretch without room, hence the longest of each jam does not count.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._jam = _Jam()
        self._past: deque[tuple[float, float, int]] = deque()

    def had_no_room(self, seconds: float) -> None:
        """Count a stretch of `seconds` without room for what was waiting."""
        if seconds > 0:
            with self._lock:
                self._jam.seconds += seconds
                self._jam.longest = max(self._jam.longest, seconds)

    def took(self, count: int) -> None:
        """Count `count` bytes taken. Those before the first stretch without room only filled buffers."""
        with self._lock:
            if self._jam.seconds:
                self._jam.taken += count

    def emptied(self) -> None:
        """Close the jam: nothing waits any more."""
        with self._lock:
            if self._jam.counted:
                self._past.append((self._clock(), self._jam.counted, self._jam.taken))
            self._jam = _Jam()

    def forget(self) -> None:
        """Measure from now on."""
        with self._lock:
            self._past.clear()
            self._jam = _Jam()

    def slow(self, evidence: float = EVIDENCE_SECONDS) -> bool:
        """Return whether the connection is slow, by at least `evidence` seconds without room in the last minute."""
        with self._lock:
            while self._past and self._past[0][0] < self._clock() - _WINDOW_SECONDS:
                self._past.popleft()
            seconds = self._jam.counted + sum(seconds for _, seconds, _ in self._past)
            taken = self._jam.taken + sum(taken for _, _, taken in self._past)
        return seconds >= evidence and taken < SLOW_BYTES_PER_SECOND * seconds
