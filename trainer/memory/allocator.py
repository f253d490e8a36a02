"""A model of the card's allocator: the bytes at the peak by part, and the bytes reserved, computed from a log of tensors."""

from bisect import bisect_left, insort
from collections import defaultdict

from trainer.memory.tracker import AWAY, Log

# torch's CUDA allocator (c10/cuda/CUDACachingAllocator): sizes are rounded up to 512 bytes; up to 1 MiB come from a pool of
# 2 MiB pages, larger ones, with expandable segments, from one that grows by 20 MiB.
_ROUND_BYTES = 512
_MAX_SMALL_BYTES = 1 << 20
_PAGE_BYTES = {True: 2 << 20, False: 20 << 20}


def rounded(size: int, to: int = _ROUND_BYTES) -> int:
    """Return `size` in whole pieces of `to` bytes."""
    return -(-size // to) * to


def peak_of(log: Log, *, rounds: bool) -> tuple[dict[str, int], str]:
    """Return the bytes by part at the moment when the most is held, and that moment's name.

    Args:
        log: from a tracker.
        rounds: whether sizes are rounded as a card's allocator does.
    """
    sizes = {
        number: 0 if life.part == AWAY else rounded(life.size) if rounds else life.size
        for number, life in log.allocations.items()
    }
    live = most = 0
    at = -1
    for index, (number, sign, _) in enumerate(log.events):
        live += sign * sizes[number]
        if live > most:
            most, at = live, index
    parts: dict[str, int] = defaultdict(int)
    for number, sign, _ in log.events[: at + 1]:
        parts[log.allocations[number].part] += sign * sizes[number]
    moment = log.moments[log.events[at][2]] if at >= 0 else ""
    return {part: size for part, size in parts.items() if size}, moment


def reserved_of(log: Log) -> int:
    """Return the most bytes that torch's allocator takes from a card for the log, with expandable segments.

    Each pool is one range that grows at its end; a piece goes into the smallest gap that holds it. Pages are returned to the
    card only when it is full, so that a bake may run with less.
    """
    pools = {True: _Pool(_PAGE_BYTES[True]), False: _Pool(_PAGE_BYTES[False])}
    places: dict[int, tuple[bool, int]] = {}
    for number, sign, _ in log.events:
        if log.allocations[number].part == AWAY:
            continue
        size = rounded(log.allocations[number].size)
        small = size <= _MAX_SMALL_BYTES
        if sign > 0:
            places[number] = (small, pools[small].allocate(size))
        else:
            _, start = places.pop(number)
            pools[small].free(start, size)
    return sum(pool.reserved for pool in pools.values())


class _Pool:
    """A range of memory with gaps."""

    def __init__(self, page: int) -> None:
        self._page = page
        self._end = 0
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._by_size: list[tuple[int, int]] = []

    @property
    def reserved(self) -> int:
        """Bytes taken from the card."""
        return self._end

    def allocate(self, size: int) -> int:
        """Return where a piece of `size` lies now."""
        at = bisect_left(self._by_size, (size, -1))
        if at == len(self._by_size):
            last = self._ends.get(self._end)
            have = self._end - last if last is not None else 0
            old, self._end = self._end, self._end + rounded(size - have, self._page)
            self._add(old, self._end - old)
            at = bisect_left(self._by_size, (size, -1))
        length, start = self._by_size[at]
        self._drop(start, length)
        if length > size:
            self._add(start + size, length - size)
        return start

    def free(self, start: int, size: int) -> None:
        """Free a piece and join it with the gaps beside it."""
        self._add(start, size)

    def _add(self, start: int, length: int) -> None:
        before = self._ends.get(start)
        if before is not None:
            self._drop(before, start - before)
            start, length = before, start + length - before
        after = self._starts.get(start + length)
        if after is not None:
            self._drop(start + length, after)
            length += after
        self._starts[start], self._ends[start + length] = length, start
        insort(self._by_size, (length, start))

    def _drop(self, start: int, length: int) -> None:
        del self._starts[start], self._ends[start + length]
        del self._by_size[bisect_left(self._by_size, (length, start))]
