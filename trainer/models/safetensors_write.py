"""Writing of safetensors files tensor by tensor, so that a state needs no second copy of itself in memory.

safetensors' own save_file writes to a file of its own naming, which a killed process leaves behind.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

# Names of the types in the header. The order is safetensors' own in the file, widest first, which keeps every tensor aligned.
_TYPES = {
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float32: "F32",
    torch.int32: "I32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}

WRITABLE_TYPES = frozenset(_TYPES)
"""The types of tensors that can be written."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write `tensors` and `metadata` into the file `path`. Not whole or not at all by itself: see trainer.atomic_file.

    Args:
        path: what is there is overwritten.
        tensors: by key, on any device, of the types above.
        metadata: texts for the header.

    Raises:
        OSError: it cannot be written.
    """
    order = list(_TYPES)
    names = sorted(tensors, key=lambda name: (order.index(tensors[name].dtype), name))
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    begin = 0
    for name in names:
        tensor = tensors[name]
        end = begin + tensor.nbytes
        header[name] = {"dtype": _TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    # The first tensor has to begin at a multiple of eight bytes.
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            file.write(bytes_of(tensors[name]))


def bytes_of(tensor: Tensor) -> memoryview:
    """Return a tensor's numbers as one row of bytes, in the computer's memory; numpy knows no bf16."""
    row = tensor.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8)
    return row.numpy().data
