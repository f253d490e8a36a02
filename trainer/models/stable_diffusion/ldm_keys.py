"""Names of weights in the original key layout of one-file checkpoints, and in diffusers and transformers; free of torch.

The layout is that of CompVis' latent-diffusion (SD1.x) and Stability's generative-models (SDXL). How deep and wide the model
is follows from the keys themselves, so that a small checkpoint is read by the same rules as a real one.
"""

import re
from collections.abc import Iterator, Mapping

from trainer.families.block_names import RESNET_LAYERS
from trainer.models.weight_slice import WeightSlice

Shapes = Mapping[str, tuple[int, ...]]
"""Tensor name -> shape, as a safetensors header has them."""

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
SD1_CLIP_PREFIX = "cond_stage_model.transformer."
SDXL_CLIP_PREFIX = "conditioner.embedders.0.transformer."
SDXL_OPENCLIP_PREFIX = "conditioner.embedders.1.model."


_UNET_ENDS = {
    "time_embed.0.": "time_embedding.linear_1.",
    "time_embed.2.": "time_embedding.linear_2.",
    "label_emb.0.0.": "add_embedding.linear_1.",
    "label_emb.0.2.": "add_embedding.linear_2.",
    "input_blocks.0.0.": "conv_in.",
    "out.0.": "conv_norm_out.",
    "out.2.": "conv_out.",
    "middle_block.0.": "mid_block.resnets.0.",
    "middle_block.1.": "mid_block.attentions.0.",
    "middle_block.2.": "mid_block.resnets.1.",
}
_RESNET = re.compile(r"(.+\.resnets\.\d+\.)(.+)")
# The norms, which no LoRA has, and what block_names says of the layers, by modules there: `in_layers_2` is `in_layers.2.` here.
_UNET_RESNET = {"in_layers.0.": "norm1.", "out_layers.0.": "norm2."} | {
    re.sub(r"_(\d)$", r".\1", original) + ".": name + "." for name, original in RESNET_LAYERS.items()
}
_VAE_ENDS = {
    "mid.block_1.": "mid_block.resnets.0.",
    "mid.attn_1.": "mid_block.attentions.0.",
    "mid.block_2.": "mid_block.resnets.1.",
    "norm_out.": "conv_norm_out.",
}
_VAE_ATTENTION = {"norm.": "group_norm.", "q.": "to_q.", "k.": "to_k.", "v.": "to_v.", "proj_out.": "to_out.0."}
# As diffusers named them until 0.14; published VAE folders still do.
_OLD_VAE_ATTENTION = {"query.": "to_q.", "key.": "to_k.", "value.": "to_v.", "proj_attn.": "to_out.0."}
_VAE_LEVEL = re.compile(r"(encoder|decoder)\.(down|up)\.(\d+)\.(?:block\.(\d+)|(?:down|up)sample)\.(.+)")
_OPENCLIP_ENDS = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
    "text_projection.weight": "text_projection.weight",
}
_OPENCLIP_LAYER = {
    "attn.out_proj.": "self_attn.out_proj.",
    "ln_1.": "layer_norm1.",
    "ln_2.": "layer_norm2.",
    "mlp.c_fc.": "mlp.fc1.",
    "mlp.c_proj.": "mlp.fc2.",
}
# What tools leave beside the weights without any model using it.
_CLIP_IDLE = {"embeddings.position_ids", "logit_scale", "text_projection", "text_projection.weight"}
_OPENCLIP_IDLE = {"logit_scale", "attn_mask"}
_VAE_IDLE = ("loss.", "model_ema.")


def unet_slices(shapes: Shapes) -> dict[str, WeightSlice]:
    """Return diffusers' name -> where it lies, for the U-Net in a file of these tensors; a key of no known place keeps its name."""
    inner = _below(shapes, UNET_PREFIX)
    blocks = _UNET_ENDS | dict(_unet_blocks(inner))
    pieces: dict[str, WeightSlice] = {}
    for key, shape in inner.items():
        name = _exchanged(key, blocks)
        if resnet := _RESNET.fullmatch(name):
            name = resnet[1] + _exchanged(resnet[2], _UNET_RESNET)
        pieces[name.replace("downsamplers.0.op.", "downsamplers.0.conv.")] = WeightSlice(UNET_PREFIX + key, shape)
    return pieces


def vae_slices(shapes: Shapes, prefix: str = VAE_PREFIX) -> dict[str, WeightSlice]:
    """Return diffusers' name -> where it lies, for the VAE under `prefix`, in the original layout or in diffusers' (old or new)."""
    inner = _below(shapes, prefix)
    levels = 1 + max((int(match[3]) for match in map(_VAE_LEVEL.match, inner) if match), default=0)
    pieces: dict[str, WeightSlice] = {}
    for key, shape in inner.items():
        if key.startswith(_VAE_IDLE):
            continue
        name = _vae_name(key, levels)
        is_matrix = ".attentions." in name and shape[2:] == (1, 1)
        pieces[name] = WeightSlice(prefix + key, shape[:2] if is_matrix else shape)
    return pieces


