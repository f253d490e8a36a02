"""The search for garbage where very many objects stay: Python looks through all there are, and nothing else goes on meanwhile."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MANY = 20_000
"""Pictures from which on looking through all that is known of them takes longer than a key should."""

# Searches among young objects before all are looked through; Python's is 10, after which the objects of 100,000 pictures, half a
# second's worth, are looked through a dozen times while they are made.
_SELDOM = 1000
_lock = threading.Lock()
_running = 0
_usual: tuple[int, int, int] = gc.get_threshold()


@contextmanager
def seldom_whole_searches() -> Iterator[None]:
    """Look for garbage among young objects as ever, and among all there are hardly ever, while the block lasts in any thread."""
    global _running, _usual  # noqa: PLW0603 - the thresholds are the process's
    with _lock:
        if not _running:
            _usual = gc.get_threshold()
            gc.set_threshold(*_usual[:2], _SELDOM)
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running:
                gc.set_threshold(*_usual)


def clear_before_many() -> None:
    """Drop the garbage there is: what `keep_from_search` keeps would keep it too."""
    gc.collect()


def keep_from_search() -> None:
    """Look through nothing any more that is there now; it goes all the same once nothing refers to it, but for circles."""
    gc.collect(1)
    gc.freeze()
