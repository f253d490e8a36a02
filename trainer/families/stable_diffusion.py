"""Facts that the families of Stable Diffusion share: where LoRA layers sit, names of CLIP's modules, the forward process."""

import re
from typing import TYPE_CHECKING

from trainer.families.block_names import diffusers_name
from trainer.families.record import BlockGroups, PartRecord, TimesRecord

if TYPE_CHECKING:
    from trainer.families.record import Numbers

UNET_HOLDERS = frozenset({"Transformer2DModel"})
UNET_CONV_HOLDERS = frozenset({"ResnetBlock2D", "Downsample2D", "Upsample2D"})
ENCODER_HOLDERS = frozenset({"CLIPAttention", "CLIPSdpaAttention", "CLIPMLP"})

UNET_LARGE = r"(?:down_blocks|mid_block|up_blocks)\."
# transformers before 5 has one level more.
ENCODER_LARGE = r"(?:text_model\.)?encoder\.layers\."

IDENTIFY = "trainer.models.stable_diffusion.identify:identify"
CHECK_VAE = "trainer.models.stable_diffusion.identify:check_vae_file"
ENGINE = "trainer.models.stable_diffusion.model"

# A module beside `text_model`, in a CLIPTextModelWithProjection.
_PROJECTION = "text_projection"
_WITHOUT_LEVEL = re.compile(r"^(lora_te[12]?_)(encoder_layers_)")

_WAYS = {"down_blocks": "down", "mid_block": "middle", "up_blocks": "up"}
_KINDS = ("self-attention", "cross k/v", "cross q/out", "feed-forward", "projections", "convolutions")
_ENDS = "input and output"
_PROJECTED = "projection"
_WAY = re.compile(r"(down_blocks|mid_block|up_blocks)(?:_\d+)?_(attentions|resnets|downsamplers|upsamplers)_\d+_(.+)")
_ENCODER_LAYER = re.compile(r"encoder_layers_(\d+)_")


def _unet_group(name: str) -> str:
    match = _WAY.fullmatch(diffusers_name(name))
    if match is None:
        return _ENDS
    place, within = match[2], match[3]
    if place != "attentions":
        kind = "convolutions"
    elif "_attn1_" in within:
        kind = "self-attention"
    elif "_attn2_" in within:
        kind = "cross k/v" if within.endswith(("_to_k", "_to_v")) else "cross q/out"
    else:
        kind = "feed-forward" if "_ff_" in within else "projections"
    return f"{_WAYS[match[1]]} {kind}"


def _encoder_group(name: str) -> str:
    match = _ENCODER_LAYER.search(name)
    return f"layer {int(match[1])}" if match else _PROJECTED


UNET_GROUPS = BlockGroups(
    _unet_group, (_ENDS, *(f"{way} {kind}" for way in _WAYS.values() for kind in _KINDS)), other=_ENDS
)
ENCODER_GROUPS = BlockGroups(_encoder_group, other=_PROJECTED)

SAMPLERS = ("Euler", "Euler a", "Heun", "DPM++ 2M", "DPM++ 2M Karras", "DDIM", "UniPC", "LCM")
"""Those that diffusion models can be sampled with here."""

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
