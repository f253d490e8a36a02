"""The factors of a LoRA file's changes, read module by module without torch.

ΔW = scale · up · down with scale = alpha / rank. A convolution's down counts as a matrix [rank, inputs · kernel²]; the kernel of
Tucker's form (lora_mid) is multiplied into it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trainer.errors import ModelError
from trainer.formats.safetensors_arrays import TensorArrays
from trainer.formats.safetensors_header import read_header
from trainer.measures.blas_threads import use_one_blas_thread
from trainer.models.adapter_config import lora_file
from trainer.models.lora_header import LoraHeader, read_lora_header
from trainer.text import printable

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Factors:
    """The change of one module.

    Attributes:
        up: [outputs, inner], where inner is the rank, or the smaller side where the rank is larger than that.
        down: [inner, inputs · kernel²].
        scale: alpha / rank.
        rank: of its layer.
    """

    up: Matrix
    down: Matrix
    scale: float
    rank: int

    @cached_property
    def grams(self) -> tuple[Matrix, Matrix]:
        """upᵀ up and down downᵀ, [inner, inner] each: all that the singular values depend on beside the scale."""
        return self.up.T @ self.up, self.down @ self.down.T


class LoraFactors:
    """A LoRA file open for reading its changes; a context manager.

    Args:
        path: the file, or the folder of PEFT or diffusers that holds it.
        own_name: a module's name in the file in kohya's form -> the name that it is asked for by.

    Raises:
        ModelError: it is no plain LoRA; or it names one module in two ways.
    """

    def __init__(self, path: Path, own_name: Callable[[str], str] = lambda name: name) -> None:
        use_one_blas_thread()
        self.header: LoraHeader = read_lora_header(path)
        self._in_file: dict[str, str] = {}
        for name in self.header.modules:
            if (first := self._in_file.setdefault(own_name(name), name)) != name:
                raise ModelError(
                    printable(str(path)),
                    found=f"{printable(name, 80)} is present under two names, also as {printable(first, 80)}",
                    expected="one of them",
                )
        place = lora_file(path)
        self._arrays = TensorArrays(place, read_header(place))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._arrays.__exit__(kind, error, trace)

    def __contains__(self, name: str) -> bool:
        return name in self._in_file

    def __iter__(self) -> Iterator[str]:
        """Yield the modules in the file's order, so that a disk reads on."""
        keys = self.header.keys
        return iter(sorted(self._in_file, key=lambda name: self._arrays.row_start(keys[self._in_file[name], "down"])))

    def read(self, name: str) -> Factors:
        """Return the change of a module.

        Raises:
            ModelError: the file cannot be read.
        """
        name = self._in_file[name]
        keys, module = self.header.keys, self.header.modules[name]
        down, up = (self._arrays.read(keys[name, role]) for role in ("down", "up"))
        down = down.reshape(len(down), -1)
        if (core := keys.get((name, "mid"))) is not None:
            # Two convolutions in a row, 1x1 and k x k, are one.
            down = np.einsum("pqkl,qi->pikl", self._arrays.read(core), down).reshape(len(down), -1)
        return Factors(*_narrowed(up.reshape(len(up), -1), down), module.alpha / module.rank, module.rank)


def check_sides(name: str, first: tuple[Path, Factors], second: tuple[Path, Factors]) -> None:
    """See that two files change the same module, by its sides.

    Args:
        name: the module.
        first, second: the files, and its change in each.

    Raises:
        ModelError: they do not.
    """
    (one, (ups, downs)), (other, (up, down)) = (
        (path, (len(change.up), change.down.shape[1])) for path, change in (first, second)
    )
    if (up, down) != (ups, downs):
        raise ModelError(
            printable(str(other)),
            found=f"{printable(name, 80)} has {down:,} inputs and {up:,} outputs",
            expected=f"{downs:,} and {ups:,}, as in {printable(one.name, 80)}",
            way_out="compare LoRAs for bases of one family",
        )


def _narrowed(up: Matrix, down: Matrix) -> tuple[Matrix, Matrix]:
    """Return factors of the same product whose inner size is at most its smaller side: a small file may have any rank."""
    outputs, inputs = len(up), down.shape[1]
    if len(down) <= min(outputs, inputs):
        return up, down
    product = up @ down
    return (np.eye(outputs), product) if outputs <= inputs else (product, np.eye(inputs))
