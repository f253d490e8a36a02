"""Configs of Anima's components in the libraries' words: the published ones with the sizes of the weights; free of torch."""

import re
from collections.abc import Mapping
from typing import Any

from trainer.errors import ModelError
from trainer.models.component_weights import Weights
from trainer.text import printable

# diffusers' CosmosTransformer3DModel; its own defaults are another model's.
_BODY: Mapping[str, Any] = {
    "patch_size": (1, 2, 2),
    "max_size": (128, 240, 240),
    "rope_scale": (1.0, 4.0, 4.0),
    "extra_pos_embed_type": None,
    "use_crossattn_projection": False,
    # With it diffusers resizes the mask by torchvision, which is not among our libraries. It is the last channel, and always 0.
    "concat_padding_mask": False,
}
# What a folder's config may say of the body and no shape shows.
_OF_BODY = ("rope_scale", "max_size")
_ENCODER: Mapping[str, Any] = {
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
    "hidden_act": "silu",
    "attention_bias": False,
    "use_sliding_window": False,
    "tie_word_embeddings": True,
}
_DIMENSIONS_OF_VAE = [1, 2, 4, 4]

CHANNELS = 16
"""Channels of the latents, beside which the body takes one for a padding mask."""
_PATCH = 4
_KINDS = {17: "a video model that continues pictures (video2world)"}


def body_config(weights: Weights, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the config of diffusers' CosmosTransformer3DModel.

    Args:
        weights: of the body, under diffusers' names.
        config: a folder's own.

    Raises:
        ModelError: a weight is missing, or the model takes other inputs than Anima's.
    """
    width = weights.side("transformer_blocks.0.attn1.to_q.weight", 0)
    head = weights.side("transformer_blocks.0.attn1.norm_q.weight", 0)
    channels = weights.side("patch_embed.proj.weight", 1) // _PATCH - 1
    if channels != CHANNELS:
        raise ModelError(
            printable(str(weights.path)),
            found=_KINDS.get(channels, f"a transformer for latents of {channels} channels"),
            expected=f"Anima's, which takes {CHANNELS}",
        )
    own = {name: config[name] for name in _OF_BODY if config and name in config}
    return {
        **_BODY,
        **own,
        # The mask's channel is one like the others here; see Anima.predict.
        "in_channels": CHANNELS + 1,
        "out_channels": weights.side("proj_out.weight", 0) // _PATCH,
        "num_attention_heads": max(1, width // max(1, head)),
        "attention_head_dim": head,
        "num_layers": count(weights, r"transformer_blocks\.(\d+)\."),
        "mlp_ratio": weights.side("transformer_blocks.0.ff.net.0.proj.weight", 0) / width,
        "text_embed_dim": weights.side("transformer_blocks.0.attn2.to_k.weight", 1),
        "adaln_lora_dim": weights.side("transformer_blocks.0.norm1.linear_1.weight", 0),
    }


def conditioner_config(weights: Weights, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the config of diffusers' AnimaTextConditioner; arguments as for body_config."""
    width = weights.side("blocks.0.cross_attn.q_proj.weight", 1)
    head = weights.side("blocks.0.cross_attn.q_norm.weight", 0)
    return {
        "source_dim": weights.side("blocks.0.cross_attn.k_proj.weight", 1),
        "target_dim": weights.side("out_proj.weight", 0),
        "model_dim": width,
        "num_layers": count(weights, r"blocks\.(\d+)\."),
        "num_attention_heads": max(1, width // max(1, head)),
        "mlp_ratio": weights.side("blocks.0.mlp.0.weight", 0) / width,
        "target_vocab_size": weights.side("embed.weight", 0),
        "use_self_attention": "blocks.0.self_attn.q_proj.weight" in weights.slices,
        "use_layer_norm": "blocks.0.norm_mlp.bias" in weights.slices,
        "min_sequence_length": (config or {}).get("min_sequence_length", 512),
    }


def encoder_config(weights: Weights, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the config of transformers' Qwen3Model; arguments as for body_config."""
    head = weights.side("layers.0.self_attn.q_norm.weight", 0)
    return {
        **_ENCODER,
        **{name: value for name, value in (config or {}).items() if name not in ("dtype", "torch_dtype")},
        "vocab_size": weights.side("embed_tokens.weight", 0),
        "hidden_size": weights.side("embed_tokens.weight", 1),
        "intermediate_size": weights.side("layers.0.mlp.gate_proj.weight", 0),
        "num_hidden_layers": count(weights, r"layers\.(\d+)\."),
        "head_dim": head,
        "num_attention_heads": max(1, weights.side("layers.0.self_attn.q_proj.weight", 0) // max(1, head)),
        "num_key_value_heads": max(1, weights.side("layers.0.self_attn.k_proj.weight", 0) // max(1, head)),
    }


def vae_config(weights: Weights, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the config of diffusers' AutoencoderKLQwenImage; arguments as for body_config.

    Means and deviations of the latents are the class's own where no config says others: Wan 2.1's, which all such VAEs have.
    """
    if config:
        return {name: value for name, value in config.items() if not name.startswith("_")}
    # Flat: each level its resnets, and but for the last one what makes smaller.
    blocks = count(weights, r"encoder\.down_blocks\.(\d+)\.")
    return {
        "base_dim": weights.side("encoder.conv_in.weight", 0),
        "z_dim": weights.side("decoder.conv_in.weight", 1),
        "dim_mult": _DIMENSIONS_OF_VAE,
        "num_res_blocks": max(1, (blocks - len(_DIMENSIONS_OF_VAE) + 1) // len(_DIMENSIONS_OF_VAE)),
    }


def count(weights: Weights, pattern: str) -> int:
    """Return how many different numbers stand where the pattern has its group."""
    matches = (re.match(pattern, name) for name in weights.slices)
    return len({match[1] for match in matches if match})
