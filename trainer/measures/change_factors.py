"""Factors of the change of one module, whatever kind it is of.

Every change is up · down at some inner size, and often a small one: a plain LoRA at its rank; a LoHa at the product of its two
ranks, with the row-wise Kronecker product of w1_a and w2_a as up and the column-wise one of w1_b and w2_b as down (Khatri and Rao
1968); a LoKr at the product of theirs, since (A₁B₁) ⊗ (A₂B₂) = (A₁ ⊗ A₂)(B₁ ⊗ B₂). A full difference and a DoRA's change have no
smaller inner size than the smaller side of the layer. The formulas of the kinds are in trainer.models.lora_module.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trainer.models.lora_keys import Role
from trainer.models.lora_module import LoraModule

Matrix = NDArray[np.float64]
Read = Callable[[Role], Matrix | None]
"""Role -> the tensor's numbers in fp64, None where there is none."""


@dataclass(frozen=True)
class Factors:
    """The change of one module: ΔW = scale · up · down.

    Attributes:
        up: [outputs, inner], where inner is the rank, or the smaller side where the rank is larger than that.
        down: [inner, inputs · kernel²].
        scale: alpha / rank.
        rank: of its layer; of another kind than a plain one, the highest that its change can have.
        parts: of a LoKr the two that ΔW is the Kronecker product of, from which norms and singular values follow with less work.
        is_pair: whether up and down are two matrices of the file's own numbers.
        is_whole: whether one of them is 1 and the other the whole change: up where there are no more outputs than inputs, else down.
    """

    up: Matrix
    down: Matrix
    scale: float
    rank: int
    parts: "tuple[Factors, Factors] | None" = None
    is_pair: bool = True
    is_whole: bool = False

    @cached_property
    def grams(self) -> tuple[Matrix, Matrix]:
        """upᵀ up and down downᵀ, [inner, inner] each: all that the singular values depend on beside the scale."""
        if self.is_whole:
            outputs, inputs = self.sides
            # 1 times itself is 1.
            return (self.up, self.down @ self.down.T) if outputs <= inputs else (self.up.T @ self.up, self.down)
        return self.up.T @ self.up, self.down @ self.down.T

    @property
    def sides(self) -> tuple[int, int]:
        """Outputs, and inputs times kernel²."""
        return len(self.up), self.down.shape[1]

    def dense(self) -> Matrix:
        """Return ΔW, [outputs, inputs · kernel²]."""
        return self.scale * (self.up @ self.down)


def factors_of(module: LoraModule, read: Read) -> Factors:
    """Return the factors of a module's change, of a DoRA those of its direction ΔV alone.

    Args:
        module: its kind and scale.
        read: gives its tensors.
    """

    def tensor(role: Role) -> Matrix:
        found = read(role)
        # The header's check saw that it is there.
        assert found is not None
        return found

    scalar = read("scalar")
    scale = module.scale * (1.0 if scalar is None else float(scalar.reshape(())))
    match module.kind:
        case "lora":
            up, down = tensor("up"), tensor("down")
            down = down.reshape(len(down), -1)
            if (core := read("mid")) is not None:
                # Two convolutions in a row, 1x1 and k x k, are one.
                down = np.einsum("pqkl,qi->pikl", core, down).reshape(len(down), -1)
            return Factors(*_narrowed(up.reshape(len(up), -1), down), scale, module.rank)
        case "loha":
            one = _pair(tensor("hada_w1_a"), tensor("hada_w1_b"), read("hada_t1"))
            other = _pair(tensor("hada_w2_a"), tensor("hada_w2_b"), read("hada_t2"))
            return _loha(one, other, scale)
        case "lokr":
            first = _side(read, "lokr_w1", "lokr_w1_a", "lokr_w1_b")
            second = _side(read, "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")
            return _lokr(first, second, scale)
        case "full":
            diff = tensor("diff")
            return factors_of_matrix(diff.reshape(len(diff), -1), scale)


