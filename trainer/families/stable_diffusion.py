"""Facts that the families of Stable Diffusion share: where LoRA layers sit, names of CLIP's modules, the forward process."""

import re
from typing import TYPE_CHECKING

from trainer.families.record import PartRecord, TimesRecord

if TYPE_CHECKING:
    from trainer.families.record import Numbers

UNET_HOLDERS = frozenset({"Transformer2DModel"})
UNET_CONV_HOLDERS = frozenset({"ResnetBlock2D", "Downsample2D", "Upsample2D"})
ENCODER_HOLDERS = frozenset({"CLIPAttention", "CLIPSdpaAttention", "CLIPMLP"})

IDENTIFY = "trainer.models.stable_diffusion.identify:identify"
CHECK_VAE = "trainer.models.stable_diffusion.identify:check_vae_file"
ENGINE = "trainer.models.stable_diffusion.model"

# A module beside `text_model`, in a CLIPTextModelWithProjection.
_PROJECTION = "text_projection"
_WITHOUT_LEVEL = re.compile(r"^(lora_te[12]?_)(encoder_layers_)")

TIMESTEPS = 1000
"""Timesteps of the forward process: 0 is nearly the picture, 999 (nearly) pure noise."""

# sd-scripts: DDPMScheduler(0.00085, 0.012, "scaled_linear", 1000).
BETA_START, BETA_END = 0.00085, 0.012


def clip_path(part: PartRecord, path: str) -> str:
    """Return a module's path as files written since 2022 have it: transformers 5 dropped the level `text_model` from CLIPTextModel."""
    whole = not part.is_encoder or path.startswith(("text_model.", _PROJECTION))
    return path if whole else f"text_model.{path}"


def encoder_name(name: str) -> str:
    """Return the name of a text encoder's LoRA module with the level `text_model`, which tools leave out under transformers 5."""
    return _WITHOUT_LEVEL.sub(r"\1text_model_\2", name)


def alphas_cumprod(zero_terminal_snr: bool) -> "Numbers":
    """Return the share of signal (as variance) left at each timestep, [1000].

    Args:
        zero_terminal_snr: shift and scale its root so that nothing is left at the last timestep (Lin et al. 2024, algorithm 1).
    """
    import numpy as np  # noqa: PLC0415  # records are read at every start, also where no number is asked for

    betas = np.linspace(BETA_START**0.5, BETA_END**0.5, TIMESTEPS) ** 2
    signal: Numbers = np.cumprod(1 - betas)
    if not zero_terminal_snr:
        return signal
    root = np.sqrt(signal)
    fixed: Numbers = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
    return fixed


TIMES = TimesRecord(signal=alphas_cumprod)
