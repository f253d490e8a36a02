"""Which base is loaded? One at a time, kept from one bake or grid to the next where the same is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainer.bake.precision import Precision
from trainer.models.identify import Base
from trainer.models.pace import memory_format
from trainer.models.stable_diffusion import StableDiffusion, load_base
from trainer.settings.model import Settings


@contextmanager
def base_for(base: Base, settings: Settings, device: torch.device, precision: Precision) -> Iterator[StableDiffusion]:
    """Lend the base, bare of any LoRA, while the block lasts; the borrower gives it back as bare.

    Args:
        base: which.
        settings: the VAE, and the form of the weights.
        device: where it computes.
        precision: of the arithmetic.

    Raises:
        ModelError: it cannot be loaded.
    """
    model = load_base(
        base,
        device=device,
        dtype=precision.dtype,
        vae=settings.vae,
        vae_dtype=torch.float32 if settings.no_half_vae else precision.dtype,
    )
    model.unet.to(memory_format=memory_format(precision.dtype))
    try:
        yield model
    finally:
        del model
        if device.type == "cuda":
            torch.cuda.empty_cache()
