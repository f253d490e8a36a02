"""Header of a safetensors file, read with bounds checks and without torch."""

import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import ModelError
from trainer.text import printable

# 8 bytes give the header's length, so a hostile file may claim 2^64. This is the format's own limit.
MAX_HEADER_BYTES = 100_000_000
# SD1.5's U-Net needs 0.1 MB, a LoRA with the tags of a large data set a few. Of what is longer the values are counted before it is
# parsed: texts take what they are long, a value about 100 bytes, and a tensor has some 10 of them.
_SHORT = 16 * 2**20
_MAX_VALUES = 10_000_000
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)

_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2}
_BYTES |= {"U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8}


@dataclass(frozen=True)
class Header:
    """The header of a safetensors file.

    Attributes:
        shapes: tensor name -> shape.
        metadata: the file's key-value texts.
        length: bytes of the JSON; the tensors start 8 bytes after it.
        dtypes: tensor name -> type as the format names it, such as `F16`.
        spans: tensor name -> its first byte and the one after its last, counted from the start of the tensors.
    """

    shapes: dict[str, tuple[int, ...]]
    metadata: dict[str, str]
    length: int
    dtypes: dict[str, str]
    spans: dict[str, tuple[int, int]]


def read_header(path: Path) -> Header:
    """Return the header of the safetensors file at `path`; no tensor is read.

    Raises:
        ModelError: the file cannot be read, is truncated, or is not a safetensors file.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 10 or not 2 <= length <= min(size - 8, MAX_HEADER_BYTES):
                raise _broken(path, f"its header claims {length:,} bytes in a file of {size:,}")
            text = file.read(length)
    except OSError as error:
        raise ModelError(printable(str(path)), found=f"cannot be read ({error.strerror})") from error
    if length > _SHORT and _values_in(text) > _MAX_VALUES:
        raise _broken(path, f"its header of {length:,} bytes holds more values than any model has")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(path, "its header is not valid JSON") from error
    if not isinstance(entries, dict):
        raise _broken(path, "its header is not a table")
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _broken(path, "its metadata are not texts")
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, str] = {}
    spans: dict[str, tuple[int, int]] = {}
    for name, entry in entries.items():
        shapes[name], dtypes[name], spans[name] = _checked(path, name, entry, size - 8 - length)
    return Header(shapes, metadata, length, dtypes, spans)


def _values_in(text: bytes) -> int:
    """Return about how many values a JSON text has, without those in texts."""
    bare = _TEXT.sub(b"", text)
    return sum(bare.count(sign) for sign in (b",", b"[", b"{"))


def _checked(path: Path, name: str, entry: object, body: int) -> tuple[tuple[int, ...], str, tuple[int, int]]:
    """Return shape, type and span of one entry after checking that its bytes lie in the file and fit its shape."""
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(end)]}:
            pass
        case _:
            raise _broken(path, f"the entry of tensor {printable(name, 80)} is incomplete")
    if len(shape) > 8 or not all(type(side) is int and side >= 0 for side in shape):
        raise _broken(path, f"tensor {printable(name, 80)} has no valid shape")
    if not 0 <= start <= end <= body:
        raise _broken(path, f"tensor {printable(name, 80)} lies outside the file: the download may be incomplete")
    if dtype in _BYTES and end - start != math.prod(shape) * _BYTES[dtype]:
        raise _broken(path, f"tensor {printable(name, 80)} has {end - start:,} bytes, which does not match its shape")
    return tuple(shape), dtype, (start, end)


def _broken(path: Path, found: str) -> ModelError:
    return ModelError(
        printable(str(path)),
        found=found,
        expected="a complete .safetensors file",
        way_out="download it again and compare its size",
    )
