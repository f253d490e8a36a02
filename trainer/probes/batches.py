"""Batches of pictures to predict, all of one shape."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

T = TypeVar("T")


def batches_of_one_shape(items: Iterable[T], shape_of: Callable[[T], torch.Size], size: int) -> list[list[T]]:
    """Return items in batches of at most `size`, each of one shape; of the same items always the same.

    Args:
        items: pictures, or pictures at one of their times.
        shape_of: the shape of an item's latents.
        size: of a batch.
    """
    by_shape: dict[torch.Size, list[T]] = {}
    for item in items:
        by_shape.setdefault(shape_of(item), []).append(item)
    return [members[start : start + size] for members in by_shape.values() for start in range(0, len(members), size)]
