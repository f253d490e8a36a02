"""LoRA tags of a prompt: the webui's `<lora:name:te:unet:dyn>`."""

import math
import re
from dataclasses import dataclass

from trainer.errors import GridError
from trainer.prompts.comments import without_comments
from trainer.text import printable

_FIELD = "LoRA tag"
_WAY_OUT = "write <lora:name:0.8>, or <lora:name:0.5:0.8> with the text encoder's weight first"
_TAG = re.compile(r"<(lora|lyco|hypernet):([^<>\n]*)(>?)", re.IGNORECASE)
# Characters that would end a name in a tag, in the list `Lora hashes` or in a line.
_NOT_IN_A_NAME = re.compile(r'[:<>=,"#\x00-\x1f\x7f]')
_NUMBERS = ("te", "unet", "dyn")


@dataclass(frozen=True)
class Tag:
    """A LoRA tag.

    Attributes:
        name: of the LoRA, its file's name without `.safetensors`.
        text_encoder: factor on the text encoders' change.
        unet: factor on the U-Net's change.
        rank: to which each layer is truncated; None for all. The webui keeps the first rows, we the leading singular directions.
    """

    name: str
    text_encoder: float = 1.0
    unet: float = 1.0
    rank: int | None = None


def split_tags(text: str) -> tuple[str, tuple[Tag, ...]]:
    """Return the prompt without its LoRA tags, and the tags in their order.

    Comments are removed first, as in the webui: a tag in one has no effect. `lyco` is the webui's other word for `lora`. Only
    the tags themselves are removed, so that commas around them stay and the encoder reads the same as there.

    Args:
        text: a prompt.

    Raises:
        GridError: a tag is not closed or has a part that is not a number; the webui would silently skip it.
    """
    tags: list[Tag] = []

    def take(match: re.Match[str]) -> str:
        tags.append(_tag(match))
        return ""

    return _TAG.sub(take, without_comments(text)), tuple(tags)


def _tag(match: re.Match[str]) -> Tag:
    """Return a tag: weights by position (text encoder, U-Net, rank), overridden by named ones."""
    shown = printable(match[0], 80)
    if match[1].lower() == "hypernet":
        raise GridError(_FIELD, found=f"{shown} is a hypernetwork", expected="LoRAs only", way_out="remove it")
    if not match[3]:
        raise GridError(_FIELD, found=f"{shown} is not closed", expected="> at its end", way_out=_WAY_OUT)
    name, *parts = (part.strip() for part in match[2].split(":"))
    if not name or "=" in name:
        raise GridError(_FIELD, found=f"{shown} has no name", expected="the LoRA's name first", way_out=_WAY_OUT)
    by_position = [part for part in parts if "=" not in part]
    by_name = dict(part.split("=", 1) for part in parts if "=" in part)
    if len(by_position) > len(_NUMBERS):
        raise GridError(_FIELD, found=f"{shown} has {len(by_position)} numbers", expected="at most 3", way_out=_WAY_OUT)
    for key in by_name:
        if key not in _NUMBERS:
            raise GridError(_FIELD, found=f"{printable(key, 40)}= in {shown}", expected="te=, unet= or dyn=")
    values = dict(zip(_NUMBERS, by_position, strict=False)) | by_name
    text_encoder = _number(values.get("te", "1"), shown)
    # The webui's trap, kept: te= counts for the U-Net too wherever the U-Net has no number of its own.
    unet = _number(values["unet"], shown) if "unet" in values else text_encoder
    return Tag(name, text_encoder, unet, _rank(values["dyn"], shown) if "dyn" in values else None)


def _number(text: str, shown: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise GridError(
            _FIELD, found=f"{printable(text, 40) or 'nothing'} in {shown}", expected="a number", way_out=_WAY_OUT
        )
    return number


def _rank(text: str, shown: str) -> int:
    try:
        rank = int(text)
    except ValueError:
        rank = 0
    if rank < 1:
        raise GridError(_FIELD, found=f"rank {printable(text, 40)} in {shown}", expected="a whole number from 1")
    return rank


def tag_name(name: str) -> str:
    """Return a file's name as a tag may hold it: characters that would end it become `_`."""
    return _NOT_IN_A_NAME.sub("_", name).strip() or "_"


def tag_text(name: str, text_encoder: float, unet: float) -> str:
    """Return the tag `<lora:NAME:TE:UNET>`, always with both weights: without one the webui does not find the file by its hash.

    Args:
        name: of the LoRA, made valid by tag_name.
        text_encoder, unet: factors, written so that they read back exactly.
    """
    return f"<lora:{tag_name(name)}:{_short(text_encoder)}:{_short(unet)}>"


def _short(number: float) -> str:
    return repr(float(number)).removesuffix(".0")
