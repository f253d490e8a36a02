"""What differs between two checkpoints, module by module, and whether it is more than the rounding of their types."""

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from trainer.errors import ModelError
from trainer.families.registry import family_record
from trainer.formats.number_types import rounded, spacing
from trainer.formats.safetensors_arrays import TensorArrays
from trainer.formats.safetensors_header import Header, read_header
from trainer.lora_tools.decompose import Decomposed
from trainer.measures.change_factors import Matrix
from trainer.models.identify import Base
from trainer.models.weight_slice import PlacedWeight
from trainer.text import printable

# How much larger than its expected bound the largest singular value of rounding may be: in a small matrix it varies.
_MARGIN = 1.25
# Numbers that are looked at at once.
_AT_ONCE = 2**20


class BaseWeights:
    """The weights of a base that a LoRA may sit on, read one by one; a context manager.

    Args:
        base: the base.

    Raises:
        ModelError: its files cannot be read.
    """

    def __init__(self, base: Base) -> None:
        self.base = base
        self._closing = ExitStack()
        self._files: dict[Path, tuple[TensorArrays, Header]] = {}
        try:
            for path in dict.fromkeys(placed.path for placed in base.weights.values()):
                header = read_header(path)
                self._files[path] = self._closing.enter_context(TensorArrays(path, header)), header
        except BaseException:
            self._closing.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._closing.close()

    def order(self) -> list[str]:
        """Return the modules in the order of the files, so that a disk reads on."""
        places = {path: number for number, path in enumerate(self._files)}

        def key(name: str) -> tuple[int, int]:
            placed = self.base.weights[name]
            arrays, _ = self._files[placed.path]
            return places[placed.path], arrays.row_start(placed.piece.key, placed.piece.first_row)

        return sorted(self.base.weights, key=key)

    def dtype(self, name: str) -> str:
        """Return the type of a module's weight."""
        placed = self.base.weights[name]
        return self._files[placed.path][1].dtypes[placed.piece.key]

    def read(self, name: str) -> Matrix:
        """Return a module's weight as a matrix, [outputs, inputs · kernel²].

        Raises:
            ModelError: the file cannot be read, or one of the numbers is none.
        """
        placed = self.base.weights[name]
        numbers = read_weight(self._files[placed.path][0], placed)
        check_finite(placed.path, name, numbers)
        return numbers


def check_finite(path: Path, name: str, numbers: Matrix) -> None:
    """See that the numbers of a weight of a checkpoint are finite.

    Args:
        path: of the checkpoint.
        name: of the weight.
        numbers: the weight.

    Raises:
        ModelError: one of them is not.
    """
    if np.isfinite(numbers).all():
        return
    word = "NaN" if np.isnan(numbers).any() else "infinity"
    raise ModelError(
        printable(str(path)),
        found=f"holds {word} in {printable(name, 100)}",
        expected="finite numbers only",
        way_out="the checkpoint is broken: download or make it again",
    )


def read_weight(arrays: TensorArrays, placed: PlacedWeight) -> Matrix:
    """Return a weight as a matrix, [outputs, inputs · kernel²], in fp64.

    Args:
        arrays: its file.
        placed: where it is in it.
    """
    piece = placed.piece
    numbers = np.empty(piece.numbers)
    done = 0
    for part in arrays.pieces(piece.key, 0 if piece.turned else piece.first_row, piece.numbers):
        numbers[done : done + len(part)] = part
        done += len(part)
    if piece.turned:
        rows, columns = piece.shape[0], piece.numbers // piece.shape[0]
        return np.ascontiguousarray(numbers.reshape(columns, rows).T)
    return numbers.reshape(piece.shape[0], -1)


def check_alike(base: Base, tuned: Base) -> None:
    """See that two checkpoints are of one family and of the same shapes; what only one has in files beside it is passed over.

    Raises:
        ModelError: they are not; or a module's weights are not known.
    """
    where = printable(str(tuned.path))
    if tuned.family != base.family:
        raise ModelError(
            where,
            found=f"a model of {family_record(tuned.family).title}",
            expected=f"one of {family_record(base.family).title}, as {printable(base.name, 60)}",
        )
    if not base.weights:
        raise ModelError(
            printable(str(base.path)), found="a model whose weights are not known one by one", expected="another family"
        )
    for name, shape in base.lora_shapes.items():
        other = tuned.lora_shapes.get(name)
        if other is None and _stands_apart(base, name):
            continue
        if other is None or (other.inputs, other.outputs, other.kernel) != (shape.inputs, shape.outputs, shape.kernel):
            raise ModelError(
                where,
                found=f"{printable(name, 80)} is missing"
                if other is None
                else f"{printable(name, 80)} has other sides",
                expected=f"{shape.inputs:,} inputs and {shape.outputs:,} outputs, as {printable(base.name, 60)}",
                way_out="give two checkpoints of one architecture",
            )


