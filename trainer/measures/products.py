"""Norms, angles and spectra of changes ΔW = scale · up · down from their factors, without forming ΔW where they are small.

With B = up, A = down and s = scale: ‖ΔW‖² = s² Σ (BᵀB) ∘ (AAᵀ), ⟨ΔW₁, ΔW₂⟩ = s₁ s₂ Σ (B₁ᵀB₂) ∘ (A₁A₂ᵀ), and the squares of
ΔW's singular values are s² times the eigenvalues of (BᵀB)(AAᵀ). All at the cost of the rank instead of the layer's sides; in fp64,
because what two epochs differ in is small beside what they have in common.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from trainer.measures.change_factors import Factors, Matrix

ENERGY = 0.95
"""Share of ‖ΔW‖² that the directions counted as used hold."""

_DRAWS = 4
_SEED = 20_260_101


@dataclass(frozen=True)
class Spectrum:
    """How the change of one module spreads over directions.

    Attributes:
        energy_rank: how many of the largest singular values hold 95 % of ‖ΔW‖² (at least).
        stable_rank: Σσ² / σ₁², between 1 and the rank.
    """

    energy_rank: float
    stable_rank: float


def squared_norm(change: Factors) -> float:
    """Return ‖ΔW‖² (Frobenius)."""
    if change.parts is not None:
        # ‖A ⊗ B‖ = ‖A‖ ‖B‖
        return squared_norm(change.parts[0]) * squared_norm(change.parts[1])
    up, down = change.grams
    # A power of a float raises where a product is infinite.
    found = change.scale * change.scale * float(np.vdot(up, down))
    # Rounding may make less than nothing of nothing.
    return 0.0 if found < 0 else found


def inner_product(one: Factors, other: Factors) -> float:
    """Return ⟨ΔW₁, ΔW₂⟩ of changes of one module; their ranks may differ. Of equal ones it is squared_norm to the last bit."""
    if one.scale == other.scale and np.array_equal(one.up, other.up) and np.array_equal(one.down, other.down):
        return squared_norm(one)
    if one.parts and other.parts and all(a.sides == b.sides for a, b in zip(one.parts, other.parts, strict=True)):
        # ⟨A ⊗ B, C ⊗ D⟩ = ⟨A, C⟩ ⟨B, D⟩
        return inner_product(one.parts[0], other.parts[0]) * inner_product(one.parts[1], other.parts[1])
    return one.scale * other.scale * float(np.vdot(one.up.T @ other.up, one.down @ other.down.T))


def squared_singular_values(change: Factors) -> Matrix:
    """Return the squares of ΔW's singular values, the largest first, [inner]; zeros behind the true rank."""
    if change.parts is not None:
        # Those of A ⊗ B are the products of one of A and one of B each.
        one, other = (squared_singular_values(part) for part in change.parts)
        products: Matrix = np.sort(np.outer(one, other).reshape(-1))[::-1]
        return products
    up, down = change.grams
    try:
        root = np.linalg.cholesky(up)
    except np.linalg.LinAlgError:
        # Of fewer directions than its rank, such as none at all before the first step.
        values, vectors = np.linalg.eigh(up)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
    return (change.scale * change.scale) * _falling(root.T @ down @ root)


def spectrum(squares: Matrix) -> Spectrum | None:
    """Return how squared singular values spread; None where there is no change, or no number.

    Args:
        squares: the largest first.
    """
    whole = float(squares.sum())
    if not 0 < whole < math.inf:
        return None
    held = np.cumsum(squares) / whole
    return Spectrum(1 + int(np.searchsorted(held, ENERGY - 1e-12)), whole / float(squares[0]))


@lru_cache(maxsize=4096)
def random_spectrum(outputs: int, rank: int, inputs: int) -> Spectrum:
    """Return the mean spectrum of up · down with independent normal numbers, from four draws that are always the same.

    Of an [n, rank] matrix of such numbers with n >= rank the triangle of its QR has normal numbers above the diagonal and roots of
    χ² on it (Bartlett 1933), so only that is drawn.

    Args:
        outputs: rows of up.
        rank: its columns.
        inputs: columns of down.
    """
    draws = np.random.default_rng([_SEED, outputs, rank, inputs])
    found = []
    for _ in range(_DRAWS):
        up, down = _random_triangle(draws, outputs, rank), _random_triangle(draws, inputs, rank)
        product = up @ down.T if len(up) <= len(down) else down @ up.T
        made = spectrum(_falling(product @ product.T))
        # A product of normal numbers is never nothing.
        assert made is not None
        found.append(made)
    return Spectrum(sum(each.energy_rank for each in found) / _DRAWS, sum(each.stable_rank for each in found) / _DRAWS)


def leading_directions(change: Factors) -> tuple[Matrix, Matrix]:
    """Return orthonormal directions that hold 95 % of ΔW: of its outputs [outputs, k] and of its inputs [inputs · kernel², k].

    With B = Q_b R_b, Aᵀ = Q_a R_a and R_b R_aᵀ = U Σ Vᵀ they are the first columns of Q_b U and Q_a V. No columns where nothing
    changes, or where the file's numbers are none.
    """
    left, upper = np.linalg.qr(change.up)
    right, lower = np.linalg.qr(change.down.T)
    try:
        turned, sizes, back = np.linalg.svd(upper @ lower.T, full_matrices=False)
    except np.linalg.LinAlgError:
        return left[:, :0], right[:, :0]
    found = spectrum(sizes**2)
    count = 0 if found is None else int(found.energy_rank)
    return left @ turned[:, :count], right @ back[:count].T


def overlap(one: Matrix, other: Matrix) -> tuple[float, float] | None:
    """Return how much two subspaces of one space overlap, ‖V₁ᵀV₂‖² / min(i, j) from 0 to 1 (Hu et al. 2021, §7.2), and its chance level.

    Random ones of these dimensions overlap by max(i, j) / n in the mean.

    Args:
        one, other: orthonormal columns, [n, i] and [n, j]; None is returned where either has none.
    """
    small, large = sorted((one.shape[1], other.shape[1]))
    if not small:
        return None
    return float(np.square(one.T @ other).sum()) / small, large / one.shape[0]


def _falling(symmetric: Matrix) -> Matrix:
    """Return the eigenvalues of a matrix that has no negative ones, the largest first."""
    values: Matrix = np.maximum(np.linalg.eigvalsh(symmetric)[::-1], 0.0)
    return values


def _random_triangle(draws: np.random.Generator, rows: int, columns: int) -> Matrix:
    """Return what is left of [rows, columns] random numbers without the rotation of the rows, [min(rows, columns), columns]."""
    if rows < columns:
        return draws.standard_normal((rows, columns))
    triangle = np.triu(draws.standard_normal((columns, columns)), 1)
    np.fill_diagonal(triangle, np.sqrt(draws.chisquare(rows - np.arange(columns))))
    return triangle
