"""How do the base's blocks compute? Which of them twice, by which attention, compiled or not; every choice can be taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from torch import nn

from trainer.settings.model import Settings
from trainer.settings.parts import Part

Attention = Literal["sdpa", "xformers", "math"]


@dataclass(frozen=True)
class Arrangement:
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


def arrange(unet: Any, encoders: Mapping[Part, Any], arrangement: Arrangement) -> None:
    """Let the blocks compute as `arrangement` says, whatever they did before.

    Args:
        unet: diffusers' UNet2DConditionModel.
        encoders: transformers' CLIP text encoders by part.
        arrangement: how.

    Raises:
        SettingsError: a name begins no block's, or this machine cannot.
    """
    if arrangement.attention == "xformers":
        unet.enable_xformers_memory_efficient_attention()
    if arrangement.checkpointed is None:
        return
    unet.enable_gradient_checkpointing()
    for encoder in encoders.values():
        # transformers renamed the method in 5.x and warns at the old name; it heeds the switch in training mode only.
        enable = getattr(encoder, "activation_checkpointing_enable", None) or encoder.gradient_checkpointing_enable
        enable({"use_reentrant": False})
        encoder.train()
        for module in encoder.modules():
            if isinstance(module, nn.Dropout):
                module.eval()
            elif isinstance(getattr(module, "dropout", None), float):
                # Attention drops by this number in training mode; a frozen base drops nothing.
                module.dropout = 0.0
