"""Which base does a bake borrow, and in which form? What its settings ask for; see models.kept_base of how it is kept."""

from contextlib import AbstractContextManager

import torch

from trainer.bake.precision import Precision
from trainer.lean.quantized import kind_of
from trainer.models.identify import Base
from trainer.models.kept_base import WantedBase, lent_base
from trainer.models.stable_diffusion import StableDiffusion
from trainer.settings.model import Settings


def base_for(
    base: Base, settings: Settings, device: torch.device, precision: Precision
) -> AbstractContextManager[StableDiffusion]:
    """Lend the base, bare of any LoRA and its parts away from the card, while the block lasts.

    Args:
        base: which.
        settings: the VAE, and the form of the weights.
        device: where it computes.
        precision: of the arithmetic.

    Raises:
        ModelError: it cannot be loaded.
    """
    return lent_base(
        WantedBase(
            base,
            device,
            precision.dtype,
            vae=settings.vae,
            vae_dtype=torch.float32 if settings.no_half_vae else precision.dtype,
            quantized=kind_of(settings),
        )
    )
