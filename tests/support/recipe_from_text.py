"""The recipe in an infotext of ours: cell_text backwards, to test that it leaves nothing out."""

from collections.abc import Callable, Iterator
from pathlib import Path

from trainer.exchange.cell_text import (
    PREDICTION_KEY,
    REPEAT_KEY,
    RESCALE_KEY,
    ZERO_SNR,
    ZERO_SNR_KEY,
    rank_key,
    split_written_tags,
    text_encoder_key,
    with_hashes,
)
from trainer.exchange.infotext_fields import InfotextFields
from trainer.families.record import Prediction
from trainer.formats.infotext import SHIFT_KEYS, parse_infotext
from trainer.grid.recipe import LoraUse, Recipe
from trainer.grid.webui_sampler import sampler_from_webui
from trainer.prompts.lora_tags import Tag

_PREDICTIONS: dict[str, Prediction] = {"v": "v", "flow": "flow"}


def recipe_from(
    text: str,
    find: Callable[[str, str], Path],
    base: Callable[[str, str], str],
    vae: Callable[[str, str], str],
) -> Recipe:
    """Return the recipe that cell_text wrote, where `find`, `base` and `vae` find the same files again.

    Args:
        text: an infotext of ours.
        find: a LoRA's name in its tag and 12 hex digits of its hash, "" for none -> its file.
        base, vae: the model's name and 10 hex digits of its hash, "" for none -> as in Recipe.

    Raises:
        GridError: a field is missing or wrong; or what `find`, `base` and `vae` raise.
    """
    info = parse_infotext(text)
    fields = InfotextFields(info.fields)
    prompt, tags = split_written_tags(info.prompt)
    width, height = fields.size()
    return Recipe(
        base=base(fields.text("Model"), info.fields.get("Model hash", "")),
        vae=vae(info.fields["VAE"], info.fields.get("VAE hash", "")) if "VAE" in info.fields else "",
        prediction=_PREDICTIONS.get(info.fields.get(PREDICTION_KEY, ""), "epsilon"),
        zero_terminal_snr=info.fields.get(ZERO_SNR_KEY) == ZERO_SNR,
        prompt=prompt,
        negative_prompt=info.negative_prompt,
        seed=fields.integer("Seed"),
        steps=fields.integer("Steps"),
        cfg_scale=fields.number("CFG scale"),
        guidance_rescale=fields.number(RESCALE_KEY, 0.0),
        sampler=sampler_from_webui(fields.text("Sampler"), fields.text("Schedule type", "Automatic")).name,
        width=width,
        height=height,
        clip_skip=fields.integer("Clip skip", 1),
        loras=tuple(_loras(tags, fields, find)),
        repeat=fields.integer(REPEAT_KEY, 0),
        shift=fields.number(SHIFT_KEYS[0]) if fields.has(SHIFT_KEYS[0]) else None,
    )


def _loras(tags: tuple[Tag, ...], fields: InfotextFields, find: Callable[[str, str], Path]) -> Iterator[LoraUse]:
    paths = [find(tag.name, digits) for tag, digits in with_hashes(tags, fields.text("Lora hashes", ""))]
    number = 1
    while number <= len(tags):
        tag, path = tags[number - 1], paths[number - 1]
        rank = fields.integer(rank_key(number)) if rank_key(number) in fields.fields else None
        if text_encoder_key(number) in fields.fields and number < len(tags):
            yield LoraUse(path, tag.unet, tags[number].text_encoder, rank, paths[number])
            number += 1
        else:
            yield LoraUse(path, tag.unet, tag.text_encoder, rank)
        number += 1