def factors_of_matrix(change: Matrix, scale: float = 1.0) -> Factors:
    """Return a change that is known as a whole, [outputs, inputs · kernel²], as factors at its smaller side."""
    rank = min(change.shape)
    return Factors(*_beside_one(change), scale, rank, is_pair=False, is_whole=True)


def decomposed(direction: Factors, module: LoraModule, magnitude: Matrix, weight: Matrix) -> Factors:
    """Return the change of a DoRA, m (W + ΔV) / ‖W + ΔV‖ - W, as factors at the layer's smaller side.

    Args:
        direction: ΔV.
        module: says what the magnitude is for.
        magnitude: m, of any shape.
        weight: W, [outputs, inputs], with a kernel on convolutions.
    """
    moved = direction.dense().reshape(weight.shape) + weight
    kept = 0 if module.dora == "outputs" else 1
    norms = np.sqrt(np.square(moved).sum(axis=tuple(axis for axis in range(moved.ndim) if axis != kept), keepdims=True))
    # As LyCORIS does in fp32, for a weight of zeros.
    moved *= magnitude.reshape(norms.shape) / (norms + np.finfo(np.float32).eps)
    moved -= weight
    return factors_of_matrix(moved.reshape(len(moved), -1))


def _loha(first: tuple[Matrix, Matrix], second: tuple[Matrix, Matrix], scale: float) -> Factors:
    (up, down), (other_up, other_down) = first, second
    inner, smaller = len(down) * len(other_down), min(len(up), down.shape[1])
    if inner > smaller:
        return replace(factors_of_matrix((up @ down) * (other_up @ other_down), scale), rank=smaller)
    rows = (up[:, :, None] * other_up[:, None, :]).reshape(len(up), inner)
    columns = (down[:, None, :] * other_down[None, :, :]).reshape(inner, -1)
    return Factors(rows, columns, scale, inner, is_pair=False)


def _lokr(first: Factors, second: Factors, scale: float) -> Factors:
    second = replace(second, scale=scale)
    inner = len(first.down) * len(second.down)
    outputs, inputs = (one * other for one, other in zip(first.sides, second.sides, strict=True))
    rank = min(first.rank * second.rank, outputs, inputs)
    is_whole = inner > min(outputs, inputs)
    if is_whole:
        whole: Matrix = np.kron(first.up @ first.down, second.up @ second.down).astype(np.float64, copy=False)
        up, down = _beside_one(whole)
    else:
        up = np.kron(first.up, second.up).astype(np.float64, copy=False)
        down = np.kron(first.down, second.down).astype(np.float64, copy=False)
    return Factors(up, down, scale, rank, (first, second), is_pair=False, is_whole=is_whole)


def _side(read: Read, whole: Role, a: Role, b: Role, core: Role | None = None) -> Factors:
    """Return one side of a LoKr at the scale 1."""
    if (found := read(whole)) is not None:
        return factors_of_matrix(found.reshape(len(found), -1))
    left, right = read(a), read(b)
    # The header's check saw that they are there.
    assert left is not None and right is not None
    up, down = _narrowed(*_pair(left, right, None if core is None else read(core)))
    return Factors(up, down, 1.0, len(down))


def _pair(a: Matrix, b: Matrix, core: Matrix | None) -> tuple[Matrix, Matrix]:
    """Return a and b as [rows, rank] and [rank, columns · kernel²]; a core is multiplied into b."""
    if core is None:
        return a, b.reshape(len(b), -1)
    return a.T, np.einsum("ijkl,jr->irkl", core, b).reshape(len(core), -1)


def _narrowed(up: Matrix, down: Matrix) -> tuple[Matrix, Matrix]:
    """Return factors of the same product whose inner size is at most its smaller side: a small file may have any rank."""
    if len(down) <= min(len(up), down.shape[1]):
        return up, down
    return _beside_one(up @ down)


def _beside_one(product: Matrix) -> tuple[Matrix, Matrix]:
    """Return a matrix as a product with 1 at its smaller side."""
    outputs, inputs = product.shape
    return (np.eye(outputs), product) if outputs <= inputs else (product, np.eye(inputs))
