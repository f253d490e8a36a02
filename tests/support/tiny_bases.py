"""Tiny SD1.x and SDXL checkpoints of random numbers: one file in the original key layout, or the same as a diffusers folder.

They keep what the layouts ask for (32 norm groups; 8 heads in SD1.x, heads of 64 in SDXL; CLIP's whole vocabulary) and are
small in everything else: 6 to 11 MB in fp16, a fraction of a second to load. The latents are an eighth of the picture.
"""

import copy
import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from library_tokenizer import library_tokenizer
from original_layout import write_original
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

_CLIP: dict[str, Any] = {
    "vocab_size": 49408,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 1,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "projection_dim": 32,
}


def tiny_modules(family: str, seed: int = 0) -> dict[str, Any]:
    """Return random components by name, in fp32, every number one that fp16 can hold: `unet`, `text_encoder`, `vae`, …"""
    return copy.deepcopy(_kept_modules(family, seed))


@functools.cache
def _kept_modules(family: str, seed: int) -> dict[str, Any]:
    return draw_tiny_modules(family, seed)


def draw_tiny_modules(family: str, seed: int = 0) -> dict[str, Any]:
    """Do the same without a look at those that were drawn before, as tensors of whatever mode is on."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        modules: dict[str, Any] = {"unet": _sd1_unet() if family == "sd1" else _sdxl_unet()}
        modules["text_encoder"] = CLIPTextModel(CLIPTextConfig(**_CLIP, num_hidden_layers=2, pad_token_id=49407))
        if family == "sdxl":
            second = CLIPTextConfig(**_CLIP, num_hidden_layers=3, hidden_act="gelu", pad_token_id=0)
            modules["text_encoder_2"] = CLIPTextModelWithProjection(second)
        modules["vae"] = AutoencoderKL(
            block_out_channels=(32, 32, 32, 64),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            scaling_factor=0.18215 if family == "sd1" else 0.13025,
        )
        for module in modules.values():
            module.requires_grad_(False).eval()
            for weight in module.parameters():
                # Norms and biases begin at 1 and 0: as such they could be exchanged and nobody would see.
                if weight.dim() < 2:
                    weight.add_(torch.randn_like(weight) * 0.05)
                weight.copy_(weight.half())
    return modules


def write_tiny(
    path: Path,
    family: str,
    *,
    markers: Iterable[str] = (),
    metadata: Mapping[str, str] | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float16,
    **modules: Any,
) -> Path:
    """Write a tiny checkpoint in the original layout as one file, and return its path.

    Args:
        path: the .safetensors file.
        family: `sd1` or `sdxl`.
        markers: names of marker tensors, such as `v_pred` and `ztsnr`.
        metadata: texts for its header.
        seed: of the random weights.
        dtype: of the tensors in the file.
        modules: components in place of the random ones, by name (`unet=…`); they must keep the layout's rules.
    """
    parts = tiny_modules(family, seed) | modules
    _check(family, parts)
    return write_original(path, family, parts, markers=markers, metadata=metadata, dtype=dtype)


def write_tiny_folder(
    path: Path, family: str, *, scheduler: Mapping[str, object] | None = None, seed: int = 0, **modules: Any
) -> Path:
    """Write the same as a diffusers folder in fp16, and return its path.

    Args:
        path: the folder; made.
        family: `sd1` or `sdxl`.
        scheduler: its scheduler_config.json, such as {"prediction_type": "v_prediction"}; None writes none.
        seed: of the random weights.
        modules: components in place of the random ones, by name.
    """
    parts = tiny_modules(family, seed) | modules
    for name, module in parts.items():
        stem = "model" if name.startswith("text") else "diffusion_pytorch_model"
        (path / name).mkdir(parents=True)
        weights = {key: weight.half() for key, weight in module.state_dict().items()}
        save_file(weights, path / name / f"{stem}.safetensors")
        config = module.config.to_dict() if name.startswith("text") else module.config
        # diffusers' own notes begin with a line; one of them says which fields to pass over.
        table = {field: value for field, value in config.items() if not field.startswith("_")}
        (path / name / "config.json").write_text(json.dumps(table))
    for name in parts:
        if name.startswith("text"):
            library_tokenizer().save_pretrained(path / name.replace("text_encoder", "tokenizer"))
    kind = "StableDiffusionPipeline" if family == "sd1" else "StableDiffusionXLPipeline"
    (path / "model_index.json").write_text(json.dumps({"_class_name": kind}))
    if scheduler is not None:
        (path / "scheduler").mkdir()
        (path / "scheduler" / "scheduler_config.json").write_text(json.dumps(dict(scheduler)))
    return path


def _sd1_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        block_out_channels=(32, 64, 64, 64), cross_attention_dim=32, attention_head_dim=8, sample_size=8
    )


def _sdxl_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        block_out_channels=(32, 64, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=(1, 1, 1),
        cross_attention_dim=64,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=32 + 6 * 256,
        sample_size=8,
    )


def _check(family: str, modules: Mapping[str, Any]) -> None:
    """See that a file, which says nothing of heads and groups, will be read as what these modules are."""
    for name in ("unet", "vae"):
        assert modules[name].config.norm_num_groups == 32, f"{name}: the layout has 32 norm groups"
    widths, heads = modules["unet"].config.block_out_channels, modules["unet"].config.attention_head_dim
    usual = 8 if family == "sd1" else [max(1, width // 64) for width in widths]
    assert heads == usual or list(heads) == usual, f"unet: the layout has {usual} heads"
    for name, module in modules.items():
        if name.startswith("text"):
            assert module.config.num_attention_heads == max(1, module.config.hidden_size // 64), f"{name}: heads of 64"
