"""What of the LoRA is left out of a training step? Numbers, ranks or whole layers (sd-scripts: dropout, rank_dropout, module_dropout)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

from trainer.network.draws import generator_for, number_for


class Dropouts:
    """The dropouts of one network; its layers share it. Nothing is left out before the first `begin`.

    Args:
        inner: share of the down layers' outputs set to zero; the others are divided by 1 - share.
        ranks: share of the ranks left out, picture by picture; the others are divided by 1 - share.
        layers: share of the layers left out whole, for all pictures of a batch; nothing else grows for it, as in sd-scripts.

    Attributes:
        in_force: whether a training forward is to leave anything out.
    """

    def __init__(self, inner: float, ranks: float, layers: float) -> None:
        """Take the shares, 0 or more and below 1."""
        self._inner = inner
        self._ranks = ranks
        self._layers = layers
        self.in_force = False

    def begin(self, seed: int, step: int, micro_batch: int, names: Sequence[str]) -> set[str]:
        """Make the draws of the coming forward pass depend on the arguments alone; return which layers it leaves out.

        The numbers and ranks are drawn by the device's own generators, which is what torch's checkpointing winds back to
        compute activations again; the layers are drawn here, so that they stay the same until the next call.

        Args:
            seed: the bake's seed.
            step, micro_batch: the optimizer step and the batch in it.
            names: every layer that trains.
        """
        self.in_force = True
        torch.manual_seed(number_for(seed, "dropout", step, micro_batch))
        if self._layers == 0 or not names:
            return set()
        draws = torch.rand(len(names), generator=generator_for(seed, "dropped layers", step, micro_batch)).tolist()
        # One layer stays: a loss that no weight had a part in cannot be led back.
        stays = max(range(len(names)), key=draws.__getitem__)
        return {name for i, name in enumerate(names) if draws[i] < self._layers and i != stays}

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Leave nothing out while the block runs."""
        before, self.in_force = self.in_force, False
        try:
            yield
        finally:
            self.in_force = before

    def thin(self, inner: Tensor, *, is_conv: bool) -> Tensor:
        """Return a down layer's output with numbers and ranks left out.

        Args:
            inner: [batch, …, rank], or [batch, rank, height, width] of a convolution.
            is_conv: which of the two.
        """
        if self._inner > 0:
            inner = functional.dropout(inner, self._inner)
        if self._ranks > 0:
            batch, rank = inner.shape[0], inner.shape[1 if is_conv else -1]
            kept = torch.rand((batch, rank), device=inner.device) >= self._ranks
            mask = (kept / (1 - self._ranks)).to(inner.dtype)
            ones = (1,) * (inner.dim() - 2)
            inner = inner * mask.view((batch, rank, *ones) if is_conv else (batch, *ones, rank))
        return inner
