"""Recipe in a picture of any generator: an infotext, the LoRAs listed beside it, and who wrote it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.errors import GridError
from trainer.formats.generator_table import KEY
from trainer.formats.generators import generator_of
from trainer.formats.infotext import Infotext, parse_infotext
from trainer.formats.listed_loras import ListedLora, listed_loras, with_listed_model
from trainer.formats.picture_text import PictureTexts, no_infotext, read_texts
from trainer.text import printable

# What a grid of one picture cannot do without.
_NEEDED = {"Steps": "steps", "Size": "size"}
# Start of `Version` in an infotext -> the program that wrote it, where that is not the webui.
_VERSIONS = {r"f\d": "Forge", "neo": "Forge", "classic": "Forge", "Fooocus": "Fooocus", "ComfyUI": "ComfyUI"}


@dataclass(frozen=True)
class PictureRecipe:
    """What a picture says of how it was made.

    Attributes:
        info: prompts and fields in the webui's words; of another program's table those that it has.
        loras: that are listed beside the prompt; LoRA tags in it come on top.
        program: that wrote it; "" for a webui, or where that is not known.
        notes: what of it cannot be carried over, one line each.
    """

    info: Infotext
    loras: tuple[ListedLora, ...] = ()
    program: str = ""
    notes: tuple[str, ...] = ()


def read_picture(path: Path) -> PictureRecipe:
    """Return the recipe in a picture, or in the .txt file beside one.

    Raises:
        GridError: it cannot be read, or holds no recipe; names the program that made the picture where that is known.
    """
    return recipe_of(read_texts(path), printable(str(path)))


def recipe_of(picture: PictureTexts, where: str) -> PictureRecipe:
    """Return the recipe in the texts of a picture.

    Args:
        picture: its texts.
        where: its name in an error.

    Raises:
        GridError: there is none.
    """
    found = generator_of(picture.texts)
    text = picture.texts.get(KEY, "")
    # ComfyUI's nodes for saving write an infotext beside the graph; it says more.
    if text.strip() and ((recipe := recipe_of_text(text)).info.fields.get("Steps") or found is None):
        return recipe
    if found is None:
        raise no_infotext(where)
    generator, table = found
    read = generator.read(table)
    if read is None:
        raise GridError(
            where,
            found=f"no infotext in it, but {generator.name}'s metadata, without a sampling that can be read",
            expected="a sampler with its prompts, steps and size",
        )
    info, notes = read.info, list(read.notes)
    if "Size" not in info.fields and picture.size is not None:
        width, height = picture.size
        info = replace(info, fields={**info.fields, "Size": f"{width}x{height}"})
        notes.append(f"{generator.name}'s metadata have no size: the picture's is used")
    for key, words in _NEEDED.items():
        if key not in info.fields:
            raise GridError(where, found=f"{generator.name}'s metadata have no {words}", expected=words)
    return PictureRecipe(info, read.loras, generator.name, tuple(notes))


def recipe_of_text(text: str) -> PictureRecipe:
    """Return the recipe in an infotext."""
    info = with_listed_model(parse_infotext(text))
    return PictureRecipe(info, listed_loras(info), _program(info.fields))


def _program(fields: Mapping[str, str]) -> str:
    """Return which program wrote an infotext, "" for the webui or an unknown one."""
    if app := fields.get("App", ""):
        return printable(app, 40)
    version = fields.get("Version", "")
    for start, program in _VERSIONS.items():
        if re.match(start, version):
            return program
    # Its own generator writes no version.
    return "Civitai" if not version and "Civitai resources" in fields else ""
