"""Plain LoRA files of random numbers, layer by layer, without torch: any rank, alpha, kernel, type and form of keys."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A layer to write.

    Attributes:
        outputs, inputs, rank: its sides.
        kernel: None for a Linear, else of the convolution.
        alpha: None to write none; an int is written as int64, as sd-scripts does without save_precision.
        core: whether the kernel stands in a lora_mid of its own.
        size: of the numbers in up; 0 for a layer that changes nothing.
    """

    outputs: int
    inputs: int
    rank: int
    kernel: int | None = None
    alpha: float | int | None = 1.0
    core: bool = False
    size: float = 1.0


def kohya(module: str) -> dict[str, str]:
    """The keys of kohya's form."""
    return {role: f"{module}.lora_{role}.weight" for role in ("down", "up", "mid")} | {"alpha": f"{module}.alpha"}


def write_lora_of_numbers(
    path: Path,
    layers: Mapping[str, Layer],
    *,
    dtype: str = "F32",
    seed: int = 0,
    keys: Callable[[str], Mapping[str, str]] = kohya,
    metadata: Mapping[str, str] | None = None,
    near: float | None = None,
) -> Path:
    """Write the file and return its path.

    Args:
        path: the .safetensors file.
        layers: by module.
        dtype: of the factors, in the format's words.
        seed: another one gives other numbers.
        keys: module -> role -> key.
        metadata: texts for the header.
        near: the share of numbers of another seed to add, so that the file is near the one of `seed` alone.
    """
    draws, other = np.random.default_rng(seed), np.random.default_rng([seed, 1])

    def numbers(shape: Sequence[int], size: float) -> Array:
        made = draws.standard_normal(shape) * size
        return made if near is None else made + near * size * other.standard_normal(shape)

    tensors: dict[str, tuple[str, Array]] = {}
    for module, layer in layers.items():
        of = keys(module)
        point = () if layer.kernel is None else (1, 1)
        kernel = () if layer.kernel is None else (layer.kernel, layer.kernel)
        down = (layer.rank, layer.inputs, *(point if layer.core else kernel))
        tensors[of["down"]] = dtype, numbers(down, layer.inputs**-0.5)
        tensors[of["up"]] = dtype, numbers((layer.outputs, layer.rank, *point), 0.1 * layer.size)
        if layer.core:
            tensors[of["mid"]] = dtype, numbers((layer.rank, layer.rank, *kernel), layer.rank**-0.5)
        if layer.alpha is not None:
            kind = "I64" if isinstance(layer.alpha, int) else "F32" if dtype.startswith("F8") else dtype
            tensors[of["alpha"]] = kind, np.array(layer.alpha)
    return write_tensors(path, tensors, metadata)


def write_tensors(
    path: Path, tensors: Mapping[str, tuple[str, Array]], metadata: Mapping[str, str] | None = None
) -> Path:
    """Write a safetensors file of numbers, each rounded to its type, and return its path."""
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    content = bytearray()
    for key, (dtype, numbers) in tensors.items():
        raw = _rounded(numbers, dtype).tobytes()
        entries[key] = {
            "dtype": dtype,
            "shape": list(numbers.shape),
            "data_offsets": [len(content), len(content) + len(raw)],
        }
        content += raw
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return path


def _rounded(numbers: Array, dtype: str) -> Array:
    match dtype:
        case "BF16":
            bits = numbers.astype(np.float32).view(np.uint32)
            return (bits + 0x7FFF + (bits >> 16 & 1) >> 16).astype(np.uint16)
        case "F8_E5M2":
            # Cut off, not rounded: any number will do.
            return (numbers.astype(np.float16).view(np.uint16) >> 8).astype(np.uint8)
        case _:
            return numbers.astype({"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}[dtype])
