"""Configs of a single-file checkpoint's components: the published ones with the sizes of its weights; free of torch."""

import json
import re
from functools import cache
from importlib import resources
from typing import Any

from trainer.errors import ModelError
from trainer.models.component_weights import Weights
from trainer.models.diffusers_folder import Component
from trainer.settings.parts import Family
from trainer.text import printable

# Numbers a head in SDXL's U-Net and in every CLIP text encoder works on. SD1.x's U-Net has 8 heads however wide it is.
_HEAD = 64


def config_for(family: Family, component: Component, weights: Weights) -> dict[str, Any]:
    """Return the component's config in diffusers' or transformers' words.

    Args:
        family: the base's.
        component: which one.
        weights: its weights.

    Raises:
        ModelError: its weights are not laid out as the family's are.
    """
    config = dict(_published(family)[component])
    match component:
        case "unet":
            return config | _unet(weights)
        case "vae":
            return config | _vae(weights)
        case _:
            return config | _text_encoder(weights)


def scaling_factor(family: Family) -> float:
    """Return what the latents of the family's VAE are multiplied by."""
    return float(_published(family)["vae"]["scaling_factor"])


@cache
def _published(family: Family) -> dict[Component, dict[str, Any]]:
    text = resources.files(f"trainer.families.{family}").joinpath("components.json").read_text("utf-8")
    table: dict[Component, dict[str, Any]] = json.loads(text)
    return table


def _unet(weights: Weights) -> dict[str, Any]:
    levels = _count(weights, r"down_blocks\.(\d+)\.resnets\.")
    widths = [weights.side(f"down_blocks.{level}.resnets.0.conv1.weight", 0) for level in range(levels)]
    depths = [_depth(weights, rf"down_blocks\.{level}\.attentions\.0\.") for level in range(levels)]
    middle = _depth(weights, r"mid_block\.attentions\.0\.")
    if middle == 0 or depths[-1:] not in ([0], [middle]):
        raise _misfit(
            weights,
            f"a middle block of {middle} transformer layers under a last level of {depths[-1] if depths else 0}",
        )
    changes: dict[str, Any] = {
        "block_out_channels": widths,
        "layers_per_block": _count(weights, r"down_blocks\.0\.resnets\.(\d+)\."),
        "down_block_types": ["CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths],
        "up_block_types": ["CrossAttnUpBlock2D" if depth else "UpBlock2D" for depth in reversed(depths)],
        # The last number is also the middle block's; where a level has no attention it counts for nothing.
        "transformer_layers_per_block": [depth or 1 for depth in depths[:-1]] + [middle],
        "cross_attention_dim": context_width(weights),
    }
    if takes_sizes(weights):
        changes["attention_head_dim"] = [max(1, width // _HEAD) for width in widths]
        changes["projection_class_embeddings_input_dim"] = weights.side("add_embedding.linear_1.weight", -1)
    return changes


def context_width(unet: Weights) -> int:
    """Return how many numbers the U-Net takes for each token.

    Raises:
        ModelError: it has no cross-attention.
    """
    # Not every folder's U-Net has a middle block.
    names = (name for name in unet.slices if name.endswith("attn2.to_k.weight"))
    return unet.side(next(names, "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"), -1)


def takes_sizes(unet: Weights) -> bool:
    """Return whether the U-Net takes pooled text and the pictures' sizes beside the time: SDXL's alone does."""
    return "add_embedding.linear_1.weight" in unet.slices


def text_width(encoder: Weights) -> int:
    """Return how many numbers a text encoder gives for each token.

    Raises:
        ModelError: it has no embeddings.
    """
    return encoder.side("embeddings.token_embedding.weight", -1)


def _text_encoder(weights: Weights) -> dict[str, Any]:
    width = text_width(weights)
    changes: dict[str, Any] = {
        "vocab_size": weights.side("embeddings.token_embedding.weight", 0),
        "hidden_size": width,
        "intermediate_size": weights.side("encoder.layers.0.mlp.fc1.weight", 0),
        "max_position_embeddings": weights.side("embeddings.position_embedding.weight", 0),
        "num_attention_heads": max(1, width // _HEAD),
        "num_hidden_layers": layers_of_encoder(weights),
    }
    projects = "text_projection.weight" in weights.slices
    changes["projection_dim"] = weights.side("text_projection.weight", 0) if projects else width
    return changes


def layers_of_encoder(weights: Weights) -> int:
    """Return how many layers a text encoder has."""
    return _count(weights, r"encoder\.layers\.(\d+)\.")


def _vae(weights: Weights) -> dict[str, Any]:
    levels = _count(weights, r"encoder\.down_blocks\.(\d+)\.")
    widths = [weights.side(f"encoder.down_blocks.{level}.resnets.0.conv1.weight", 0) for level in range(levels)]
    return {
        "block_out_channels": widths,
        "layers_per_block": _count(weights, r"encoder\.down_blocks\.0\.resnets\.(\d+)\."),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
    }


def _depth(weights: Weights, place: str) -> int:
    return _count(weights, place + r"transformer_blocks\.(\d+)\.")


def _count(weights: Weights, pattern: str) -> int:
    """Return how many different numbers stand where the pattern has its group."""
    matches = (re.match(pattern, name) for name in weights.slices)
    return len({match[1] for match in matches if match})


def _misfit(weights: Weights, found: str) -> ModelError:
    return ModelError(
        printable(str(weights.path)),
        found=found,
        expected="the layout of SD1.x or SDXL",
        way_out="give the diffusers folder of the same model: its configs say how it is built",
    )
