"""Writing of safetensors files tensor by tensor without torch: what is written is held nowhere, and its shapes need not be known before.

The header's room is set aside for the largest shapes there may be; it is written last, blanks fill what is left of the room.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from trainer.formats.safetensors_header import Header

# In safetensors' own order in a file (`Dtype`): types of the same width keep every tensor aligned, and a file that is read and
# written by that library keeps its bytes, so that its hashes stay.
_ORDER = (
    "U64",
    "I64",
    "F64",
    "C64",
    "F32",
    "U32",
    "I32",
    "BF16",
    "F16",
    "U16",
    "I16",
    "F8_E8M0",
    "F8_E4M3",
    "F8_E5M2",
    "I8",
    "U8",
)
_BYTES = {"U64": 8, "I64": 8, "F64": 8, "C64": 8, "F32": 4, "U32": 4, "I32": 4, "BF16": 2, "F16": 2, "U16": 2, "I16": 2}
_LEGACY_START = 0x100000
LEGACY_END = _LEGACY_START + 0x10000
"""No byte of a file from here on counts for its old short hash."""

Entry = tuple[str, str, tuple[int, ...]]
"""A tensor before it is written: its key, its type in the format's words, and a shape that no side of it will exceed."""


def canonical_order(key: str, dtype: str) -> tuple[int, str]:
    """Return what tensors are sorted by: safetensors' own order in a file."""
    return (_ORDER.index(dtype) if dtype in _ORDER else len(_ORDER)), key


class TensorStream:
    """A safetensors file being written; a context manager, in which `finish` is called last.

    Args:
        path: what is there is overwritten; not whole or not at all by itself: see trainer.atomic_file.
        entries: every tensor that may come.
        metadata: texts of the header, of which `finish` may have other values that are no longer, but for `slack`.
        slack: bytes that the texts may grow by.

    Raises:
        OSError: here and in every method, the file cannot be written.
    """

    def __init__(self, path: Path, entries: Iterable[Entry], metadata: Mapping[str, str], slack: int = 1024) -> None:
        self._room = _room(list(entries), metadata) + slack
        self._room += -self._room % 8
        self._spans: dict[str, dict[str, object]] = {}
        self._length = 0
        self._body = hashlib.sha256()
        self._head = bytearray()
        self._file = open(path, "wb")  # noqa: SIM115  # closed as the block ends
        self._file.seek(8 + self._room)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()

    def add(self, key: str, dtype: str, shape: tuple[int, ...], content: Iterable[memoryview | bytes]) -> None:
        """Write the next tensor.

        Args:
            key: its name.
            dtype, shape: as the header has them.
            content: its bytes, piece after piece.
        """
        start = self._length
        for piece in content:
            self._file.write(piece)
            self._body.update(piece)
            missing = LEGACY_END - len(self._head)
            if missing > 0:
                self._head += bytes(piece[:missing])
            self._length += len(piece)
        self._spans[key] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, self._length]}

    def hashes(self, metadata: Mapping[str, str]) -> dict[str, str]:
        """Return the hashes by which tools find a LoRA of these tensors (sd-scripts: precalculate_safetensors_hashes).

        Args:
            metadata: of the file; those that begin with `ss_` count for the second one.
        """
        own = {key: text for key, text in metadata.items() if key.startswith("ss_")}
        text = _json(self._spans, own)
        start = len(text).to_bytes(8, "little") + text + bytes(self._head)
        return {"sshs_model_hash": self._body.hexdigest(), "sshs_legacy_hash": legacy_hash(start)}

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Write the header.

        Args:
            metadata: texts of the header.
        """
        text = _json(self._spans, metadata)
        assert len(text) <= self._room, (len(text), self._room)
        self._file.seek(0)
        self._file.write(self._room.to_bytes(8, "little") + text.ljust(self._room))
        # A file without a byte behind its header would end with the room.
        self._file.truncate(8 + self._room + self._length)


def start_as_hashed(header: Header, metadata: Mapping[str, str]) -> bytes:
    """Return how a file of these tensors starts by which sd-scripts takes its hashes: length and header, with the `ss_*` texts alone.

    Args:
        header: of the file.
        metadata: its texts.
    """
    table: dict[str, dict[str, object]] = {}
    offset = 0
    for key, dtype, shape in entries_of(header):
        start, end = header.spans[key]
        table[key] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + end - start]}
        offset += end - start
    text = _json(table, {key: text for key, text in metadata.items() if key.startswith("ss_")})
    return len(text).to_bytes(8, "little") + text


def legacy_hash(start: bytes) -> str:
    """Return the old short hash of a file (sd-scripts: addnet_hash_legacy).

    Args:
        start: its first 1 MiB and 64 KiB, or all of it where it is shorter.
    """
    return hashlib.sha256(start[_LEGACY_START:LEGACY_END]).hexdigest()[:8]


def entries_of(header: Header) -> list[Entry]:
    """Return the tensors of a file in safetensors' own order."""
    keys = sorted(header.shapes, key=lambda key: canonical_order(key, header.dtypes[key]))
    return [(key, header.dtypes[key], header.shapes[key]) for key in keys]


def _room(entries: list[Entry], metadata: Mapping[str, str]) -> int:
    """Return how long the header may get."""
    most = sum(math.prod(shape) * _BYTES.get(dtype, 1) for _, dtype, shape in entries)
    table: dict[str, dict[str, object]] = {
        key: {"dtype": dtype, "shape": list(shape), "data_offsets": [most, most]} for key, dtype, shape in entries
    }
    return len(_json(table, metadata))


def _json(table: Mapping[str, Mapping[str, object]], metadata: Mapping[str, str]) -> bytes:
    """Return the header as safetensors writes it: without blanks but for those that fill it up to eight bytes."""
    whole: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    text = json.dumps(whole | dict(table), separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    return text + b" " * (-len(text) % 8)
