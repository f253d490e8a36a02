"""Compute options of the base's blocks: which run twice, by which attention, compiled or not; every choice can be undone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from diffusers.models.attention import BasicTransformerBlock

from trainer.lean.attention import Attention, set_attention
from trainer.lean.blocks import blocks, names_with_prefixes
from trainer.lean.checkpointing import checkpoint_blocks
from trainer.lean.compiled import check_compiler, compile_blocks
from trainer.lean.eight_bit import int8_layers
from trainer.lean.forward_wrapper import unwrap
from trainer.settings.model import Settings
from trainer.settings.parts import Part


@dataclass(frozen=True)
class ComputeOptions:
    """How blocks compute.

    Attributes:
        checkpointed: prefixes of the names of blocks that recompute their activations in the backward pass; () for all
            blocks, None for none.
        attention: which kernels.
        compiled: whether the blocks that repeat are compiled.
        int8_products: whether layers of int8 compute in it.
    """

    checkpointed: tuple[str, ...] | None = None
    attention: Attention = "sdpa"
    compiled: bool = False
    int8_products: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what settings ask for."""
        names = tuple(name.strip() for name in settings.checkpointed_blocks.split(",") if name.strip())
        return cls(
            checkpointed=names if settings.gradient_checkpointing else None,
            attention="xformers" if settings.xformers else "sdpa" if settings.sdpa else "math",
            compiled=settings.torch_compile,
            int8_products=settings.int8_matmul,
        )


def apply_compute_options(unet: Any, encoders: Mapping[Part, Any], options: ComputeOptions) -> None:
    """Apply compute options to the blocks, in place of those applied before.

    Args:
        unet: diffusers' UNet2DConditionModel.
        encoders: transformers' CLIP text encoders by part.
        options: to apply.

    Raises:
        SettingsError: no block's name starts with a prefix, or this machine cannot compile.
    """
    # What may be refused comes first, so that a refusal changes nothing.
    every = blocks(unet, encoders)
    twice = set() if options.checkpointed is None else names_with_prefixes(every, options.checkpointed)
    if options.compiled:
        check_compiler(unet.device)
    for module in (unet, *encoders.values()):
        unwrap(module)
    set_attention(unet, encoders, options.attention)
    for layer in int8_layers(unet, *encoders.values()):
        layer.int8_products = options.int8_products
    if options.compiled:
        compile_blocks(block for block in unet.modules() if isinstance(block, BasicTransformerBlock))
    # Around what is compiled, so that the second pass runs the same kernels again.
    checkpoint_blocks(block for name, block in every.items() if name in twice)
