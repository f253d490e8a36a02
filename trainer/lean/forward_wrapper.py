"""A removable wrapper around the `forward` of one block."""

from abc import ABC, abstractmethod
from typing import Any

from torch import nn


class ForwardWrapper(ABC):
    """A block's forward pass with something added by a subclass, in `__call__`.

    It is an object and not a function, so that a deep copy of the block computes with the copy's weights. Block and wrapper
    hold each other: remove the wrapper before the block is dropped, or its memory waits for the garbage collector.

    Args:
        block: its `forward` at this moment, wrapped or not, is what `inner` will be.

    Attributes:
        block: the one it is on.
        inner: what the block computes without it.
    """

    def __init__(self, block: nn.Module) -> None:
        self.block = block
        self.inner = block.forward
        self._before = block.__dict__.get("forward")

    @abstractmethod
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute as the block does, with what the subclass adds."""

    def attach(self) -> None:
        """Let the block compute through this wrapper. What hooks on the block see stays outside."""
        self.block.__dict__["forward"] = self

    def remove(self) -> None:
        """Give the block back the `forward` it had before."""
        if self._before is None:
            del self.block.__dict__["forward"]
        else:
            self.block.__dict__["forward"] = self._before


def unwrap(module: nn.Module) -> None:
    """Remove all wrappers from all blocks in `module`, the outermost first."""
    for block in module.modules():
        while isinstance(wrapped := block.__dict__.get("forward"), ForwardWrapper):
            wrapped.remove()