def clip_slices(shapes: Shapes, prefix: str = "", *, projected: bool = False) -> dict[str, WeightSlice]:
    """Return transformers' name -> where it lies, for the CLIP text encoder under `prefix`.

    Args:
        shapes: the file's tensors.
        prefix: what its keys begin with.
        projected: whether the projection of the pooled state belongs to it; tools leave one beside encoders without any.
    """
    pieces: dict[str, WeightSlice] = {}
    for key, shape in _below(shapes, prefix).items():
        # Files of 2022 and transformers 5 lack the `text_model` level, those between have it.
        name = key.removeprefix("text_model.")
        if name not in _CLIP_IDLE or (projected and name == "text_projection.weight"):
            pieces[name] = WeightSlice(prefix + key, shape)
    return pieces


def openclip_slices(shapes: Shapes, prefix: str = SDXL_OPENCLIP_PREFIX) -> dict[str, WeightSlice]:
    """Return transformers' name -> where it lies, for an OpenCLIP text encoder: q, k and v in one tensor, the projection turned."""
    pieces: dict[str, WeightSlice] = {}
    for key, shape in _below(shapes, prefix).items():
        layer = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+)", key)
        if key == "text_projection" and len(shape) == 2:
            pieces["text_projection.weight"] = WeightSlice(prefix + key, (shape[1], shape[0]), turned=True)
        elif layer and (joint := re.fullmatch(r"attn\.in_proj_(weight|bias)", layer[2])):
            rows = shape[0] // 3 if shape else 0
            for number, part in enumerate("qkv"):
                name = f"encoder.layers.{layer[1]}.self_attn.{part}_proj.{joint[1]}"
                pieces[name] = WeightSlice(prefix + key, (rows, *shape[1:]), first_row=number * rows)
        elif layer:
            pieces[f"encoder.layers.{layer[1]}.{_exchanged(layer[2], _OPENCLIP_LAYER)}"] = WeightSlice(
                prefix + key, shape
            )
        elif key not in _OPENCLIP_IDLE:
            pieces[_OPENCLIP_ENDS.get(key, key)] = WeightSlice(prefix + key, shape)
    return pieces


def plain_slices(shapes: Shapes) -> dict[str, WeightSlice]:
    """Return name -> where it lies, for a file whose names are the module's own."""
    return {name: WeightSlice(name, shape) for name, shape in shapes.items()}


def _below(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    return {key.removeprefix(prefix): shape for key, shape in shapes.items() if key.startswith(prefix)}


def _exchanged(key: str, names: Mapping[str, str]) -> str:
    """Return `key` with the one of `names` that it begins with exchanged for its other name."""
    return next((new + key.removeprefix(old) for old, new in names.items() if key.startswith(old)), key)


def _unet_blocks(inner: Shapes) -> Iterator[tuple[str, str]]:
    """Yield original and diffusers' place of every block. The original counts through all levels, diffusers from 0 in each.

    A level of the way down ends with a block of its own, `op`; one of the way up with a `conv` behind its last block.
    """
    present = {".".join(key.split(".")[:3]) for key in inner}
    level = number = 0
    block = 1
    while (place := f"input_blocks.{block}") + ".0" in present:
        if f"{place}.0.op.weight" in inner:
            yield f"{place}.0.", f"down_blocks.{level}.downsamplers.0."
            level, number = level + 1, 0
        else:
            yield f"{place}.0.", f"down_blocks.{level}.resnets.{number}."
            yield f"{place}.1.", f"down_blocks.{level}.attentions.{number}."
            number += 1
        block += 1
    level = number = block = 0
    while (place := f"output_blocks.{block}") + ".0" in present:
        yield f"{place}.0.", f"up_blocks.{level}.resnets.{number}."
        # Without attention in the level the upsampler stands in its place.
        ends = [spot for spot in (f"{place}.1", f"{place}.2") if f"{spot}.conv.weight" in inner]
        if f"{place}.1" not in ends:
            yield f"{place}.1.", f"up_blocks.{level}.attentions.{number}."
        number += 1
        if ends:
            yield f"{ends[0]}.", f"up_blocks.{level}.upsamplers.0."
            level, number = level + 1, 0
        block += 1


def _vae_name(key: str, levels: int) -> str:
    side, _, rest = key.partition(".")
    if match := _VAE_LEVEL.fullmatch(key):
        # The decoder's levels are counted from the latents on in diffusers, from the picture on in the original.
        level = int(match[3]) if match[2] == "down" else levels - 1 - int(match[3])
        if match[4] is None:
            return f"{side}.{match[2]}_blocks.{level}.{match[2]}samplers.0.{match[5]}"
        rest = _exchanged(match[5], {"nin_shortcut.": "conv_shortcut."})
        return f"{side}.{match[2]}_blocks.{level}.resnets.{match[4]}.{rest}"
    if side not in ("encoder", "decoder"):
        return key
    rest = _exchanged(rest, _VAE_ENDS)
    attention = "mid_block.attentions.0."
    if rest.startswith(attention):
        return f"{side}.{attention}{_exchanged(rest.removeprefix(attention), _VAE_ATTENTION | _OLD_VAE_ATTENTION)}"
    return f"{side}.{rest}"
