"""Safetensors files whose tensors are a hole in the file system: a checkpoint of real size that takes no room."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

_BYTES = {"F8_E4M3": 1, "U8": 1, "F16": 2, "BF16": 2, "F32": 4}


def write_header_only(
    path: Path,
    shapes: Mapping[str, Sequence[int]],
    *,
    dtype: str = "F16",
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a file of tensors of these shapes, and return its path.

    Args:
        path: the file.
        shapes: by name.
        dtype: of every tensor, in the format's words.
        metadata: texts for the header.
    """
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, shape in shapes.items():
        size = _BYTES[dtype]
        for side in shape:
            size *= side
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(entries).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with path.open("r+b") as file:
        file.truncate(8 + len(text) + offset)
    return path
