"""Likeness of pictures: a small signature of each, kept by content, and groups of pictures that are nearly the same."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer import long_work
from trainer.atomic_file import write_atomically
from trainer.dataset.content import content_of
from trainer.dataset.picture_file import UnreadablePicture, open_small, picture_size
from trainer.errors import DatasetError
from trainer.regular_file import read_regular

CACHE = Path("cache") / "picture_signatures.json"
"""Where a workspace keeps the signatures."""

# Raised with every change of what a signature is.
_VERSION = 1
# Half a kilobyte each; the oldest go first. A data set with more would be decoded again each time.
_MAX_KEPT = 120_000
_MAX_CACHE_BYTES = 64 * 2**20

# dHash on 8 × 8 places, along the rows and along the columns: is a place brighter than the next one, is it darker? A difference within
# the margin is neither, so that flat areas give the same bits whatever a JPEG made of them.
_SIDE = 8
_MARGIN = 8
_HASH_BYTES = 4 * _SIDE * _SIDE // 8
# The mean colours of the same places confirm what the hash finds.
_BYTES = _HASH_BYTES + _SIDE * _SIDE * 3
_THUMBNAIL = 64
_PIECE = 512
# 200 MB once decoded, in each thread.
_MAX_PIXELS = 50_000_000

# Measured on 75 drawings, diagrams and photographs. Saved again as JPEG of quality 40, or at half the size, every picture is found; 8 %
# brighter or cut by 2 % at each edge every drawing of 64 pixels, and of the others three in four and two in three. The nearest that are
# not the same, drawings of one figure in other clothes on one ground, are 21 % apart.
_MAX_BITS = 30
_MAX_COLOUR = 0.18
# Below this spread of colours a picture is one flat area, and a difference of a few levels still is none.
_LEAST_SPREAD = 4.0


@dataclass(frozen=True)
class PictureThumbnails:
    """Signatures of pictures, and which of them could not be decoded after all.

    Attributes:
        signatures: file -> its signature; equal bytes where the contents are equal.
        contents: file -> sha256 of its content.
        broken: file -> why it cannot be decoded.
    """

    signatures: Mapping[Path, bytes]
    contents: Mapping[Path, str]
    broken: Mapping[Path, UnreadablePicture] = field(default_factory=dict)

    @cached_property
    def near_duplicates(self) -> list[tuple[Path, ...]]:
        """Groups of pictures of which each is nearly the same as another one of its group, by the order given; looked for once."""
        return _groups(self.signatures)


class SignatureCache:
    """Signatures by content, in a file that may be thrown away at any time.

    Args:
        path: the file; None keeps them in memory alone.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, bytes] | None = None
        self._changed = False

    def get(self, content: str) -> bytes | None:
        """Return a known signature."""
        return self._read().get(content)

    def keep(self, content: str, signature: bytes) -> None:
        """Note a signature; it is written by `save`."""
        self._read()[content] = signature
        self._changed = True

    def save(self) -> None:
        """Write what is new; a folder that cannot be written is not a reason to fail."""
        if not self._changed or self._path is None:
            return
        self._changed = False
        known = dict(list(self._read().items())[-_MAX_KEPT:])
        values = {"version": _VERSION, "signatures": {key: value.hex() for key, value in known.items()}}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps(values).encode("ascii"))
        except OSError:
            return

    def _read(self) -> dict[str, bytes]:
        if self._known is None:
            self._known = _signatures_in(self._path) if self._path is not None else {}
        return self._known


