"""Outputs of layers that see the same input in every pass, computed once: keys and values of a text over the steps of a picture."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from trainer.lean.forward_wrapper import ForwardWrapper


class _KeptOutput(ForwardWrapper):
    """A layer that gives its last output again for the same tensor; whatever else it is given, it computes."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__(block)
        self._of: Tensor | None = None
        self._kept: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        (x,) = args
        if x is not self._of:
            self._kept, self._of = self.inner(x, **kwargs), x
        return self._kept


@contextmanager
def kept_outputs(layers: Iterable[nn.Module]) -> Iterator[None]:
    """Let layers compute once what they are asked again with the same tensor, while the block lasts, without gradients.

    The bits are those of a layer that computes every time. Their weights, and what sits on them, stay as they are meanwhile.

    Args:
        layers: of one input.
    """
    kept = [_KeptOutput(layer) for layer in layers]
    for each in kept:
        each.attach()
    try:
        yield
    finally:
        for each in kept:
            each.remove()
