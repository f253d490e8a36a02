"""The place of one weight in a file; free of torch."""

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WeightSlice:
    """Where one weight of a module lies in a file.

    Attributes:
        key: the tensor's name in the file.
        shape: the weight's shape in the module; a turned one is [columns, rows] in the file, and a 1x1 convolution in the
            file may be a matrix in the module.
        first_row: where it begins in the file's tensor: q, k and v may lie in one, one after the other.
        turned: whether rows and columns are exchanged in the file.
    """

    key: str
    shape: tuple[int, ...]
    first_row: int = 0
    turned: bool = False

    @property
    def numbers(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class PlacedWeight:
    """A weight and the file that has it.

    Attributes:
        path: the safetensors file.
        piece: where in it.
    """

    path: Path
    piece: WeightSlice
