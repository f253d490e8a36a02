"""The choice between a card's and a CPU's way to compute an operation.

A few of the base's operations are written twice, since what is quick on a CPU
is not on a card. All of them ask `on_card`, so that the prediction of a card's
memory, which runs a step on a machine that may have no card, can follow the
card's path with tensors that say they are on the CPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class _Path:
    """Its flag is true while `as_on_card` is in force: one for all threads, since the prediction has a process of its own."""

    as_on_card = False


def on_card(tensor: torch.Tensor) -> bool:
    """Return whether work on `tensor` takes a card's path.

    True for a tensor on a card, and for every tensor while `as_on_card` is in
    force. A branch on it is the same for a whole step, so that it may stand in
    code that torch compiles or that runs on fake tensors.
    """
    return tensor.is_cuda or _Path.as_on_card


@contextmanager
def as_on_card() -> Iterator[None]:
    """Let every tensor count as one on a card: for the prediction of a card's memory.

    It may be entered again while it is in force; the outermost one ends it.
    """
    before = _Path.as_on_card
    _Path.as_on_card = True
    try:
        yield
    finally:
        _Path.as_on_card = before
