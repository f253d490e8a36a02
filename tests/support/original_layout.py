"""Writes diffusers' and transformers' modules into one file with the keys of the original repositories.

The way there, written by itself: the program's own table leads the other way, so a mistake in one shows against the other.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_TYPES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64"}
# Beside the weights in every file of 2022: read by nobody, and in the way of nobody.
_IDLE = {"sd1": {"model_ema.decay": (), "betas": (1000,)}, "sdxl": {"denoiser.sigmas": (1000,)}}


def original_tensors(family: str, modules: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the modules' weights by their original keys; those without `unet`, `vae`, … in `modules` are left out."""
    tensors: dict[str, Tensor] = {}
    clip = "cond_stage_model.transformer." if family == "sd1" else "conditioner.embedders.0.transformer."
    for component, module in modules.items():
        weights = module.state_dict()
        match component:
            case "unet":
                rename, prefix = _unet_renamer(weights), "model.diffusion_model."
            case "vae":
                rename, prefix = _vae_renamer(weights), "first_stage_model."
            case "text_encoder":
                rename, prefix = (lambda name: f"text_model.{name.removeprefix('text_model.')}"), clip
            case _:
                tensors.update(_openclip(weights, "conditioner.embedders.1.model."))
                continue
        for name, tensor in weights.items():
            key = prefix + rename(name)
            # The original VAE attends by 1x1 convolutions.
            is_matrix = component == "vae" and ".attn_1." in key and tensor.dim() == 2
            tensors[key] = tensor[..., None, None] if is_matrix else tensor
    return tensors


def write_original(
    path: Path,
    family: str,
    modules: Mapping[str, Any],
    *,
    dtype: torch.dtype = torch.float16,
    markers: Iterable[str] = (),
    metadata: Mapping[str, str] | None = None,
    numbers: Callable[[str, Tensor], Tensor] = lambda key, tensor: tensor,
) -> Path:
    """Write a checkpoint in the original layout, tensor by tensor, and return its path.

    Args:
        path: the file.
        family: `sd1` or `sdxl`.
        modules: `unet`, `vae`, `text_encoder`, for SDXL `text_encoder_2`; on meta if `numbers` makes them up.
        dtype: of every tensor.
        markers: names of empty tensors beside the weights, such as `v_pred` and `ztsnr`.
        metadata: texts for the header.
        numbers: gives a tensor's values by its key; asked once for each.
    """
    tensors = original_tensors(family, modules)
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()} | _IDLE[family]
    for name, shape in [*shapes.items(), *((marker, (0,)) for marker in markers)]:
        size = torch.Size(shape).numel() * dtype.itemsize
        entries[name] = {"dtype": _TYPES[dtype], "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            values = numbers(name, tensors[name]) if name in tensors else torch.zeros(shape)
            row = values.detach().to("cpu", dtype).contiguous().reshape(-1).view(torch.uint8)
            file.write(row.numpy().data)
    return path


def _unet_renamer(weights: Mapping[str, Tensor]) -> Callable[[str], str]:
    layers = 1 + max(int(match[1]) for name in weights if (match := re.match(r"down_blocks\.0\.resnets\.(\d+)", name)))
    heads = {
        "conv_in": "input_blocks.0.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
    }
    inside = {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "conv_shortcut": "skip_connection",
    }

    def rename(name: str) -> str:
        if match := re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", name):
            way, block, kind, index, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
            if kind == "downsamplers":
                return f"input_blocks.{(block + 1) * (layers + 1)}.0.op.{rest.removeprefix('conv.')}"
            if kind == "upsamplers":
                attends = any(other.startswith(f"up_blocks.{block}.attentions.") for other in weights)
                return f"output_blocks.{block * (layers + 1) + layers}.{2 if attends else 1}.{rest}"
            number = 1 + block * (layers + 1) + index if way == "down" else block * (layers + 1) + index
            head = f"{'input' if way == 'down' else 'output'}_blocks.{number}.{1 if kind == 'attentions' else 0}"
        else:
            old = next(head for head in heads if name.startswith(head + "."))
            head, rest, kind = heads[old], name.removeprefix(old + "."), "resnets" if ".resnets." in old else ""
        if kind == "resnets" or ".resnets." in name:
            first, _, last = rest.partition(".")
            rest = f"{inside[first]}.{last}"
        return f"{head}.{rest}"

    return rename


def _vae_renamer(weights: Mapping[str, Tensor]) -> Callable[[str], str]:
    levels = 1 + max(int(match[1]) for name in weights if (match := re.match(r"decoder\.up_blocks\.(\d+)", name)))
    attention = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}

    def rename(name: str) -> str:
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda match: f"mid.block_{int(match[1]) + 1}", name)
        if match := re.fullmatch(r"(.*)mid_block\.attentions\.0\.(.+)\.(weight|bias)", name):
            return f"{match[1]}mid.attn_1.{attention[match[2]]}.{match[3]}"
        name = re.sub(r"down_blocks\.(\d+)\.resnets", r"down.\1.block", name)
        name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", name)
        name = re.sub(r"up_blocks\.(\d+)\.resnets", lambda match: f"up.{levels - 1 - int(match[1])}.block", name)
        return re.sub(
            r"up_blocks\.(\d+)\.upsamplers\.0", lambda match: f"up.{levels - 1 - int(match[1])}.upsample", name
        )

    return rename


def _openclip(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    plain = {name.removeprefix("text_model."): tensor for name, tensor in weights.items()}
    tensors: dict[str, Tensor] = {}
    ends = {
        "embeddings.token_embedding.weight": "token_embedding.weight",
        "embeddings.position_embedding.weight": "positional_embedding",
        "final_layer_norm.weight": "ln_final.weight",
        "final_layer_norm.bias": "ln_final.bias",
    }
    inside = {
        "self_attn.out_proj": "attn.out_proj",
        "layer_norm1": "ln_1",
        "layer_norm2": "ln_2",
        "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
    }
    for name, tensor in plain.items():
        match = re.fullmatch(r"encoder\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
        if name in ends:
            tensors[prefix + ends[name]] = tensor
        elif name == "text_projection.weight":
            tensors[prefix + "text_projection"] = tensor.t()
        elif match and match[2] in inside:
            tensors[f"{prefix}transformer.resblocks.{match[1]}.{inside[match[2]]}.{match[3]}"] = tensor
        elif match and match[2] == "self_attn.q_proj":
            whole = [plain[name.replace("q_proj", f"{part}_proj")] for part in "qkv"]
            tensors[f"{prefix}transformer.resblocks.{match[1]}.attn.in_proj_{match[3]}"] = torch.cat(whole)
    tensors[prefix + "logit_scale"] = torch.zeros((), device=next(iter(plain.values())).device)
    return tensors
