"""Numbers of a safetensors file: single values, and whether all are finite, without torch."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import ModelError
from trainer.formats.safetensors_header import Header
from trainer.regular_file import open_regular
from trainer.text import printable

# What is looked at at once: long reads, and little memory.
_PIECE_BYTES = 16 * 2**20

# Type -> (unsigned integer of its width, all bits but the sign, the first pattern that is no finite number).
_LARGEST: dict[str, tuple[type[np.unsignedinteger[Any]], int, int]] = {
    "F16": (np.uint16, 0x7FFF, 0x7C00),
    "BF16": (np.uint16, 0x7FFF, 0x7F80),
    "F32": (np.uint32, 0x7FFFFFFF, 0x7F800000),
    "F64": (np.uint64, 0x7FFFFFFFFFFFFFFF, 0x7FF0000000000000),
    "F8_E5M2": (np.uint8, 0x7F, 0x7C),
    # This one has no infinity, and one pattern for NaN.
    "F8_E4M3": (np.uint8, 0x7F, 0x7F),
}
_SINGLE = {"F16": "<e", "F32": "<f", "F64": "<d", "I64": "<q", "I32": "<i", "I16": "<h", "I8": "<b", "U8": "<B"}


def read_number(path: Path, header: Header, key: str) -> float:
    """Return the value of a tensor of one number.

    Raises:
        ModelError: the file cannot be read, or the type is none of numbers.
    """
    dtype, (start, end) = header.dtypes[key], header.spans[key]
    with _Reading(path) as file:
        file.seek(8 + header.length + start)
        raw = file.read(end - start)
    if dtype == "BF16":
        # The upper half of an fp32.
        raw, dtype = b"\0\0" + raw, "F32"
    if dtype not in _SINGLE or len(raw) != struct.calcsize(_SINGLE[dtype]):
        raise ModelError(
            printable(str(path)), found=f"{printable(key, 80)} is of type {printable(dtype, 20)}", expected="a number"
        )
    return float(struct.unpack(_SINGLE[dtype], raw)[0])


def same_tensor(path: Path, header: Header, one: str, other: str) -> bool:
    """Return whether two tensors of a file have the same type, shape and bytes.

    Raises:
        ModelError: the file cannot be read.
    """
    if (header.dtypes[one], header.shapes[one]) != (header.dtypes[other], header.shapes[other]):
        return False
    with _Reading(path) as file:
        found = []
        for start, end in (header.spans[one], header.spans[other]):
            file.seek(8 + header.length + start)
            found.append(file.read(end - start))
    return found[0] == found[1]


def broken_tensors(path: Path, header: Header) -> list[tuple[str, str]]:
    """Return the tensors with a value that is no finite number: each name and `NaN` or `infinity`, in the file's order.

    Integers are passed over. It reads the whole file, some 3 GB a second from memory.

    Raises:
        ModelError: the file cannot be read.
    """
    found: list[tuple[str, str]] = []
    with _Reading(path) as file:
        for key, (start, end) in sorted(header.spans.items(), key=lambda item: item[1]):
            if header.dtypes[key] not in _LARGEST or start == end:
                continue
            file.seek(8 + header.length + start)
            if word := _broken(file, end - start, header.dtypes[key]):
                found.append((key, word))
    return found


def _broken(file: "_Reading", left: int, dtype: str) -> str:
    word, mask, limit = _LARGEST[dtype]
    worst = 0
    while left:
        piece = np.frombuffer(file.read(min(left, _PIECE_BYTES)), np.uint8)
        left -= len(piece)
        numbers: NDArray[np.unsignedinteger[Any]] = piece[: len(piece) // word().itemsize * word().itemsize].view(word)
        if not len(piece) or not len(numbers):
            break
        worst = max(worst, int((numbers & word(mask)).max()))
    if worst < limit:
        return ""
    return "infinity" if worst == limit and dtype != "F8_E4M3" else "NaN"


class _Reading:
    """A file being read, whose failures are the model's."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "_Reading":
        try:
            self._file = open_regular(self._path)
        except OSError as error:
            raise self._failed(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def seek(self, place: int) -> None:
        """Go to a place in the file."""
        self._file.seek(place)

    def read(self, count: int) -> bytes:
        """Return the next bytes, as many as there are."""
        try:
            return self._file.read(count)
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> ModelError:
        return ModelError(printable(str(self._path)), found=f"cannot be read ({error.strerror})")
