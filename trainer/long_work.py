"""Progress of long work, told by the work to whoever waits for it in the same thread, who may ask it to end."""

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class WorkStopped(Exception):
    """Work was ended because somebody asked for that, at a place where nothing is left half-made."""


@dataclass(frozen=True)
class WorkProgress:
    """How far work is.

    Attributes:
        words: what is being done: `reading pictures`.
        done: how much of it.
        total: of how much; 0 where nobody knows.
        unit: of both; "" for things that are counted.
    """

    words: str
    done: int = 0
    total: int = 0
    unit: str = ""


@dataclass(frozen=True)
class _Watcher:
    show: Callable[[WorkProgress], object] | None
    stop: Callable[[], bool]


_watcher: ContextVar[_Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(show: Callable[[WorkProgress], object] | None, stop: Callable[[], bool]) -> Iterator[None]:
    """Watch what this thread does inside the block.

    Args:
        show: takes how far it is, very often; must be quick. None where nobody wants to know.
        stop: asked whenever the work can end without leaving anything half-made.

    Raises:
        WorkStopped: `stop` turned true, and the work ended.
    """
    before = _watcher.set(_Watcher(show, stop))
    try:
        yield
    finally:
        _watcher.reset(before)


@contextmanager
def unwatched() -> Iterator[None]:
    """Let nobody watch what this thread does inside the block: what must not be ended halfway."""
    before = _watcher.set(None)
    try:
        yield
    finally:
        _watcher.reset(before)


def advance(words: str, done: int = 0, total: int = 0, unit: str = "") -> None:
    """Say how far work is; nothing where nobody watches.

    Args:
        words: what is being done.
        done: how much of it.
        total: of how much; 0 where it is not known.
        unit: of both; "" for things that are counted.

    Raises:
        WorkStopped: whoever watches has asked it to end.
    """
    watcher = _watcher.get()
    if watcher is None:
        return
    if watcher.stop():
        raise WorkStopped(words)
    if watcher.show is not None:
        watcher.show(WorkProgress(words, done, total, unit))


def each(words: str, things: Iterable[T]) -> Iterator[T]:
    """Yield `things` one by one, and say before each how far they are.

    Raises:
        WorkStopped: as `advance`.
    """
    total = len(things) if isinstance(things, Sized) else 0
    for done, thing in enumerate(things):
        advance(words, done, total)
        yield thing
