"""The blocks of U-Net and text encoders that can be checkpointed, by name, in the order of a step."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import nn
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

from trainer.errors import SettingsError
from trainer.settings.parts import Part, all_parts
from trainer.text import printable

# Names that an error shows as examples.
_MAX_EXAMPLES = 4


def blocks(unet: Any, encoders: Mapping[Part, Any]) -> dict[str, nn.Module]:
    """Return every block that can compute its activations again, by name, in the order of the forward pass.

    An encoder's are its layers: `text_encoder.layers.3`. The U-Net's are its resnets (`down_blocks.0.resnets.1`) and its
    attentions (`mid_block.attentions.0`); an attention of several layers, as SDXL has them, is a block a layer:
    `down_blocks.2.attentions.0.transformer_blocks.3`. What lies between (samplers, SDXL's projections) is in no block.

    Args:
        unet: diffusers' UNet2DConditionModel.
        encoders: transformers' CLIP text encoders by part.
    """
    found: dict[str, nn.Module] = {}
    for part in all_parts():
        if part in encoders:
            layers = (each for each in encoders[part].modules() if isinstance(each, CLIPEncoderLayer))
            found |= {f"{part}.layers.{index}": layer for index, layer in enumerate(layers)}
    return found | dict(_in_unet(unet))


def text_layers(unet: Any) -> list[nn.Module]:
    """Return the layers of the U-Net whose only input is the text: those that make keys and values of it."""
    attentions = [each for each in unet.modules() if isinstance(each, Attention) and each.is_cross_attention]
    return [layer for each in attentions if not each.norm_cross for layer in (each.to_k, each.to_v)]


def names_with_prefixes(names: Collection[str], prefixes: Collection[str]) -> set[str]:
    """Return the names that start with a setting's prefixes; no prefix means all.

    A prefix is one or more complete levels of a name: `text_encoder` does not mean `text_encoder_2.layers.0`, and
    `text_encoder.layers.1` not `text_encoder.layers.10`.

    Args:
        names: of all blocks, in their order.
        prefixes: parts of names up to a dot, or complete names.

    Raises:
        SettingsError: no name starts with a prefix.
    """
    if not prefixes:
        return set(names)
    found: set[str] = set()
    for prefix in prefixes:
        level = prefix.rstrip(".") + "."
        meant = {name for name in names if f"{name}.".startswith(level)}
        if not meant:
            raise SettingsError(
                "checkpointed_blocks",
                found=printable(prefix, limit=60),
                expected=f"prefixes of block names, such as {', '.join(_examples(names))}",
                way_out="leave it blank for all blocks",
            )
        found |= meant
    return found


def _in_unet(unet: Any) -> Iterator[tuple[str, nn.Module]]:
    stages = [(f"down_blocks.{index}", stage) for index, stage in enumerate(unet.down_blocks)]
    if unet.mid_block is not None:
        stages.append(("mid_block", unet.mid_block))
    stages += [(f"up_blocks.{index}", stage) for index, stage in enumerate(unet.up_blocks)]
    for name, stage in stages:
        yield from _in_stage(name, stage)


def _in_stage(name: str, stage: Any) -> Iterator[tuple[str, nn.Module]]:
    """Yield a stage's resnets and attentions in turns, as they run; the middle has a resnet more than attentions."""
    attentions = list(getattr(stage, "attentions", ()))
    for index, resnet in enumerate(stage.resnets):
        if isinstance(resnet, ResnetBlock2D):
            yield f"{name}.resnets.{index}", resnet
        if index < len(attentions) and isinstance(attentions[index], Transformer2DModel):
            yield from _in_attention(f"{name}.attentions.{index}", attentions[index])


def _in_attention(name: str, attention: Any) -> Iterator[tuple[str, nn.Module]]:
    layers = [layer for layer in attention.transformer_blocks if isinstance(layer, BasicTransformerBlock)]
    if len(layers) == 1:
        yield name, attention
        return
    for index, layer in enumerate(layers):
        yield f"{name}.transformer_blocks.{index}", layer


def _examples(names: Collection[str]) -> list[str]:
    """Return some names, from all over their order."""
    every = list(names)
    return every[:: max(1, len(every) // _MAX_EXAMPLES)][:_MAX_EXAMPLES]
