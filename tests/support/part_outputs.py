"""What each part of a small base gives on fixed inputs, to compare one way of changing it with another."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor


@torch.no_grad()
def outputs(model: SimpleNamespace) -> dict[str, Tensor]:
    """Return the output of each part of the fixtures `tiny_sd1` and `tiny_sdxl`."""
    generator = torch.Generator().manual_seed(3)
    noisy = torch.randn(2, 4, 16, 16, generator=generator)
    tokens = torch.randint(97, (2, 77), generator=generator)
    tokens[:, -1] = 98
    width = model.body.config.cross_attention_dim
    text = torch.randn(2, 77, width, generator=generator)
    added: dict[str, Any] | None = None
    if model.family == "sdxl":
        pooled, sizes = torch.randn(2, 32, generator=generator), torch.tensor([[512, 512, 0, 8, 512, 512]] * 2)
        added = {"text_embeds": pooled, "time_ids": sizes}
    times = torch.tensor([10, 700])
    out = {"unet": model.body(noisy, times, text, added_cond_kwargs=added, return_dict=False)[0]}
    for part, encoder in model.encoders.items():
        encoded = encoder(tokens)
        out[part] = encoded.last_hidden_state
        if part == "text_encoder_2":
            out["pooled"] = encoded.text_embeds
    return out
