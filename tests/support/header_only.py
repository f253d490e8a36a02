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


def lora_file(
    path: Path, ranks: tuple[int, ...] = (8,), *, cross: int = 768, dtype: str = "F16", **metadata: str
) -> Path:
    """Layers on a few modules of a U-Net and a text encoder, without alphas."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number, rank in enumerate(ranks):
        name = f"lora_unet_down_blocks_{number}_attentions_0_transformer_blocks_0_attn2_to_k"
        shapes |= {f"{name}.lora_down.weight": (rank, cross), f"{name}.lora_up.weight": (320, rank)}
    name = "lora_unet_down_blocks_0_resnets_0_conv1"
    shapes |= {f"{name}.lora_down.weight": (4, 320, 3, 3), f"{name}.lora_up.weight": (320, 4, 1, 1)}
    return write_header_only(path, shapes, dtype=dtype, metadata=metadata or None)
