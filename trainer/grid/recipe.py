"""Recipe of a picture: everything that decides it, so that equal recipes give equal pictures."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from trainer.families.record import MAX_SHIFT, MIN_SHIFT, Prediction
from trainer.prompts.clip_tokens import needs_fixing
from trainer.settings.parts import Family, body_label, encoder_label
from trainer.text import path_fault

SAMPLING_VERSION = 1
"""Incremented when the same recipe starts to give another picture."""

MAX_SIDE = 8192
"""Pixels of a picture's longest side."""

_FIXED = 1
"""The same for prompts that are fixed before they become tokens; the first version left them as they were."""


def _possible(path: Path) -> Path:
    if "\0" in str(path) or path_fault(str(path)):
        raise ValueError("a path that a file can have")
    return path


ModelPath = Annotated[Path, AfterValidator(_possible)]
"""Where a model file is: a path that the system can be asked about."""

Factor = Annotated[float, Field(allow_inf_nan=False)]
"""A finite number."""


@dataclass(frozen=True)
class LoraUse:
    """One LoRA file as a picture uses it.

    Attributes:
        path: the .safetensors file, absolute.
        unet: factor on the change of what predicts: the U-Net, or what another family has in its place.
        text_encoder: factor on the text encoders' change.
        rank: how many leading singular directions of each module are kept; None keeps all.
        text_encoder_path: another file, whose text encoder layers replace this one's; None for its own.
        blocks: further factors by part and block group, as BlockWeights are typed; "" for none.
    """

    path: ModelPath
    unet: Factor = 1.0
    text_encoder: Factor = 1.0
    rank: Annotated[int, Field(ge=1)] | None = None
    text_encoder_path: ModelPath | None = None
    blocks: str = ""

    def factors(self, family: Family) -> str:
        """Return its factors with a family's names for what they are of: `U-Net 0.5, text encoder 1`."""
        both = f"{body_label(family)} {self.unet:g}, {encoder_label(family)} {self.text_encoder:g}"
        return f"{both}, {self.blocks}" if self.blocks else both

    @property
    def changes_nothing(self) -> bool:
        """Whether the base computes as without it."""
        return self.unet == 0 and self.text_encoder == 0

    @property
    def is_plain(self) -> bool:
        """Whether it is the file as it was trained: in all its parts, at full weight and full rank."""
        own_encoder = self.text_encoder_path in (None, self.path)
        return self.unet == self.text_encoder == 1 and self.rank is None and own_encoder and not self.blocks


@dataclass(frozen=True)
class Recipe:
    """Everything that decides one picture, except the compute setup.

    Attributes:
        base: as identify_base takes it: `demo`, a file or a folder, absolute.
        vae: path of a VAE that replaces the base's; "" for its own.
        prediction, zero_terminal_snr: what the base predicts, and by which schedule.
        prompt: without LoRA tags; weights and BREAK as typed.
        negative_prompt: the same for what should not appear.
        seed: 0 to 2**32 - 1.
        steps: sampling steps.
        cfg_scale: factor of classifier-free guidance; 1 leaves the negative prompt out.
        guidance_rescale: 0 to 1: how far the guided prediction is rescaled to the standard deviation of the unguided one (Lin et al. 2023, section 3.4).
        sampler: one of samplers.SAMPLERS.
        width, height: pixels, multiples of 8.
        clip_skip: as the webui counts: 1 is the encoder's own output.
        loras: those that change something, in the order in which they are applied.
        repeat: 0; 1 and up for the same picture made again, to see differences that are noise.
        shift: of the times of a flow that it goes through; None for bases without one.
        components: setting and absolute path of each part of the base that has a file of its own.
    """

    base: str
    vae: str
    prediction: Prediction
    zero_terminal_snr: bool
    prompt: str
    negative_prompt: str
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    steps: Annotated[int, Field(ge=1)]
    cfg_scale: Factor
    guidance_rescale: Factor
    sampler: str
    width: Annotated[int, Field(ge=8, le=MAX_SIDE)]
    height: Annotated[int, Field(ge=8, le=MAX_SIDE)]
    clip_skip: Annotated[int, Field(ge=1)]
    loras: tuple[LoraUse, ...] = ()
    repeat: int = 0
    shift: Annotated[float, Field(ge=MIN_SHIFT, le=MAX_SHIFT)] | None = None
    components: tuple[tuple[str, str], ...] = ()

    def files(self) -> tuple[Path, ...]:
        """Return every file and folder that decides it: base, VAE, LoRAs."""
        parts = (Path(place) for _, place in self.components)
        return (Path(self.base), *([Path(self.vae)] if self.vae else []), *parts, *self.lora_files())

    def lora_files(self) -> tuple[Path, ...]:
        """Return its LoRA files in their order."""
        return tuple(path for lora in self.loras for path in (lora.path, lora.text_encoder_path) if path is not None)


HalfType = Literal["fp16", "bf16"]
"""Number type of half precision."""


@dataclass(frozen=True)
class ComputeSetup:
    """Device and precision of sampling; another setup gives slightly different pixels.

    Attributes:
        device: `cpu` or `cuda`.
        precision: `fp32`, `fp16` or `bf16`, of U-Net and text encoders.
        attention: `sdpa` or `xformers`.
    """

    device: str
    precision: str
    attention: str = "sdpa"


def fingerprint(recipe: Recipe, compute_setup: ComputeSetup, content: Callable[[Path], str]) -> str:
    """Return 64 hex digits that are equal exactly where the picture is, to find cells that an earlier grid made.

    Args:
        recipe: of the picture.
        compute_setup: how it is computed.
        content: hash of a file's or folder's content, so that a moved file counts as the same and a changed one does not.
    """
    facts: dict[str, Any] = asdict(recipe) | {
        "base": recipe.base if recipe.base == "demo" else content(Path(recipe.base)),
        "vae": content(Path(recipe.vae)) if recipe.vae else "",
        "components": [(name, content(Path(place))) for name, place in recipe.components],
        "loras": [_lora_facts(lora, content) for lora in recipe.loras],
        "machinery": asdict(compute_setup),
        "version": SAMPLING_VERSION,
    }
    # Without them it is what it was before there were any.
    if recipe.shift is None:
        del facts["shift"]
    if not recipe.components:
        del facts["components"]
    if any(needs_fixing(text) for text in (recipe.prompt, recipe.negative_prompt)):
        facts["fixed"] = _FIXED
    return hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _lora_facts(lora: LoraUse, content: Callable[[Path], str]) -> dict[str, Any]:
    other = lora.text_encoder_path
    facts = asdict(lora) | {"path": content(lora.path), "text_encoder_path": content(other) if other else None}
    # Without weights by block it is what it was before there were any.
    return {name: fact for name, fact in facts.items() if name != "blocks" or fact}
