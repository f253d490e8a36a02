"""Columns of an index that stay while nobody has it open, so that opening it again reads nothing that has not changed."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # It needs numpy, which whoever keeps columns need not have.
    from trainer.data_index.columns import PictureColumns


@dataclass(frozen=True)
class ColumnsRead:
    """The pictures of one data set as an index had them.

    Attributes:
        made: number that the index's file was given when it was made.
        place: of the data set.
        number: of the data set in the file; None where it is not known there.
        rows, pixels: generations of the file at that time.
        columns: the pictures.
    """

    made: int
    place: str
    number: int | None
    rows: int
    pixels: int
    columns: "PictureColumns"


class KeptColumns:
    """What was read last, of one data set; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: ColumnsRead | None = None

    def find(self, made: int, place: str) -> ColumnsRead | None:
        """Return what was read of a data set, at whatever generations; None where the last one was another."""
        with self._lock:
            last = self._last
        return last if last is not None and (last.made, last.place) == (made, place) else None

    def keep(self, read: ColumnsRead) -> None:
        """Keep what was read, in place of what was kept."""
        with self._lock:
            self._last = read
