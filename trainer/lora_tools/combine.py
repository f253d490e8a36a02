"""Weighted sums of changes as factors: the ranks are put side by side, so that no product is formed."""

import math
from collections.abc import Sequence

import numpy as np

from trainer.measures.change_factors import Factors, Matrix


def summed(changes: Sequence[tuple[float, Factors]]) -> Factors:
    """Return the weighted sum of changes of one module, exactly: [B₁ B₂ …] [A₁; A₂; …].

    Each weight goes to both sides in equal parts, so that neither leaves the range of a small type. Where the ranks add up to more
    than the module's smaller side, the product is formed, which is then the smaller one.

    Args:
        changes: weights and changes; at least one.
    """
    ups: list[Matrix] = []
    downs: list[Matrix] = []
    for weight, change in changes:
        factor = weight * change.scale
        root = math.sqrt(abs(factor))
        ups.append(change.up * math.copysign(root, factor))
        downs.append(change.down * root)
    up, down = np.concatenate(ups, axis=1), np.concatenate(downs)
    rank = len(down)
    return Factors(*narrowed(up, down), 1.0, rank)


def narrowed(up: Matrix, down: Matrix) -> tuple[Matrix, Matrix]:
    """Return factors of the same product whose inner size is at most its smaller side."""
    outputs, inputs = len(up), down.shape[1]
    if len(down) <= min(outputs, inputs):
        return up, down
    product = up @ down
    return (np.eye(outputs), product) if outputs <= inputs else (product, np.eye(inputs))
