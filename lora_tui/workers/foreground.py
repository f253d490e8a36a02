"""Precedence of what the user waits for over long work behind the screen: Python runs one thread of a process at a time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# A key is answered within this, and one that is held down comes again.
_KEY_SECONDS = 0.3
# However long somebody keeps a key down, or an answer takes: what is behind the screen gets on a little.
_LONGEST_WAIT = 3.0


class Foreground:
    """What the user waits for now. Any thread may call it.

    Args:
        key_seconds: that a key counts as being answered.
        longest_wait: seconds that work waits at once, at most.
    """

    def __init__(self, key_seconds: float = _KEY_SECONDS, longest_wait: float = _LONGEST_WAIT) -> None:
        self._key_seconds, self._longest_wait = key_seconds, longest_wait
        self._changed = threading.Condition()
        self._until = 0.0
        self._answering = 0

    def note_input(self) -> None:
        """Note that a key was pressed or the mouse moved something."""
        self._until = time.monotonic() + self._key_seconds

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Have long work wait while this thread answers what a screen asked for."""
        with self._changed:
            self._answering += 1
        try:
            yield
        finally:
            with self._changed:
                self._answering -= 1
                self._changed.notify_all()

    @property
    def busy(self) -> bool:
        """Whether the user waits for something."""
        return bool(self._answering) or time.monotonic() < self._until

    def give_way(self) -> None:
        """Wait until the user waits for nothing; at once where that is so, and never for very long."""
        if not self.busy:
            return
        end = time.monotonic() + self._longest_wait
        with self._changed:
            while self.busy and (now := time.monotonic()) < end:
                until = end if self._answering else min(end, self._until)
                self._changed.wait(max(0.0, until - now))


FOREGROUND = Foreground()
"""Of this process, which has one terminal."""
