"""Singular values of a module's change from its factors, and how many of them are kept.

With up = Q_u R_u, downᵀ = Q_d R_d and R_u R_dᵀ = U Σ Vᵀ the change s · up · down is (Q_u U) (s Σ) (Q_d V)ᵀ, its singular value
decomposition at the cost of the rank instead of the layer's sides; in fp64, so that it is exact for a file of any type.
"""

import math
from dataclasses import dataclass

import numpy as np

from trainer.errors import ModelError, SettingsError
from trainer.measures.change_factors import Factors, Matrix
from trainer.text import printable


@dataclass(frozen=True)
class Decomposed:
    """The singular value decomposition of a change.

    Attributes:
        left: its output directions, [outputs, k].
        sizes: singular values, the largest first, none negative, [k].
        right: its input directions, [k, inputs · kernel²].
    """

    left: Matrix
    sizes: Matrix
    right: Matrix

    @property
    def squared(self) -> float:
        """‖ΔW‖²."""
        return float(np.square(self.sizes).sum())

    def cut(self, rank: int) -> tuple[Matrix, Matrix]:
        """Return up [outputs, rank] and down [rank, inputs · kernel²] of the best approximation of that rank (Eckart & Young 1936).

        The root of each singular value goes to either side, so that neither leaves the range of a small type. Where there are
        fewer, zeros fill the rank.
        """
        kept = min(rank, len(self.sizes))
        roots = np.sqrt(self.sizes[:kept])
        up, down = self.left[:, :kept] * roots, roots[:, None] * self.right[:kept]
        if kept == rank:
            return up, down
        return np.pad(up, ((0, 0), (0, rank - kept))), np.pad(down, ((0, rank - kept), (0, 0)))


def decomposed(change: Factors, name: str = "") -> Decomposed:
    """Return the singular value decomposition of a change.

    Args:
        change: a module's.
        name: the module, for an error.

    Raises:
        ModelError: its numbers are at the edge of what can be computed with.
    """
    try:
        left, upper = np.linalg.qr(change.up)
        right, lower = np.linalg.qr(change.down.T)
        turned, sizes, back = np.linalg.svd(upper @ lower.T, full_matrices=False)
    except np.linalg.LinAlgError as error:
        raise _uncomputable(name) from error
    sizes = sizes * abs(change.scale)
    if not math.isfinite(float(np.square(sizes).sum())):
        raise _uncomputable(name)
    sign = -1.0 if change.scale < 0 else 1.0
    return Decomposed(left @ turned * sign, sizes, back @ right.T)


@dataclass(frozen=True)
class RankRule:
    """How many directions of each module are kept. Where several are set, the fewest.

    Attributes:
        rank: this many, where the module has as many.
        energy: as few as hold this share of ‖ΔW‖², 0 to 1 (sd-scripts: `sv_fro`, whose share is the root of it).
        cumulative: as few as hold this share of the sum of the singular values (sd-scripts: `sv_cumulative`).
        ratio: those of at least the largest one divided by this (sd-scripts: `sv_ratio`).
    """

    rank: int | None = None
    energy: float | None = None
    cumulative: float | None = None
    ratio: float | None = None

    def check(self) -> "RankRule":
        """Return it after seeing that it can be followed.

        Raises:
            SettingsError: it says nothing, or a number is out of range.
        """
        given = {name: value for name, value in vars(self).items() if value is not None}
        if not given:
            raise SettingsError("rank", found="nothing to keep is named", expected="rank, energy, cumulative or ratio")
        if self.rank is not None and self.rank < 1:
            raise SettingsError("rank", found=str(self.rank), expected="1 or more")
        for name in ("energy", "cumulative"):
            share = given.get(name)
            if share is not None and not 0 < share <= 1:
                raise SettingsError(name, found=f"{share:g}", expected="a share above 0 and up to 1, such as 0.95")
        if self.ratio is not None and not (1 <= self.ratio < math.inf):
            raise SettingsError("ratio", found=f"{self.ratio:g}", expected="1 or more, such as 10")
        return self

    @property
    def is_fixed(self) -> bool:
        """Whether every module with as many directions gets the same rank."""
        return self.energy is self.cumulative is self.ratio is None

    def most(self, rank: int) -> int:
        """Return the largest rank that a module of this rank may keep."""
        return rank if self.rank is None else min(self.rank, rank)

    def kept(self, sizes: Matrix, rank: int) -> int:
        """Return how many of a module's directions are kept, at least one.

        Args:
            sizes: its singular values, the largest first.
            rank: of its layer, or the largest it can have.
        """
        counts = [self.most(rank)]
        if sizes.size and sizes[0] > 0:
            if self.energy is not None:
                counts.append(_holding(np.square(sizes / sizes[0]), self.energy))
            if self.cumulative is not None:
                counts.append(_holding(sizes / sizes[0], self.cumulative))
            if self.ratio is not None:
                counts.append(int((sizes >= sizes[0] / self.ratio).sum()))
        elif not self.is_fixed:
            # Nothing changes here: one direction of zeros keeps the module in the file.
            counts.append(1)
        return max(1, min(counts))

    def words(self) -> str:
        """Return it in words: `rank 16, energy 0.95`."""
        return ", ".join(f"{name} {value:g}" for name, value in vars(self).items() if value is not None)


def _holding(amounts: Matrix, share: float) -> int:
    """Return how many of the first amounts hold a share of their sum."""
    held = np.cumsum(amounts)
    # A sum that is reached but for its last digit is reached.
    return 1 + int(np.searchsorted(held, share * held[-1] * (1 - 1e-12)))


def _uncomputable(name: str) -> ModelError:
    return ModelError(
        printable(name, 80) or "a module",
        found="its numbers are too large to compute with",
        expected="a LoRA whose training did not break down",
        way_out="take an earlier epoch of it",
    )
