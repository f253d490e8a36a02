"""What decides a picture? Everything in its recipe, and nothing else; two equal recipes are one picture."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainer.families.record import Prediction

SAMPLING_VERSION = 1
"""Raised when the same recipe begins to give another picture."""


@dataclass(frozen=True)
class LoraUse:
    """One LoRA file in force.

    Attributes:
        path: the .safetensors file, absolute.
        unet: factor on the U-Net's change.
        text_encoder: factor on the text encoders' change.
        rank: how many leading singular directions of each module are kept; None keeps all.
        text_encoder_path: another file, whose text encoder layers stand in the place of this one's; None for its own.
    """

    path: Path
    unet: float = 1.0
    text_encoder: float = 1.0
    rank: int | None = None
    text_encoder_path: Path | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether the base computes as if it were not there."""
        return self.unet == 0 and self.text_encoder == 0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides one picture, besides the machinery it is made with.

    Attributes:
        base: as identify_base takes it: `demo`, a file or a folder, absolute.
        vae: path of a VAE in place of the base's; "" for its own.
        prediction, zero_terminal_snr: what the base predicts, and by which schedule.
        prompt: without LoRA tags; weights and BREAK as typed.
        negative_prompt: the same for what shall not be there.
        seed: 0 to 2**32 - 1.
        steps: sampling steps.
        cfg_scale: factor of classifier-free guidance; 1 leaves the negative prompt out.
        guidance_rescale: 0 to 1: how far the guided prediction is brought back to the spread of the unguided one (Lin et al. 2023, section 3.4).
        sampler: one of samplers.SAMPLERS.
        width, height: pixels, multiples of 8.
        clip_skip: as the webui counts: 1 is the encoder's own output.
        loras: those that change something, in the order they are put on.
        repeat: 0; 1 and on for the same picture made anew, to see what its making alone changes.
    """

    base: str
    vae: str
    prediction: Prediction
    zero_terminal_snr: bool
    prompt: str
    negative_prompt: str
    seed: int
    steps: int
    cfg_scale: float
    guidance_rescale: float
    sampler: str
    width: int
    height: int
    clip_skip: int
    loras: tuple[LoraUse, ...] = ()
    repeat: int = 0


@dataclass(frozen=True)
class ComputeSetup:
    """What pictures are made with; another one gives slightly other pixels.

    Attributes:
        device: `cpu` or `cuda`.
        precision: `fp32`, `fp16` or `bf16`, of U-Net and text encoders.
        attention: `sdpa` or `xformers`.
    """

    device: str
    precision: str
    attention: str = "sdpa"


def fingerprint(recipe: Recipe, compute_setup: ComputeSetup, content: Callable[[Path], str]) -> str:
    """Return 64 hex digits that are the same exactly where the picture is: for a cell that an earlier grid has made already.

    Args:
        recipe: what is wanted.
        compute_setup: what it is made with.
        content: a hash of what a file or folder holds, so that a moved file is the same and a changed one is not.
    """
    told: dict[str, Any] = asdict(recipe) | {
        "base": recipe.base if recipe.base == "demo" else content(Path(recipe.base)),
        "vae": content(Path(recipe.vae)) if recipe.vae else "",
        "loras": [
            asdict(lora)
            | {
                "path": content(lora.path),
                "text_encoder_path": content(lora.text_encoder_path) if lora.text_encoder_path else None,
            }
            for lora in recipe.loras
        ],
        "machinery": asdict(compute_setup),
        "version": SAMPLING_VERSION,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
