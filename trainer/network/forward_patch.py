"""A change beside one frozen layer of the base, active while it is attached: the base layer's `forward` is replaced, nothing else."""

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn


class ForwardPatch(nn.Module):
    """What every kind of change to a layer has.

    Args:
        name: kohya's module name.
        target: the layer of the base; only its `forward` is replaced.

    Attributes:
        strength: factor on the change; 0 skips it, so that the output is the base's bit for bit.
    """

    def __init__(self, name: str, target: nn.Linear | nn.Conv2d) -> None:
        """Make the patch without attaching it."""
        super().__init__()
        self.name = name
        self.strength = 1.0
        # In a list, or nn.Module would make the base's layer a child and save it with the LoRA.
        self._target = [target]
        self._forward_before: Callable[[Tensor], Tensor] | None = None
        self._base_forward: Callable[[Tensor], Tensor] = target.forward

    def attach(self) -> None:
        """Put it into the base's forward pass."""
        target = self._target[0]
        self._base_forward = target.forward
        # Another library may have set its own `forward` on the instance; remove() gives it back.
        self._forward_before = target.__dict__.get("forward")
        target.__dict__["forward"] = self.forward

    def remove(self) -> None:
        """Take it out of the base's forward pass."""
        target = self._target[0]
        if self._forward_before is not None:
            target.__dict__["forward"] = self._forward_before
        else:
            del target.__dict__["forward"]

    @property
    def target(self) -> nn.Linear | nn.Conv2d:
        """The layer of the base."""
        return self._target[0]

    @property
    def forward_below(self) -> Callable[[Tensor], Tensor]:
        """The forward that this one was put over."""
        return self._base_forward

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the base layer's output with the change added, in the type of that output."""

    @abstractmethod
    def add_to_weight(self, weight: Tensor) -> None:
        """Add strength times the change to a weight, in place.

        Args:
            weight: fp32, of the target's weight's shape and memory layout.
        """

    def bias_change(self) -> Tensor | None:
        """Return strength times the change of the bias, fp32 [outputs]; None where the kind has none."""
        return None

    @abstractmethod
    def settle(self, device: torch.device, dtype: torch.dtype) -> None:
        """Make it ready to compute on a device and never to be trained.

        Args:
            device: where its inputs will be.
            dtype: the type that the base computes in.
        """

    def _active_forward_below(self) -> Callable[[Tensor], Tensor]:
        """Return the forward below this one, past changes of strength 0, which change nothing to the last bit."""
        forward = self._base_forward
        while isinstance(beneath := getattr(forward, "__self__", None), ForwardPatch) and beneath.strength == 0:
            forward = beneath._base_forward
        return forward
