"""A forward pass, and one with its backward pass, through tiny modules as tiny_bases makes them."""

from typing import Any

import torch
from torch import Tensor, nn

from trainer.network.lora import LoraLayer


def forward(modules: dict[str, Any], side: int = 8) -> Tensor:
    """Return what the U-Net predicts of seeded latents [2, 4, side, side], told what the encoders make of seeded tokens."""
    unet = modules["unet"]
    random = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, 49405, (2, 77), generator=random)
    texts = []
    pooled = None
    for part in ("text_encoder", "text_encoder_2"):
        if part in modules:
            # As SDXL is asked: through the hooks that keep every layer's output.
            out = modules[part](tokens, output_hidden_states=True)
            texts.append(out.hidden_states[-1])
            pooled = getattr(out, "text_embeds", None)
    added = None if pooled is None else {"text_embeds": pooled, "time_ids": torch.zeros(2, 6)}
    latents = torch.randn(2, 4, side, side, generator=random).to(unet.dtype)
    times = torch.tensor([3, 700])
    predicted: Tensor = unet(latents, times, torch.cat(texts, -1), added_cond_kwargs=added, return_dict=False)[0]
    return predicted


def lora_everywhere(modules: dict[str, Any], rank: int = 2) -> list[LoraLayer]:
    """Return LoRA layers that change every Linear and convolution in blocks, attached."""
    layers = []
    for part in ("unet", "text_encoder", "text_encoder_2"):
        for name, target in modules.get(part, nn.Module()).named_modules():
            if isinstance(target, nn.Linear | nn.Conv2d) and any(
                piece in name for piece in ("attn", "resnets", ".ff.", "mlp")
            ):
                layer = LoraLayer(f"{part}.{name}", target, rank, alpha=rank)
                layer.init_weights(seed=0)
                with torch.no_grad():
                    layer.up.normal_(std=0.05, generator=torch.Generator().manual_seed(len(layers)))
                layer.attach()
                layers.append(layer)
    return layers


def gradients(modules: dict[str, Any], layers: list[LoraLayer], side: int = 8) -> list[Tensor]:
    """Return the layers' gradients, down and up in turns, of the mean square of what is predicted."""
    weights = [weight for layer in layers for weight in (layer.down, layer.up)]
    for weight in weights:
        weight.grad = None
    forward(modules, side).square().mean().backward()
    return [weight.grad for weight in weights if weight.grad is not None]
