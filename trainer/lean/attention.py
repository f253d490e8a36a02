"""Attention by torch's fused kernels, by xformers', or spelled out with every pair of tokens kept."""

from collections.abc import Mapping
from typing import Any, Literal

from diffusers.models.attention_processor import Attention as DiffusersAttention
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0

from trainer.settings.parts import Part

Attention = Literal["sdpa", "xformers", "math"]

# diffusers' processors by their own names; xformers has one for each version of its kernels and is asked for by a switch.
_PROCESSORS: dict[Attention, Any] = {"sdpa": AttnProcessor2_0, "math": AttnProcessor}


def set_attention(unet: Any, encoders: Mapping[Part, Any], attention: Attention) -> None:
    """Set how U-Net and text encoders compute attention, in place of what was set before.

    `sdpa` is torch's scaled_dot_product_attention: on a card flash attention in half precision, which keeps one number a token
    and head instead of one a pair of tokens. `xformers` is for the U-Net; encoders, 77 tokens long, keep sdpa.

    Args:
        unet: diffusers' UNet2DConditionModel.
        encoders: transformers' CLIP text encoders by part.
        attention: which.
    """
    if attention == "xformers":
        unet.enable_xformers_memory_efficient_attention()
    else:
        processor = _PROCESSORS[attention]
        for module in unet.modules():
            if isinstance(module, DiffusersAttention) and type(module.processor) is not processor:
                module.set_processor(processor())
    for encoder in encoders.values():
        encoder.set_attn_implementation("eager" if attention == "math" else "sdpa")
