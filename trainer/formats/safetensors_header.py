"""Header of a safetensors file, read with bounds checks and without torch.

Every size and place that it claims is checked against the file here, so that whoever reads tensors allocates no more than is there.
"""

import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from trainer.errors import ModelError
from trainer.regular_file import open_regular
from trainer.text import printable

# 8 bytes give the header's length, so a hostile file may claim 2^64. This is the format's own limit.
MAX_HEADER_BYTES = 100_000_000
# SD1.5's U-Net needs 0.1 MB, a LoRA with the tags of a large data set a few. Of what is longer the values are counted before it is
# parsed: texts take what they are long, a value about 100 bytes, and a tensor has some 10 of them.
_SHORT = 16 * 2**20
_MAX_VALUES = 4_000_000
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)

# All types of the format (safetensors 0.8): name -> bits of one number.
_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8}
_BITS |= {"F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16}
_BITS |= {"U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64}


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
        ModelError: the file cannot be read, is truncated, is not a safetensors file, or has tensors of an unknown type, of another size
            than their shape, or that share bytes.
    """
    try:
        with open_regular(path) as file:
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
    if not _is_utf8((*metadata, *metadata.values(), *entries)):
        raise _broken(path, "its header is not valid JSON: a text is not UTF-8")
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: dict[str, str] = {}
    spans: dict[str, tuple[int, int]] = {}
    for name, entry in entries.items():
        shapes[name], dtypes[name], spans[name] = _checked(path, name, entry, size - 8 - length)
    _check_apart(path, spans)
    return Header(shapes, metadata, length, dtypes, spans)


def _values_in(text: bytes) -> int:
    """Return about how many values a JSON text has, without those in texts."""
    bare = _TEXT.sub(b"", text)
    return sum(bare.count(sign) for sign in (b",", b"[", b"{"))


def _is_utf8(texts: Iterable[str]) -> bool:
    """Return whether all texts can be written: JSON lets half of a surrogate pair be named, which safetensors' own reader refuses."""
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
    if dtype not in _BITS:
        raise _broken(path, f"tensor {printable(name, 80)} is of the unknown type {printable(dtype, 20)}")
    if 8 * (end - start) != math.prod(shape) * _BITS[dtype]:
        raise _broken(path, f"tensor {printable(name, 80)} has {end - start:,} bytes, which does not match its shape")
    return tuple(shape), dtype, (start, end)


def _check_apart(path: Path, spans: dict[str, tuple[int, int]]) -> None:
    """See that no byte belongs to two tensors: a small file could claim any number of large ones."""
    ordered = sorted((start, end, name) for name, (start, end) in spans.items() if start < end)
    for (_, before, one), (start, _, other) in pairwise(ordered):
        if start < before:
            raise _broken(path, f"tensors {printable(one, 80)} and {printable(other, 80)} share bytes")


def _broken(path: Path, found: str) -> ModelError:
    return ModelError(
        printable(str(path)),
        found=found,
        expected="a complete .safetensors file",
        way_out="download it again and compare its size",
    )