def _stands_apart(base: Base, name: str) -> bool:
    """Return whether a module lies in a file beside the base, which need not lie beside another one."""
    placed = base.weights.get(name)
    return placed is not None and base.path not in (placed.path, *placed.path.parents)


@dataclass(frozen=True)
class Rounding:
    """What rounding alone can make of a difference.

    Attributes:
        edge: about the largest singular value that it has: for independent numbers of deviations s the largest norm of a row of s
            and that of a column together (Bandeira & van Handel 2016), s (√m + √n) where all are alike; 0 where nothing was rounded.
        explains: whether it can explain every number of the difference.
        same: whether one weight is the other one rounded, to the bit.
    """

    edge: float
    explains: bool
    same: bool


def rounding_of(before: Matrix, after: Matrix, dtypes: tuple[str, str]) -> Rounding:
    """Return what the types of two weights can have made of their difference.

    A number is rounded to half of the distance of its neighbours at most, so with a variance of a twelfth of its square.

    Args:
        before, after: the weights.
        dtypes: of the files that they are from.
    """
    first, second = dtypes
    forth = back = explains = True
    rows, columns = before.shape
    by_column, by_row = np.zeros(columns), 0.0
    at_once = max(1, _AT_ONCE // columns)
    for start in range(0, rows, at_once):
        one, other = before[start : start + at_once], after[start : start + at_once]
        forth = forth and np.array_equal(rounded(one, second), other)
        back = back and np.array_equal(one, rounded(other, first))
        gap, other_gap = spacing(one, first), spacing(other, second)
        explains = explains and bool((np.abs(other - one) <= (gap + other_gap) / 2).all())
        # The coarser type decides. Of equal ones only the second weight was rounded: it is made of the first.
        variance = np.square(np.maximum(gap, other_gap)) / 12
        by_column += variance.sum(axis=0)
        by_row = max(by_row, float(variance.sum(axis=1).max()))
    if forth or back:
        return Rounding(0.0, explains=True, same=True)
    return Rounding(math.sqrt(by_row) + math.sqrt(float(by_column.max())), explains, same=False)


def is_rounding(found: Rounding, whole: Decomposed) -> bool:
    """Return whether a difference is no more than what rounding makes: small enough everywhere, and without a direction of its own."""
    if found.same or not whole.sizes.size:
        return True
    return found.explains and float(whole.sizes[0]) <= _MARGIN * found.edge


def above_rounding(found: Rounding, whole: Decomposed) -> int:
    """Return how many directions of a difference are larger than what rounding makes, at least one."""
    return max(1, int((whole.sizes > found.edge).sum()))


def decomposed_matrix(matrix: Matrix) -> Decomposed:
    """Return the singular value decomposition of a matrix by the eigenvalues of its smaller Gram matrix.

    In fp64 that keeps values down to 1e-8 of the largest, at a fraction of the time of a decomposition of the matrix itself; what is
    smaller is left out, being less than any file's type holds beside the largest.
    """
    rows, columns = matrix.shape
    turned = matrix.T if columns < rows else matrix
    values, vectors = np.linalg.eigh(turned @ turned.T)
    order = np.argsort(values)[::-1]
    values = values[order]
    count = int((values > values[0] * 1e-15).sum()) if values.size and values[0] > 0 else 0
    if not count:
        return Decomposed(np.zeros((rows, 0)), np.zeros(0), np.zeros((0, columns)))
    left = vectors[:, order[:count]]
    projected = left.T @ turned
    sizes = np.sqrt(np.einsum("ij,ij->i", projected, projected))
    projected /= sizes[:, None]
    return Decomposed(projected.T, sizes, left.T) if columns < rows else Decomposed(left, sizes, projected)


def weights_in(base: Base) -> Mapping[Path, dict[str, list[str]]]:
    """Return of each file of a base the tensors that hold modules' weights -> the modules, of which several may lie in one."""
    found: dict[Path, dict[str, list[str]]] = {}
    for name, placed in base.weights.items():
        found.setdefault(placed.path, {}).setdefault(placed.piece.key, []).append(name)
    return found
