"""Infotext of a cell: its recipe in the webui's fields, and in ours where the webui has none; and back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trainer import __version__
from trainer.exchange.base_parts import part_fields
from trainer.exchange.webui_hash import webui_hash
from trainer.formats.infotext import SHIFT_KEYS, Infotext, write_infotext
from trainer.grid.recipe import LoraUse, Recipe
from trainer.grid.samplers import sampler_named
from trainer.grid.webui_sampler import webui_names
from trainer.models.adapter_config import lora_name
from trainer.prompts.lora_tags import Tag, split_tags, tag_name, tag_text

PROGRAM = "lora-tui"
"""Start of `Version` in our pictures; a webui's starts with its number."""

ZERO_SNR_KEY, ZERO_SNR = "Noise Schedule", "Zero Terminal SNR"
"""How the webui (1.8) writes zero terminal SNR."""

RESCALE_KEY, PREDICTION_KEY, REPEAT_KEY = "Guidance rescale", "Prediction", "Repeat"

_BASE_DIGITS = 10
_TAG = "<lora:"
_DIGITS = re.compile(r"[0-9a-f]{8,64}")


def cell_text(recipe: Recipe, hashes: Mapping[str, str]) -> str:
    """Return the infotext of one picture.

    A LoRA with the text encoder of another file is two tags, which a webui understands too: one with the U-Net's factor
    only, one with the text encoder's.

    Args:
        recipe: of the picture.
        hashes: path -> sha256, 64 hex digits, of the base and the VAE; a missing hash is left out.
    """
    tags = _tags(recipe.loras)
    text = " ".join(tag_text(lora_name(path), text_encoder, unet) for path, text_encoder, unet in tags)
    # After a comment the tags would become part of it.
    separator = "\n" if "#" in recipe.prompt.split("\n")[-1] else " "
    prompt = separator.join(part for part in (recipe.prompt, text) if part)
    return write_infotext(Infotext(prompt, recipe.negative_prompt, dict(_fields(recipe, tags, hashes))))


def split_written_tags(prompt: str) -> tuple[str, tuple[Tag, ...]]:
    """Return the prompt and the tags that cell_text added at its end; everything else in it stays as it is."""
    tags: list[Tag] = []
    while prompt.endswith(">") and (at := prompt.rfind(_TAG)) >= 0 and prompt.find(">", at) == len(prompt) - 1:
        tags[:0] = split_tags(prompt[at:])[1]
        # With the space or line break before it.
        prompt = prompt[: max(0, at - 1)]
    return prompt, tuple(tags)


def with_hashes(tags: Sequence[Tag], listed: str) -> Iterator[tuple[Tag, str]]:
    """Yield each tag with its name's hash digits in the field `Lora hashes`, "" for none; two of one name in their order."""
    pairs = [(name, digits) for name, _, digits in (part.rpartition(": ") for part in listed.split(", "))]
    for tag in tags:
        digits = next((digits for name, digits in pairs if name == tag.name and _DIGITS.fullmatch(digits)), "")
        if digits:
            pairs.remove((tag.name, digits))
        yield tag, digits


def rank_key(number: int) -> str:
    """Return the field with the rank to which the LoRA of tag `number` (from 1) is truncated."""
    return f"Lora {number} rank"


def blocks_key(number: int) -> str:
    """Return the field with the weights by block group of the LoRA of tag `number` (from 1)."""
    return f"Lora {number} block weights"


def text_encoder_key(number: int) -> str:
    """Return the field that names the tag whose text encoder replaces that of tag `number` (from 1)."""
    return f"Lora {number} text encoder"


def _tags(loras: tuple[LoraUse, ...]) -> list[tuple[Path, float, float]]:
    """Return file, text encoder's and U-Net's factor of every tag."""
    tags: list[tuple[Path, float, float]] = []
    for lora in loras:
        if lora.text_encoder_path is None:
            tags.append((lora.path, lora.text_encoder, lora.unet))
        else:
            tags += [(lora.path, 0.0, lora.unet), (lora.text_encoder_path, lora.text_encoder, 0.0)]
    return tags


def _fields(
    recipe: Recipe, tags: list[tuple[Path, float, float]], hashes: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the fields in the webui's order, ours after its own."""
    sampler, schedule = webui_names(sampler_named(recipe.sampler), of_flow=recipe.prediction == "flow")
    yield "Steps", str(recipe.steps)
    yield "Sampler", sampler
    yield "Schedule type", schedule
    yield "CFG scale", repr(float(recipe.cfg_scale))
    if recipe.shift is not None:
        yield SHIFT_KEYS[0], repr(float(recipe.shift))
    yield "Seed", str(recipe.seed)
    yield "Size", f"{recipe.width}x{recipe.height}"
    if recipe.base in hashes:
        yield "Model hash", hashes[recipe.base][:_BASE_DIGITS]
    yield "Model", _model_name(recipe.base)
    if recipe.vae:
        if recipe.vae in hashes:
            yield "VAE hash", hashes[recipe.vae][:_BASE_DIGITS]
        yield "VAE", Path(recipe.vae).name
    yield from part_fields(recipe)
    if recipe.clip_skip > 1:
        yield "Clip skip", str(recipe.clip_skip)
    yield "RNG", "CPU"
    if recipe.zero_terminal_snr:
        yield ZERO_SNR_KEY, ZERO_SNR
    known = ((path, webui_hash(path)) for path, _, _ in tags)
    if listed := ", ".join(f"{tag_name(lora_name(path))}: {digits}" for path, digits in known if digits):
        yield "Lora hashes", listed
    yield from _own_fields(recipe)
    yield "Version", f"{PROGRAM} {__version__}"


def _own_fields(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield the fields that no webui has."""
    if recipe.prediction != "epsilon":
        yield PREDICTION_KEY, recipe.prediction
    if recipe.guidance_rescale:
        yield RESCALE_KEY, repr(float(recipe.guidance_rescale))
    if recipe.repeat:
        yield REPEAT_KEY, str(recipe.repeat)
    number = 1
    for lora in recipe.loras:
        if lora.rank is not None:
            yield rank_key(number), str(lora.rank)
        if lora.blocks:
            yield blocks_key(number), lora.blocks
        if lora.text_encoder_path is not None:
            yield text_encoder_key(number), f"Lora {number + 1}"
            number += 1
        number += 1


def _model_name(base: str) -> str:
    path = Path(base)
    return (path.stem if path.suffix == ".safetensors" else path.name) or base
