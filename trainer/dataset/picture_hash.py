"""A perceptual hash of 64 bits, and which of many hashes differ in few bits."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BITS = 64
_SIDE, _KEPT = 32, 8
# Below this spread of its 32 × 32 means a picture is one flat area, whose hash would be what a JPEG made of it.
_LEAST_SPREAD = 2.0
# Pairs compared at once: 64 MB.
_AT_ONCE = 4_000_000
# A bucket of more is split once more by other bits.
_LARGE = 512

Hashes = NDArray[np.uint64]
Pairs = NDArray[np.int64]


def picture_hash(grey: Image.Image) -> int | None:
    """Return the hash of a picture in levels of grey, None where it is one flat area.

    The 64 lowest frequencies of its discrete cosine transform, each above their median or not, of 32 × 32 means (pHash: Zauner 2010,
    section 3.2.1; the lowest of all, which is the brightness, is left out of the median).
    """
    means = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float32)
    if float(means.std()) < _LEAST_SPREAD:
        return None
    low = _cosines() @ means @ _cosines().T
    values = low.ravel()
    bits = values > np.median(values[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


@cache
def _cosines() -> NDArray[np.float32]:
    """Return the first rows of the matrix of DCT-II for 32 values."""
    frequency, place = np.arange(_KEPT)[:, None], np.arange(_SIDE)[None, :]
    return np.cos(np.pi * frequency * (2 * place + 1) / (2 * _SIDE)).astype(np.float32)


def near_pairs(hashes: Hashes, distance: int) -> tuple[Pairs, NDArray[np.uint8]]:
    """Return the pairs of hashes that differ in at most `distance` bits, [pairs, 2] by place, and in how many they do.

    By the pigeonhole principle: of distance + 1 bands of the bits, two such hashes have one in common, so that only hashes with a
    common band are compared. Of equal hashes each is paired with the first one alone.

    Args:
        hashes: [pictures].
        distance: bits, from 0 to 16.
    """
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    places = np.arange(len(hashes), dtype=np.int64)
    again = places[first[inverse] != places]
    equal = np.stack([first[inverse[again]], again], axis=1) if len(again) else np.empty((0, 2), np.int64)
    found = list(_among(unique, np.arange(len(unique)), distance, np.uint64(2**BITS - 1))) if distance else []
    if not found:
        return equal, np.zeros(len(equal), np.uint8)
    pairs = np.unique(np.concatenate(found), axis=0)
    apart = np.bitwise_count(unique[pairs[:, 0]] ^ unique[pairs[:, 1]])
    near = first[pairs]
    near.sort(axis=1)
    return np.concatenate([equal, near]), np.concatenate([np.zeros(len(equal), np.uint8), apart])


def groups_of(count: int, pairs: Pairs) -> NDArray[np.int64]:
    """Return the first place of the group that each of `count` places belongs to, of which each is paired with another one."""
    labels = np.arange(count, dtype=np.int64)
    one, other = pairs[:, 0], pairs[:, 1]
    while len(pairs):
        low = np.minimum(labels[one], labels[other])
        lower = labels.copy()
        np.minimum.at(lower, labels[one], low)
        np.minimum.at(lower, labels[other], low)
        # Whoever points to one that points on points there at once.
        lower = lower[lower]
        if np.array_equal(lower, labels):
            break
        labels = lower
    return labels


def _among(hashes: Hashes, places: Pairs, distance: int, free: np.uint64) -> Iterator[Pairs]:
    """Yield the pairs among `places` that are near; `free` are the bits that have not been compared, all others are equal."""
    for band in _bands(free, distance + 1):
        keys = hashes[places] & band
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=np.uint64(~keys[order[0]]) if len(order) else 0))
        lengths = np.diff(starts, append=len(order))
        rest = free & ~band
        for start, length in zip(starts[lengths > 1].tolist(), lengths[lengths > 1].tolist(), strict=True):
            members = places[order[start : start + length]]
            # Splitting goes on while there are bits enough for more bands than differences.
            if length > _LARGE and int(rest).bit_count() > 2 * (distance + 1):
                yield from _among(hashes, members, distance, rest)
            else:
                yield from _compared(hashes, members, distance)


def _bands(free: np.uint64, count: int) -> list[np.uint64]:
    """Return `count` masks that share out the bits of `free`."""
    bits = [bit for bit in range(BITS) if int(free) >> bit & 1]
    return [np.uint64(sum(1 << bit for bit in bits[number::count])) for number in range(count)]


def _compared(hashes: Hashes, members: Pairs, distance: int) -> Iterator[Pairs]:
    """Yield the near pairs of a bucket, the lower place first."""
    own = hashes[members]
    rows = max(1, _AT_ONCE // len(members))
    for start in range(0, len(members), rows):
        apart = np.bitwise_count(own[start : start + rows, None] ^ own[None, :])
        one, other = np.nonzero(apart <= distance)
        one = one + start
        ahead = one < other
        if ahead.any():
            pair = np.stack([members[one[ahead]], members[other[ahead]]], axis=1)
            pair.sort(axis=1)
            yield pair
