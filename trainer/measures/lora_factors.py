"""The factors of a LoRA file's changes, read module by module without torch; of a DoRA beside the weights of its base."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from trainer.errors import ModelError
from trainer.formats.safetensors_arrays import TensorArrays
from trainer.formats.safetensors_header import read_header
from trainer.measures.blas_threads import use_one_blas_thread
from trainer.measures.change_factors import Factors, Matrix, decomposed, factors_of
from trainer.models.adapter_config import lora_file
from trainer.models.lora_header import LoraHeader, read_lora_header
from trainer.models.lora_keys import Role
from trainer.models.weight_slice import PlacedWeight
from trainer.text import printable


class LoraFactors:
    """A LoRA file open for reading its changes; a context manager.

    Without the base, the modules of a DoRA are left out, as if the file had none there.

    Args:
        path: the file, or the folder of PEFT or diffusers that holds it.
        own_name: a module's name in the file in kohya's form -> the name that it is asked for by.
        weights: where the base's weights lie, by those names; only a DoRA's are read.

    Attributes:
        header: the file's.
        needs_base: the modules left out, by the file's names.

    Raises:
        ModelError: it is no LoRA of a kind that is read; or it names one module in two ways.
    """

    def __init__(
        self,
        path: Path,
        own_name: Callable[[str], str] = lambda name: name,
        weights: Mapping[str, PlacedWeight] | None = None,
    ) -> None:
        use_one_blas_thread()
        self.header: LoraHeader = read_lora_header(path)
        self.needs_base: list[str] = []
        self._weights = weights or {}
        self._in_file: dict[str, str] = {}
        self._keys: dict[str, dict[Role, str]] = {}
        for (name, role), key in self.header.keys.items():
            self._keys.setdefault(name, {})[role] = key
        for name, module in self.header.modules.items():
            own = own_name(name)
            if module.needs_base and own not in self._weights:
                self.needs_base.append(name)
                continue
            if (first := self._in_file.setdefault(own, name)) != name:
                raise ModelError(
                    printable(str(path)),
                    found=f"{printable(name, 80)} is present under two names, also as {printable(first, 80)}",
                    expected="one of them",
                )
        self._path = lora_file(path)
        self._open = ExitStack()
        self._arrays = self._open.enter_context(TensorArrays(self._path, read_header(self._path)))
        self._bases: dict[Path, TensorArrays] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._open.close()

    def __contains__(self, name: str) -> bool:
        return name in self._in_file

    def __iter__(self) -> Iterator[str]:
        """Yield the modules in the file's order, so that a disk reads on."""
        return iter(sorted(self._in_file, key=self._place))

    def read(self, name: str) -> Factors:
        """Return the change of a module.

        Raises:
            ModelError: the file, or the base, cannot be read.
        """
        in_file = self._in_file[name]
        keys, module = self._keys[in_file], self.header.modules[in_file]

        def read(role: Role) -> Matrix | None:
            return self._arrays.read(keys[role]) if role in keys else None

        direction = factors_of(module, read)
        if not module.needs_base:
            return direction
        magnitude = self._arrays.read(keys["magnitude" if "magnitude" in keys else "dora_scale"])
        weight = self._weight(self._weights[name])
        wanted = weight.shape[0 if module.dora == "outputs" else 1]
        if direction.sides != (len(weight), weight[0].size) or magnitude.size != wanted:
            raise ModelError(
                printable(str(self._path)),
                found=f"{printable(in_file, 80)} is a {module.title} of {list(direction.sides)}",
                expected=f"{[len(weight), weight[0].size]}, as in the base",
                way_out="it was made for another base",
            )
        return decomposed(direction, module, magnitude, weight)

    def _place(self, name: str) -> int:
        keys = self._keys[self._in_file[name]]
        return min(self._arrays.row_start(key) for key in keys.values())

    def _weight(self, placed: PlacedWeight) -> Matrix:
        """Return a weight of the base, fp64 in its module's shape."""
        arrays = self._bases.get(placed.path)
        if arrays is None:
            arrays = self._open.enter_context(TensorArrays(placed.path, read_header(placed.path)))
            self._bases[placed.path] = arrays
        piece = placed.piece
        flat = np.concatenate([*arrays.pieces(piece.key, piece.first_row, piece.numbers)], dtype=np.float64)
        return flat.reshape(piece.shape[::-1]).T if piece.turned else flat.reshape(piece.shape)


def check_sides(name: str, first: tuple[Path, Factors], second: tuple[Path, Factors]) -> None:
    """See that two files change the same module, by its sides.

    Args:
        name: the module.
        first, second: the files, and its change in each.

    Raises:
        ModelError: they do not.
    """
    (one, (ups, downs)), (other, (up, down)) = ((path, change.sides) for path, change in (first, second))
    if (up, down) != (ups, downs):
        raise ModelError(
            printable(str(other)),
            found=f"{printable(name, 80)} has {down:,} inputs and {up:,} outputs",
            expected=f"{downs:,} and {ups:,}, as in {printable(one.name, 80)}",
            way_out="compare LoRAs for bases of one family",
        )
