"""A stand-in for optimizers that cannot step on tensors without numbers: it allocates the memory that the real one would."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from trainer.optimizers import Options, spec_of
from trainer.plan.optimizer_bytes import MeasuredState, optimizer_tensors


class FakeOptimizer(torch.optim.Optimizer):
    """Keeps as many bytes of each weight as the named optimizer, and changes nothing.

    Args:
        groups: parameter groups of the real one.
        name: settings' name of an optimizer that optimizer_bytes knows, or a class by its path.
        options: its arguments.
        on_card: whether the kernels are a card's.
        measured: from the trial of a class by its path.
    """

    decides_on_device = True
    """It never skips a step, so that the gradient need not be read."""

    def __init__(
        self,
        groups: Sequence[dict[str, Any]],
        name: str,
        options: Options,
        *,
        on_card: bool,
        measured: MeasuredState | None = None,
    ) -> None:
        super().__init__(groups, {})
        self._name, self._options, self._on_card, self._measured = name, options, on_card, measured

    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Allocate the state in the first step, and in each step its scratch memory."""
        weights = [weight for group in self.param_groups for weight in group["params"] if weight.grad is not None]
        if not self.state:
            # A LoRA's up weights start at zero, of which Prodigy need keep less.
            zeros = [index % 2 == 1 for index in range(len(weights))]
            shapes = [tuple(weight.shape) for weight in weights]
            sizes = optimizer_tensors(self._name, shapes, self._options, from_zero=zeros, measured=self._measured)
            if weights and sizes is not None:
                self.state[weights[0]] = {str(index): _bytes(size) for index, size in enumerate(sizes)}
        self._allocate_scratch([weight.numel() * weight.itemsize for weight in weights])

    def _allocate_scratch(self, sizes: Sequence[int]) -> None:
        """Allocate a step's scratch memory: for torch's SGD with Nesterov's momentum on a card a copy of every gradient, else a few of one weight."""
        if not sizes:
            return
        spec = spec_of(self._name)
        if self._on_card and spec is not None and spec.copies_gradients_on_card:
            held = [_bytes(size) for size in sizes]
        else:
            held = [_bytes(max(sizes)) for _ in range(2)]
        del held


def _bytes(size: int) -> Tensor:
    return torch.empty(size, dtype=torch.uint8)
