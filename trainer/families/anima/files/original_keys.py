"""Places of Anima's weights in files of the original layout, under the names of diffusers and transformers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from trainer.families.anima.keys import CONDITIONER, IDLE, body_module
from trainer.models.weight_slice import WeightSlice

Shapes = Mapping[str, tuple[int, ...]]
"""Tensor name -> shape, as a safetensors header has them."""

Slices = dict[str, WeightSlice]
"""diffusers' or transformers' name of a weight -> where it lies."""

# ComfyUI writes the second where it saves a model itself; some programs write the third, or none.
_PREFIXES = ("net.", "model.diffusion_model.", "diffusion_model.", "")
_PATCHES = "x_embedder.proj.1.weight"
# Of a checkpoint that holds everything, ComfyUI's.
_ENCODER = "text_encoders.qwen3_06b.transformer.model."
_VAE = "vae."

_HEAD = "lm_head.weight"
_EMBEDDINGS = "embed_tokens.weight"


@dataclass(frozen=True)
class BodyFile:
    """What a file with the body holds.

    Attributes:
        body, conditioner, encoder, vae: name of a weight -> where it lies; empty for what is not in the file. What the body's
            rules do not know keeps its key.
    """

    body: Slices
    conditioner: Slices
    encoder: Slices
    vae: Slices


def body_file(shapes: Shapes) -> BodyFile | None:
    """Return what a file of these tensors holds, None where no body of Cosmos-Predict2's form is in it."""
    prefix = next((prefix for prefix in _PREFIXES if prefix + _PATCHES in shapes), None)
    if prefix is None:
        return None
    inner = {key.removeprefix(prefix): key for key in shapes if key.startswith(prefix)}
    if not prefix:
        inner = {name: key for name, key in inner.items() if not key.startswith((_ENCODER, _VAE))}
    body: Slices = {}
    conditioner: Slices = {}
    for name, key in inner.items():
        piece = WeightSlice(key, shapes[key])
        # First: the body's rules would rename inside it, too.
        if name.startswith(CONDITIONER):
            if not IDLE.fullmatch(name) and not name.endswith(".inv_freq"):
                conditioner[name.removeprefix(CONDITIONER)] = piece
        elif not IDLE.match(name):
            body[_body_weight(name)] = piece
    return BodyFile(body, conditioner, encoder_slices(shapes, _ENCODER), vae_slices(shapes, _VAE))


def _body_weight(name: str) -> str:
    module, _, leaf = name.rpartition(".")
    path = body_module(module)
    return name if path is None else f"{path}.{leaf}"


def plain_body_slices(shapes: Shapes) -> Slices:
    """Return the weights of a body under diffusers' names, as a folder has them; empty where it is none."""
    if "patch_embed.proj.weight" not in shapes or "transformer_blocks.0.attn1.to_q.weight" not in shapes:
        return {}
    return {key: WeightSlice(key, shape) for key, shape in shapes.items()}


def conditioner_slices(shapes: Shapes) -> Slices:
    """Return the weights of the text conditioner that stands alone, with or without its prefix; empty where it is none."""
    inner = {re.sub(r"^(?:net\.)?llm_adapter\.", "", key): key for key in shapes}
    if "blocks.0.cross_attn.q_proj.weight" not in inner or "out_proj.weight" not in inner:
        return {}
    return {name: WeightSlice(key, shapes[key]) for name, key in inner.items() if not name.endswith(".inv_freq")}


def encoder_slices(shapes: Shapes, prefix: str = "") -> Slices:
    """Return the weights of Qwen3 in a file of these tensors, empty where it holds none.

    Args:
        shapes: of the file.
        prefix: what its keys start with.
    """
    inner = {key.removeprefix(prefix): key for key in shapes if key.startswith(prefix)}
    if not prefix:
        # A model with its head has one level more; the head has no use here.
        inner = {name.removeprefix("model."): key for name, key in inner.items() if name != _HEAD}
    if _EMBEDDINGS not in inner or "layers.0.self_attn.q_norm.weight" not in inner:
        return {}
    return {name: WeightSlice(key, shapes[key]) for name, key in inner.items()}


_RESIDUAL = {"residual.0": "norm1", "residual.2": "conv1", "residual.3": "norm2", "residual.6": "conv2"}
_SHORTCUT = {"shortcut": "conv_shortcut"}
_ENDS = {"conv1": "conv_in", "head.0": "norm_out", "head.2": "conv_out"}
_MIDDLE = {"0": "resnets.0", "1": "attentions.0", "2": "resnets.1"}
_QUANT = {"conv1": "quant_conv", "conv2": "post_quant_conv"}
_SIDE = re.compile(r"(encoder|decoder)\.(.+)\.(\w+)")
_LEVEL = re.compile(r"(downsamples|upsamples)\.(\d+)\.(.+)")
_ORIGINAL_VAE = "encoder.conv1.weight"
_DIFFUSERS_VAE = "encoder.conv_in.weight"


def vae_slices(shapes: Shapes, prefix: str = "") -> Slices:
    """Return the weights of the VAE in a file of these tensors, in the original's keys or diffusers'; empty where it holds none."""
    inner = {key.removeprefix(prefix): key for key in shapes if key.startswith(prefix)}
    if _DIFFUSERS_VAE in inner and len(shapes[inner[_DIFFUSERS_VAE]]) == 5:
        return {name: WeightSlice(key, shapes[key]) for name, key in inner.items()}
    if _ORIGINAL_VAE not in inner or "decoder.upsamples.0.residual.0.gamma" not in inner:
        return {}
    # Every level of the way up has its resnets, one more than on the way down, and where it is not the last what enlarges.
    per_level = next(
        (index for index in range(1, 64) if f"decoder.upsamples.{index}.resample.1.weight" in inner), 3
    ) + 1  # fmt: skip
    return {vae_weight(name, per_level): WeightSlice(key, shapes[key]) for name, key in inner.items()}


def vae_weight(name: str, per_level: int = 4) -> str:
    """Return diffusers' name of one of the VAE's weights of the original's; one of no known place keeps its name.

    Args:
        name: such as `decoder.upsamples.4.residual.2.weight`.
        per_level: blocks in each of the decoder's levels but the last.
    """
    quant, _, leaf = name.rpartition(".")
    if quant in _QUANT:
        return f"{_QUANT[quant]}.{leaf}"
    match = _SIDE.fullmatch(name)
    if match is None:
        return name
    side, module, leaf = match.groups()
    return f"{side}.{_vae_module(module, per_level)}.{leaf}"


def _vae_module(module: str, per_level: int) -> str:
    if module in _ENDS:
        return _ENDS[module]
    if module.startswith("middle."):
        _, number, *inside = module.split(".")
        return ".".join(["mid_block", _MIDDLE.get(number, number), *_inside(".".join(inside))])
    match = _LEVEL.fullmatch(module)
    if match is None:
        return module
    way, number, rest = match.groups()
    if way == "downsamples":
        place = f"down_blocks.{number}"
    else:
        level, index = divmod(int(number), per_level)
        place = f"up_blocks.{level}." + ("upsamplers.0" if index == per_level - 1 else f"resnets.{index}")
    return ".".join([place, *_inside(rest)])


def _inside(rest: str) -> list[str]:
    """Return what a module inside a block is called, as one part of a path, or none."""
    return [name] if (name := (_RESIDUAL | _SHORTCUT).get(rest, rest)) else []
