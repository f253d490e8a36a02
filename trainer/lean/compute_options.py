"""Compute options of the base's blocks: which run twice, by which attention, compiled or not; every choice can be undone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from trainer.lean.attention import Attention, attend
from trainer.lean.blocks import blocks, chosen
from trainer.lean.checkpointing import checkpoint_blocks
from trainer.lean.compiled import check_compiler, compile_blocks
from trainer.lean.forward_wrapper import unwrap
from trainer.settings.model import Settings
from trainer.settings.parts import Part


@dataclass(frozen=True)
class ComputeOptions:
    """How blocks compute.

    Attributes:
        checkpointed: beginnings of the names of blocks that compute their activations again in the backward pass; () for all
            blocks, None for no block.
        attention: which kernels.
        compiled: whether the blocks that repeat are compiled.
    """

    checkpointed: tuple[str, ...] | None = None
    attention: Attention = "sdpa"
    compiled: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what settings ask for."""
        names = tuple(name.strip() for name in settings.checkpointed_blocks.split(",") if name.strip())
        return cls(
            checkpointed=names if settings.gradient_checkpointing else None,
            attention="xformers" if settings.xformers else "sdpa" if settings.sdpa else "math",
            compiled=settings.torch_compile,
        )


def apply_compute_options(unet: Any, encoders: Mapping[Part, Any], arrangement: ComputeOptions) -> None:
    """Let the blocks compute as `arrangement` says, whatever they did before.

    Args:
        unet: diffusers' UNet2DConditionModel.
        encoders: transformers' CLIP text encoders by part.
        arrangement: how.

    Raises:
        SettingsError: a name begins no block's, or this machine cannot.
    """
    # What may be refused comes first, so that a refusal changes nothing.
    every = blocks(unet, encoders)
    twice = set() if arrangement.checkpointed is None else chosen(every, arrangement.checkpointed)
    if arrangement.compiled:
        check_compiler(unet.device)
    for module in (unet, *encoders.values()):
        unwrap(module)
    attend(unet, encoders, arrangement.attention)
    if arrangement.compiled:
        compile_blocks(unet)
    # Around what is compiled, so that the second pass runs the same kernels again.
    checkpoint_blocks(block for name, block in every.items() if name in twice)
