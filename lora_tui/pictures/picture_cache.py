"""The pictures of one screen, at the sizes it shows; missing ones are requested from a thread that reads files."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MAX_BYTES = 24 * 2**20

Region = tuple[int, int, int, int]
"""Left, top, right, bottom in a picture's own pixels; the last two are outside."""


@dataclass(frozen=True)
class Want:
    """One picture as it is to be shown.

    Attributes:
        path: the file.
        width, height: pixels there is room for; the picture is fitted into them, its sides kept in proportion.
        region: this part alone, at native pixels, whatever the room; None for all of it.
        mask: what leaves parts of it out, shown on it: a file, or `alpha` for the picture's own transparency; None for none.
    """

    path: Path
    width: int
    height: int
    region: Region | None = None
    mask: Path | Literal["alpha"] | None = None


@dataclass(frozen=True)
class Pixels:
    """A picture ready to be drawn.

    Attributes:
        width, height: pixels; the height is even.
        data: red, green, blue of each pixel, row by row.
    """

    width: int
    height: int
    data: bytes

    def __bool__(self) -> bool:
        """Return whether there is anything to draw: a file that could not be read has nothing."""
        return bool(self.data)


UNREADABLE = Pixels(0, 0, b"")


def fitted(width: int, height: int, room_width: int, room_height: int) -> tuple[int, int]:
    """Return the largest size in the proportion of `width` to `height` that fits the room; its height is even, at least 2."""
    scale = min(room_width / max(width, 1), room_height / max(height, 1))
    rows = max(1, min(round(height * scale / 2), room_height // 2))
    return max(1, min(round(width * scale), room_width)), rows * 2


class Pictures:
    """The pictures of one screen, used in its own thread. Those not shown for longest are dropped.

    Args:
        wish: asks the reading thread for pictures for somebody, in place of what that one asked for before.
    """

    def __init__(self, request: Callable[[object, tuple[Want, ...]], object]) -> None:
        self._request = request
        self._kept: OrderedDict[Want, Pixels] = OrderedDict()
        self._bytes = 0
        self._watchers: list[Callable[[frozenset[Want]], object]] = []

    def watch(self, watcher: Callable[[frozenset[Want]], object]) -> None:
        """Call `watcher` with the pictures that have arrived, whenever some have."""
        self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[frozenset[Want]], object]) -> None:
        """Stop calling `watcher`."""
        self._watchers.remove(watcher)

    def find(self, want: Want) -> Pixels | None:
        """Return a picture, UNREADABLE where its file is broken, None where it is not read yet."""
        pixels = self._kept.get(want)
        if pixels is not None:
            self._kept.move_to_end(want)
        return pixels

    def want(self, who: object, wants: Sequence[Want]) -> None:
        """Request what `who` shows now, the most wanted first; missing ones are read."""
        self._request(who, tuple(want for want in wants if self.find(want) is None))

    def forget(self) -> None:
        """Drop everything: the files may hold something else now."""
        self._kept.clear()
        self._bytes = 0

    def keep(self, came: Mapping[Want, Pixels]) -> None:
        """Keep what has arrived, and call the watchers."""
        for want, pixels in came.items():
            before = self._kept.pop(want, UNREADABLE)
            self._bytes += len(pixels.data) - len(before.data)
            self._kept[want] = pixels
        while self._bytes > MAX_BYTES and len(self._kept) > len(came):
            self._bytes -= len(self._kept.popitem(last=False)[1].data)
        for watcher in tuple(self._watchers):
            watcher(frozenset(came))
