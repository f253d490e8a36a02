"""What is a cell before it is a recipe? Everything an axis may change, in the words of the spec."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class DraftLora:
    """A LoRA on its way into a recipe.

    Attributes:
        path: its file; None for no U-Net layers.
        unet, text_encoder: factors.
        rank: how many leading directions are kept; None for all.
        encoder: where the text encoder layers come from: `own`, `other` (encoder_path), or `none`.
        encoder_path: the other file.
    """

    path: Path | None
    unet: float = 1.0
    text_encoder: float = 1.0
    rank: int | None = None
    encoder: str = "own"
    encoder_path: Path | None = None

    def copy(self) -> "DraftLora":
        """Return another one like it."""
        return DraftLora(self.path, self.unet, self.text_encoder, self.rank, self.encoder, self.encoder_path)


@dataclass(slots=True)
class CellDraft:
    """A cell while the axes' values are put into it.

    Attributes:
        base: as identify_base takes it.
        prompt, negative_prompt: as typed, with LoRA tags until they are taken out.
        steps, cfg_scale, sampler, width, height, clip_skip: as in a recipe.
        guidance_rescale: None for the family's.
        loras: the spec's, then the prompt's.
        seed: None where the spec's seeds count.
        repeat: which making of the same picture, from 0.
        epoch: label, where epochs vary.
        token_was_there: whether the prompt had the token that an axis switches; None where none does.
    """

    base: str
    prompt: str
    negative_prompt: str
    steps: int
    cfg_scale: float
    guidance_rescale: float | None
    sampler: str
    width: int
    height: int
    clip_skip: int
    loras: list[DraftLora] = field(default_factory=list)
    seed: int | None = None
    repeat: int = 0
    epoch: str = ""
    had_token: bool | None = None

    def copy(self) -> "CellDraft":
        """Return another one like it, with LoRAs of its own."""
        return CellDraft(
            self.base,
            self.prompt,
            self.negative_prompt,
            self.steps,
            self.cfg_scale,
            self.guidance_rescale,
            self.sampler,
            self.width,
            self.height,
            self.clip_skip,
            [lora.copy() for lora in self.loras],
            self.seed,
            self.repeat,
            self.epoch,
            self.had_token,
        )
