"""Pictures that are nearly the same, two at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from trainer.data_index.index import DataIndex
    from trainer.data_index.record import IndexedPicture, NearDuplicates

# More than anybody goes through; the list of pictures (`is:duplicate`) has them all.
MOST_PAIRS = 2000
_ALL_BITS = 2**64 - 1


@dataclass(frozen=True)
class PicturePair:
    """Two pictures that are nearly the same.

    Attributes:
        first, second: the pictures, in the order of the data.
        bits: of 64 in which their hashes differ; None where that is not known.
    """

    first: "IndexedPicture"
    second: "IndexedPicture"
    bits: int | None = None


@dataclass
class PairsFound(Message):
    """The pairs of the data."""

    pairs: Sequence[PicturePair]


def find_pairs(index: "DataIndex") -> PairsFound:
    """Return each near-duplicate beside the first of its group."""
    pairs: list[PicturePair] = []
    for group in index.near_duplicates():
        if len(pairs) >= MOST_PAIRS:
            break
        pairs += _pairs_of(index, group)
    return PairsFound(tuple(pairs))


def _pairs_of(index: "DataIndex", group: "NearDuplicates") -> Iterator[PicturePair]:
    pictures = index.pictures(group.ids)
    for other in pictures[1:]:
        yield PicturePair(pictures[0], other, _bits(pictures[0], other))


def _bits(first: "IndexedPicture", second: "IndexedPicture") -> int | None:
    if first.pixels is None or second.pixels is None:
        return None
    one, other = first.pixels.picture_hash, second.pixels.picture_hash
    return None if one is None or other is None else ((one ^ other) & _ALL_BITS).bit_count()
