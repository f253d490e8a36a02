"""Columns of an index that stay while nobody has it open, so that opening it again reads nothing that has not changed."""

import threading
from dataclasses import dataclass, field
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


@dataclass
class KeptColumns:
    """What was read last, of one data set; threads share it, for it is put and taken whole.

    Attributes:
        last: None where nothing was read yet. It may be of another data set, or older than the file.
        reading: held by whoever reads all pictures of a data set to put them here.
    """

    last: ColumnsRead | None = None
    reading: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
