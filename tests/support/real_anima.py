"""Anima's components in their real sizes, as published: all shapes and no numbers."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn


def real_anima(depth: int = 28) -> SimpleNamespace:
    """Return transformer, conditioner and Qwen3 of the real classes on the meta device.

    Args:
        depth: blocks of the transformer.
    """
    from diffusers import AnimaTextConditioner, CosmosTransformer3DModel
    from transformers import Qwen3Config, Qwen3Model

    with torch.device("meta"):
        body = CosmosTransformer3DModel(
            in_channels=16,
            out_channels=16,
            num_attention_heads=16,
            attention_head_dim=128,
            num_layers=depth,
            text_embed_dim=1024,
            adaln_lora_dim=256,
            max_size=(128, 240, 240),
            rope_scale=(1.0, 4.0, 4.0),
            concat_padding_mask=False,
            extra_pos_embed_type=None,
        )
        qwen = Qwen3Model(
            Qwen3Config(
                vocab_size=151936,
                hidden_size=1024,
                intermediate_size=3072,
                num_hidden_layers=28,
                num_attention_heads=16,
                num_key_value_heads=8,
                head_dim=128,
            )
        )
        return SimpleNamespace(body=body, conditioner=AnimaTextConditioner(), qwen=qwen)


def linears(module: Any) -> dict[str, tuple[int, int]]:
    """Return the paths of a module's Linears, each with its inputs and outputs."""
    return {
        path: (layer.in_features, layer.out_features)
        for path, layer in module.named_modules()
        if isinstance(layer, nn.Linear)
    }
