"""SD1.5 and SDXL in their real sizes: all shapes and no numbers, a checkpoint of random ones, or one whose numbers come later."""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from header_only import write_header_only
from original_layout import original_tensors, write_original
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

_VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
_CLIP: dict[str, Any] = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}


def real_modules(family: str) -> dict[str, Any]:
    """Return the components of the family on the meta device, by name."""
    with torch.device("meta"):
        encoder = CLIPTextModel(CLIPTextConfig(**_CLIP, num_hidden_layers=12))
        vae = AutoencoderKL(**_VAE)
        if family == "sd1":
            return {"unet": UNet2DConditionModel(cross_attention_dim=768), "text_encoder": encoder, "vae": vae}
        unet = UNet2DConditionModel(
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )
        second = CLIPTextModelWithProjection(
            CLIPTextConfig(
                hidden_size=1280,
                intermediate_size=5120,
                num_attention_heads=20,
                num_hidden_layers=32,
                projection_dim=1280,
                hidden_act="gelu",
            )
        )
    return {"unet": unet, "text_encoder": encoder, "text_encoder_2": second, "vae": vae}


def write_real(path: Path, family: str, dtype: torch.dtype = torch.float16) -> Path:
    """Write a random checkpoint of real size in the original layout (SD1.5 in fp16: 2.1 GB) without holding it; return its path.

    Its numbers are such that a forward pass stays finite: norms begin at one, layers keep the size of what they are given.
    """
    block = torch.randn(2**22, generator=torch.Generator().manual_seed(0)).to(dtype)

    def numbers(key: str, tensor: Tensor) -> Tensor:
        if tensor.dim() < 2:
            return torch.full(tensor.shape, 1.0 if key.endswith(".weight") else 0.0)
        fan_in = tensor[0].numel()
        rows = block.repeat(-(-tensor.numel() // block.numel()))[: tensor.numel()]
        return (rows * fan_in**-0.5).view(tensor.shape)

    return write_original(path, family, real_modules(family), dtype=dtype, numbers=numbers)


def write_hollow(path: Path, family: str) -> Path:
    """Write a checkpoint of real size whose numbers are a hole in the file system (it takes no room), and return its path.

    It loads as any other, every weight 0; see fill_with_numbers.
    """
    tensors = original_tensors(family, real_modules(family))
    return write_header_only(path, {name: tensor.shape for name, tensor in tensors.items()})


@torch.no_grad()
def fill_with_numbers(module: nn.Module) -> None:
    """Give a loaded module numbers with which a pass stays finite, as write_real's are, where it lies and in its type."""
    for name, weight in module.named_parameters():
        # LoRA layers that sit on the module have numbers of their own.
        if weight.requires_grad:
            continue
        if weight.dim() < 2:
            weight.fill_(1.0 if name.endswith(".weight") else 0.0)
        else:
            weight.normal_(0, weight[0].numel() ** -0.5)
