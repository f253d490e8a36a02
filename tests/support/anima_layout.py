"""Anima's modules with the keys of the original files.

The way there, written by itself: the program's own table leads the other way, so a mistake in one shows against the other.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

_IN_BLOCK = (
    (r"attn1\.", "self_attn."),
    (r"attn2\.", "cross_attn."),
    (r"to_([qkv])\.", r"\1_proj."),
    (r"to_out\.0\.", "output_proj."),
    (r"norm_([qk])\.", r"\1_norm."),
    (r"norm1\.linear_", "adaln_modulation_self_attn."),
    (r"norm2\.linear_", "adaln_modulation_cross_attn."),
    (r"norm3\.linear_", "adaln_modulation_mlp."),
    (r"ff\.net\.0\.proj\.", "mlp.layer1."),
    (r"ff\.net\.2\.", "mlp.layer2."),
)
_BEFORE_AND_AFTER = (
    (r"^patch_embed\.proj\.", "x_embedder.proj.1."),
    (r"^time_embed\.t_embedder\.", "t_embedder.1."),
    (r"^time_embed\.norm\.", "t_embedding_norm."),
    (r"^norm_out\.linear_", "final_layer.adaln_modulation."),
    (r"^proj_out\.", "final_layer.linear."),
)
_VAE = (
    (r"^quant_conv\.", "conv1."),
    (r"^post_quant_conv\.", "conv2."),
    (r"\.conv_in\.", ".conv1."),
    (r"\.norm_out\.", ".head.0."),
    (r"\.conv_out\.", ".head.2."),
    (r"\.mid_block\.resnets\.0\.", ".middle.0."),
    (r"\.mid_block\.attentions\.0\.", ".middle.1."),
    (r"\.mid_block\.resnets\.1\.", ".middle.2."),
    (r"\.down_blocks\.", ".downsamples."),
    (r"\.norm1\.", ".residual.0."),
    (r"\.conv1\.(?=weight|bias)", ".residual.2."),
    (r"\.norm2\.", ".residual.3."),
    (r"\.conv2\.", ".residual.6."),
    (r"\.conv_shortcut\.", ".shortcut."),
)
_WAY_UP = re.compile(r"decoder\.up_blocks\.(\d+)\.(resnets|upsamplers)\.(\d+)\.")


def original_body(weights: Mapping[str, Tensor], prefix: str = "net.") -> dict[str, Tensor]:
    """Return the body's weights by their original keys."""
    return {prefix + _body_key(name): weight for name, weight in weights.items()}


def _body_key(name: str) -> str:
    in_block = name.startswith("transformer_blocks.")
    for pattern, original in _IN_BLOCK if in_block else _BEFORE_AND_AFTER:
        name = re.sub(pattern, original, name)
    return name.removeprefix("transformer_") if in_block else name


def original_conditioner(weights: Mapping[str, Tensor], prefix: str = "net.llm_adapter.") -> dict[str, Tensor]:
    """Return the conditioner's weights by the keys that they have beside the body."""
    return {prefix + name: weight for name, weight in weights.items()}


def original_encoder(weights: Mapping[str, Tensor], prefix: str = "model.") -> dict[str, Tensor]:
    """Return Qwen3's weights by their keys in a file of its own."""
    return {prefix + name: weight for name, weight in weights.items()}


def original_vae(vae: Any, prefix: str = "") -> dict[str, Tensor]:
    """Return the VAE's weights by their original keys."""
    resnets = vae.config.num_res_blocks + 1
    return {prefix + key: weight for key, weight in _vae_keys(vae.state_dict(), resnets)}


def _vae_keys(weights: Mapping[str, Tensor], resnets: int) -> Iterator[tuple[str, Tensor]]:
    for name, weight in weights.items():
        key = _WAY_UP.sub(
            lambda match: (
                f"decoder.upsamples.{int(match[1]) * (resnets + 1) + (resnets if match[2] == 'upsamplers' else int(match[3]))}."
            ),
            name,
        )
        is_end = re.match(r"(?:encoder|decoder)\.conv_in\.|(?:post_)?quant_conv\.", key)
        for pattern, original in _VAE:
            if is_end and original.startswith(".residual"):
                continue
            key = re.sub(pattern, original, key)
        yield key, weight
