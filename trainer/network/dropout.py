"""Dropout of the LoRA in a training step: numbers, ranks or complete layers (sd-scripts: dropout, rank_dropout, module_dropout)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.network.draws import generator_for, seed_for


@dataclass(frozen=True)
class _Pass:
    """The current forward pass: the seed, the step, the batch in it, and which of its pictures (None: all of them)."""

    seed: int
    step: int
    micro_batch: int
    rows: tuple[int, int] | None


@dataclass(frozen=True)
class LayerDropout:
    """The dropout of one layer in one forward pass: drawn again it is the same, so that no mask need be kept.

    Each picture's draw is its own, whichever pictures pass through the model beside it.
    """

    _layer: str
    _pass: _Pass
    _inner: float
    _ranks: float

    def mask(self, inner: Tensor, *, is_conv: bool) -> Tensor:
        """Return what a down layer's output is to be multiplied by: 0, or more than 1 for what stays.

        Args:
            inner: [rows, …, rank], or [rows, rank, …] of a convolution; only its shape, type and device count. A picture has one
                row, or one for each chunk of its caption.
            is_conv: which of the two.
        """
        first, last = self._pass.rows or (0, inner.shape[0])
        rows = inner.shape[0] // (last - first)
        shape = torch.Size((rows, *inner.shape[1:]))
        return torch.cat([self._of_picture(picture, shape, inner, is_conv=is_conv) for picture in range(first, last)])

    def _of_picture(self, picture: int, shape: torch.Size, like: Tensor, *, is_conv: bool) -> Tensor:
        now = self._pass
        generator = torch.Generator(like.device)
        generator.manual_seed(seed_for(now.seed, "dropout", now.step, now.micro_batch, self._layer, picture))
        rank = shape[1 if is_conv else -1]
        ones = (1,) * (len(shape) - 2)
        of_ranks = torch.Size((shape[0], rank, *ones) if is_conv else (shape[0], *ones, rank))
        mask = _kept(shape, self._inner, like, generator) if self._inner > 0 else like.new_ones(shape)
        return mask.mul_(_kept(of_ranks, self._ranks, like, generator)) if self._ranks > 0 else mask


class Dropouts:
    """The dropouts of one network; its layers share it. Nothing is left out before the first `start_pass`.

    Args:
        inner: share of the down layers' outputs set to zero; the others are divided by 1 - share.
        ranks: share of the ranks left out, picture by picture; the others are divided by 1 - share.
        layers: share of the layers left out entirely, for all pictures of a batch; nothing else grows for it, as in sd-scripts.

    Attributes:
        in_force: whether a training forward is to leave anything out.
    """

    def __init__(self, inner: float, ranks: float, layers: float) -> None:
        self._inner = inner
        self._ranks = ranks
        self._layers = layers
        self._pass: _Pass | None = None
        self.active = False

    def start_pass(
        self, seed: int, step: int, micro_batch: int, names: Sequence[str], *, rows: tuple[int, int] | None = None
    ) -> set[str]:
        """Make the draws of the coming forward pass depend on the arguments alone; return which layers it leaves out.

        Torch's global generators are not used: how a batch is divided, and how often a pass is recomputed, changes nothing.

        Args:
            seed: the bake's, for its noise.
            step, micro_batch: the optimizer step and the batch in it.
            names: every layer that trains.
            rows: the first of the batch's pictures that pass through and the one after the last; None for all.
        """
        self.active = True
        self._pass = _Pass(seed, step, micro_batch, rows)
        if self._layers == 0 or not names:
            return set()
        draws = torch.rand(len(names), generator=generator_for(seed, "dropped layers", step, micro_batch)).tolist()
        # One layer stays: a loss that depends on no weight has no gradient.
        stays = max(range(len(names)), key=draws.__getitem__)
        return {name for i, name in enumerate(names) if draws[i] < self._layers and i != stays}

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave nothing out while the block runs."""
        before, self.active = self.active, False
        try:
            yield
        finally:
            self.active = before

    def of(self, layer: str) -> LayerDropout | None:
        """Return a layer's dropout in the current pass; None where it leaves out no numbers and no ranks.

        Args:
            layer: its name.
        """
        if self._pass is None or (self._inner == 0 and self._ranks == 0):
            return None
        return LayerDropout(layer, self._pass, self._inner, self._ranks)


def _kept(shape: torch.Size, share: float, like: Tensor, generator: torch.Generator) -> Tensor:
    """Return 0 for a `share` of the numbers and 1 / (1 - share) for the others."""
    kept = torch.empty(shape, dtype=like.dtype, device=like.device)
    return kept.bernoulli_(1 - share, generator=generator).div_(1 - share)
