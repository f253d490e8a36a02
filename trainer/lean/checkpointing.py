"""Blocks that keep only their inputs for the backward pass and compute the rest again there."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from trainer.lean.forward_wrapper import ForwardWrapper


class CheckpointedBlock(ForwardWrapper):
    """A block whose activations are computed a second time in the backward pass (Chen et al. 2016, activation checkpointing).

    Unlike the switches of diffusers and transformers it works block by block, and in evaluation mode, in which a frozen text
    encoder must stay for its dropouts. Random numbers are not wound back for the second time: nothing in a block may draw from
    torch's global generators (a LoRA's dropouts have their own).
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the block, keeping its inputs alone where there will be a backward pass."""
        if not torch.is_grad_enabled():
            return self.inner(*args, **kwargs)
        return checkpoint(self.inner, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)


def checkpoint_blocks(blocks: Iterable[nn.Module]) -> None:
    """Let these blocks recompute their activations in the backward pass; `forward_wrapper.unwrap` undoes it."""
    for block in blocks:
        CheckpointedBlock(block).attach()
