"""Places of the weights of one component, whatever form its files have; free of torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import ModelError
from trainer.formats.safetensors_header import Header
from trainer.models.weight_slice import WeightSlice
from trainer.text import printable

# What a base is trained from and can be trained on. Eight bits and fewer are left out: the LoRA would learn to undo their rounding.
_TYPES = {"F16", "BF16", "F32", "F64"}


@dataclass(frozen=True)
class Weights:
    """The weights of one component.

    Attributes:
        path: their file, or the folder of their shards.
        files: each file with its header; several where they come in shards.
        slices: name of a weight, as the family calls it -> where it lies in the file that has its key.
    """

    path: Path
    files: Mapping[Path, Header]
    slices: Mapping[str, WeightSlice]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a weight.

        Raises:
            ModelError: it is missing.
        """
        piece = self.slices.get(name)
        if piece is None:
            raise ModelError(
                printable(str(self.path)),
                found=f"the weight {printable(name, 100)} is missing",
                expected="the complete model",
                way_out="download the file again",
            )
        return piece.shape

    def side(self, name: str, axis: int) -> int:
        """Return one side of a weight's shape.

        Raises:
            ModelError: it is missing, or has no such side.
        """
        shape = self.shape(name)
        if not -len(shape) <= axis < len(shape):
            raise ModelError(
                printable(str(self.path)),
                found=f"the weight {printable(name, 100)} has the shape {list(shape)}, which no layer has",
            )
        return shape[axis]

    def check_types(self, what: str) -> None:
        """See that every weight is a plain number.

        Args:
            what: the component in words.

        Raises:
            ModelError: weights in fp8, or quantised.
        """
        dtypes = {key: dtype for header in self.files.values() for key, dtype in header.dtypes.items()}
        for piece in self.slices.values():
            dtype = dtypes[piece.key]
            if dtype not in _TYPES:
                raise ModelError(
                    printable(str(self.path)),
                    found=f"{what} in {'fp8' if dtype.startswith('F8') else 'quantised weights'} ({printable(dtype, 12)})",
                    expected="weights in fp16, bf16 or fp32",
                    way_out="download the model in one of these types",
                )