def thumbnails_of(
    paths: Iterable[Path],
    cache: SignatureCache,
    *,
    stop: Callable[[], bool] = lambda: False,
    show: Callable[[int, int], object] = lambda done, total: None,
    threads: int = 0,
) -> PictureThumbnails | None:
    """Return the signatures of pictures, made where they are not known; None if `stop` turned true.

    Args:
        paths: the pictures; one that is gone, or larger than 50 megapixels, is left out.
        cache: of signatures made before.
        stop: asked between two pictures.
        show: takes how many pictures are done, and of how many, after each.
        threads: that decode; 0 for as many as the computer has cores, at most 8.
    """
    signatures: dict[Path, bytes] = {}
    contents: dict[Path, str] = {}
    broken: dict[Path, UnreadablePicture] = {}

    def make(path: Path) -> tuple[Path, str, bytes | UnreadablePicture] | None:
        if stop():
            return None
        try:
            content = content_of(path).sha256
            known = cache.get(content)
            width, height = picture_size(path)
            if width * height > _MAX_PIXELS:
                return path, "", b""
            return path, content, _signature(open_small(path, _THUMBNAIL)) if known is None else known
        except UnreadablePicture as reason:
            return path, "", reason
        except DatasetError:
            return path, "", b""

    workers = threads or min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="thumbnail") as pool:
        all_paths = tuple(dict.fromkeys(paths))
        # In pieces: what waits in a pool takes memory, and time before the first one is done.
        pieces = (all_paths[start : start + _PIECE] for start in range(0, len(all_paths), _PIECE))
        for done, made in enumerate((each for piece in pieces for each in pool.map(make, piece)), start=1):
            show(done, len(all_paths))
            if made is None:
                continue
            path, content, signature = made
            if isinstance(signature, UnreadablePicture):
                broken[path] = signature
            elif signature:
                signatures[path], contents[path] = signature, content
                if cache.get(content) is None:
                    cache.keep(content, signature)
    cache.save()
    return None if stop() else PictureThumbnails(signatures, contents, broken)


def _groups(signatures: Mapping[Path, bytes]) -> list[tuple[Path, ...]]:
    paths = list(signatures)
    if len(paths) < 2:
        return []
    raw = np.frombuffer(b"".join(signatures.values()), np.uint8).reshape(len(paths), _BYTES)
    parents = list(range(len(paths)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = parents[parents[place]]
            place = parents[place]
        return place

    colours = raw[:, _HASH_BYTES:]
    for one, other in _alike(raw[:, :_HASH_BYTES]):
        first, second = sorted((root(one), root(other)))
        # Of many frames of one scene each pair is alike: those already in one group are compared no more.
        if first != second and _colour_distance(colours[one], colours[other]) <= _MAX_COLOUR:
            parents[second] = first
    groups: dict[int, list[Path]] = {}
    for place, path in enumerate(paths):
        groups.setdefault(root(place), []).append(path)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _alike(hashes: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
    """Yield the pairs (place, later place) of nearly the same hash; memory grows with their number, not its square."""
    # A word of each hash after the other: rows of a few numbers each are summed many times slower.
    words = np.ascontiguousarray(hashes).view(np.uint64).T.copy()
    for place in long_work.each("comparing pictures", range(len(hashes) - 1)):
        apart = np.bitwise_count(words[0, place + 1 :] ^ words[0, place]).astype(np.uint16)
        for word in words[1:]:
            apart += np.bitwise_count(word[place + 1 :] ^ word[place])
        yield from ((place, place + 1 + int(step)) for step in np.flatnonzero(apart <= _MAX_BITS))


def _colour_distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the root mean square difference of the places' colours as a share of their spread, a different brightness left out."""
    first, second = (colours.reshape(-1, 3).astype(np.float32) for colours in (one, other))
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    spread = max(float(first.std()), float(second.std()))
    return float(np.sqrt(np.mean((first - second) ** 2))) / (spread + _LEAST_SPREAD)


def _signature(image: Image.Image) -> bytes:
    """Return the signature of a small copy of a picture: its hash, then the mean colours of its places."""
    grey = image.convert("L")
    rows = _means(grey, _SIDE + 1, _SIDE).astype(np.int16)
    columns = _means(grey, _SIDE, _SIDE + 1).astype(np.int16)
    steps = (rows[:, 1:] - rows[:, :-1], columns[1:] - columns[:-1])
    bits = [part.ravel() for step in steps for part in (step > _MARGIN, step < -_MARGIN)]
    return np.packbits(np.concatenate(bits)).tobytes() + _means(image, _SIDE, _SIDE).tobytes()


def _means(image: Image.Image, width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(image.resize((width, height), Image.Resampling.BOX), np.uint8)


def _signatures_in(path: Path) -> dict[str, bytes]:
    """Return the signatures in a file, none where it is missing, damaged or of another version."""
    try:
        values = json.loads(read_regular(path, _MAX_CACHE_BYTES))
        if values["version"] != _VERSION:
            return {}
        known = {str(key): bytes.fromhex(text) for key, text in values["signatures"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return {key: value for key, value in known.items() if len(value) == _BYTES}
