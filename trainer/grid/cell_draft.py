"""Draft of a cell: all that an axis may change, in the words of the spec."""

from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(slots=True)
class DraftLora:
    """A LoRA of a draft.

    Attributes:
        path: its file; None for no U-Net layers.
        unet, text_encoder: factors.
        rank: how many leading directions are kept; None for all.
        encoder: where the text encoder layers come from: `own`, `other` (encoder_path), or `none`.
        encoder_path: the other file.
        blocks: further factors by part and block group, as BlockWeights are typed; "" for none.
    """

    path: Path | None
    unet: float = 1.0
    text_encoder: float = 1.0
    rank: int | None = None
    encoder: str = "own"
    encoder_path: Path | None = None
    blocks: str = ""


@dataclass(slots=True)
class CellDraft:
    """A cell before it is a recipe: the axes put their values into it.

    Attributes:
        base: as identify_base takes it.
        prompt, negative_prompt: as typed, with LoRA tags until they are taken out.
        steps, cfg_scale, sampler, width, height, clip_skip: as in a recipe.
        guidance_rescale, shift: None for the base's default.
        loras: the spec's, then the prompt's.
        seed: None where the spec's seeds are used.
        repeat: number of the repetition, from 0.
        epoch: label, where epochs vary.
        bake: what the labels of its epochs start with, where bakes are an axis of their own; "" elsewhere.
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
    shift: float | None = None
    loras: list[DraftLora] = field(default_factory=list)
    seed: int | None = None
    repeat: int = 0
    epoch: str = ""
    bake: str = ""
    had_token: bool | None = None

    def copy(self) -> "CellDraft":
        """Return an equal one with LoRAs of its own."""
        return replace(self, loras=[replace(lora) for lora in self.loras])
