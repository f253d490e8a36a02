"""Kinds of axes: each with its key, the webui's names for it, and the grammar of its values."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Literal

from trainer.errors import GridError
from trainer.families.registry import FAMILIES
from trainer.settings.parts import Family, worded
from trainer.text import printable

Grammar = Literal["whole", "decimal", "texts", "orders", "choices"]
"""How values are written: numbers and ranges, a list of texts, texts in every order, or names of existing things."""


@dataclass(frozen=True)
class Kind:
    """One quantity that an axis can vary.

    Attributes:
        key: as in a spec; `unet_weight:2` acts on the second LoRA.
        title: its heading. `{body}` and `{encoder}` in it and in `help` stand for a family's parts; see parts.in_words_of.
        others: what other programs call it.
        grammar: how its values are written.
        help: one line on what it does and an example.
    """

    key: str
    title: str
    others: tuple[str, ...]
    grammar: Grammar
    help: str

    @property
    def plain(self) -> str:
        """The key without a LoRA's number."""
        return self.key.partition(":")[0]

    @property
    def lora(self) -> int:
        """Which LoRA it acts on, from 1."""
        return int(self.key.partition(":")[2] or 1)


_ALL = (
    Kind(
        "epoch",
        "Epoch",
        (),
        "choices",
        "saved epochs of the bakes: 1-6, 3,5, all, champion, 42:1-6, or base for no LoRA",
    ),
    Kind(
        "bake",
        "Bake",
        (),
        "choices",
        "beside an axis of epochs, the bake they are of: 42,43, a rung of a ladder, or all",
    ),
    Kind(
        "weight",
        "LoRA weight",
        ("AddNet Weight", "Weight"),
        "decimal",
        "strength of the LoRA, {body} and {encoder}: 0-1.25 (+0.25)",
    ),
    Kind(
        "unet_weight",
        "{body} weight",
        ("AddNet UNet Weight", "UNet Weight"),
        "decimal",
        "strength of its {body} layers: 0-1.25 (+0.25)",
    ),
    Kind(
        "text_encoder_weight",
        "{encoder} weight",
        ("AddNet TEnc Weight", "TEnc Weight", "TE weight"),
        "decimal",
        "strength of its {encoder} layers: 0-1.25 (+0.25)",
    ),
    Kind(
        "text_encoder_epoch",
        "{encoder} of epoch",
        (),
        "choices",
        "{encoder} layers from this epoch, {body} layers from the cell's own: 1-6, base",
    ),
    Kind("lora", "LoRA", ("AddNet Model",), "choices", "LoRA files by name or path, or none"),
    Kind(
        "block_weights",
        "Block weights",
        (),
        "texts",
        "strengths of parts and block groups, several parted by semicolons, each times its part's: middle=0, down=0.5; up=1.2, none",
    ),
    Kind("rank", "Rank", (), "choices", "each layer truncated to its leading singular directions: 1,2,4,8,all"),
    Kind("prompt", "Prompt", (), "texts", 'complete prompts, each in double quotes: "1girl, a", "1girl, b"'),
    Kind(
        "prompt_sr",
        "Prompt S/R",
        ("Prompt search/replace",),
        "texts",
        "the first text is searched and replaced by each text, in both prompts: smile,frown",
    ),
    Kind("prompt_order", "Prompt order", (), "orders", "these words of the prompt in every order: smile,halo"),
    Kind("token", "Activation token", ("Trigger",), "choices", "with the subject's token and without: on, off"),
    Kind("outfit", "Outfit", (), "choices", "the subject's outfits by name, or all"),
    Kind("negative_prompt", "Negative prompt", (), "texts", "complete negative prompts, each in double quotes"),
    Kind("seed", "Seed", (), "whole", "11,12, or -1--1 [4] for four random ones; replaces the grid's seeds"),
    Kind("steps", "Steps", ("Sampling steps",), "whole", "sampling steps: 10-30 (+10)"),
    Kind("cfg_scale", "CFG scale", ("Guidance scale",), "decimal", "how closely the prompt is followed: 3-9 (+2)"),
    Kind("guidance_rescale", "Guidance rescale", (), "decimal", "0 to 1; about 0.7 for zero terminal SNR"),
    Kind(
        "shift",
        "Shift",
        ("Flow shift", "Distilled CFG Scale"),
        "decimal",
        "of the times of a flow: 1 for even steps, above it more of them at much noise: 1-5 (+2)",
    ),
    Kind("sampler", "Sampler", ("Sampler name",), "choices", "samplers by name: Euler a, DPM++ 2M Karras"),
    Kind("size", "Size", (), "choices", "width and height in pixels: 512x512, 512x768"),
    Kind("clip_skip", "Clip skip", (), "whole", "text encoder layer, counted from its end: 1-2"),
    Kind("base", "Base model", ("Checkpoint name", "Checkpoint", "Model"), "choices", "base models by path, or demo"),
    Kind("repeat", "Repeat", (), "whole", "the same picture made several times: 1-2"),
)


def kinds_of(family: Family | None) -> Mapping[str, Kind]:
    """Return every kind by its key, in the order in which they are offered, with what a family calls its parts."""
    return MappingProxyType({kind.key: _kind_for(kind, family) for kind in _ALL})


def _kind_for(kind: Kind, family: Family | None) -> Kind:
    named = worded(kind, family, "title", "help")
    return replace(named, title=named.title[:1].upper() + named.title[1:])


KINDS = kinds_of(None)
"""The kinds where no base is known yet."""

# Kinds that can act on another LoRA than the first.
_NUMBERED = ("weight", "unet_weight", "text_encoder_weight", "block_weights", "lora", "rank")


def kind_named(text: str) -> Kind:
    """Return the kind that `text` means, in any case: our key or title, the webui's or additional-networks' name.

    A number after it is that of a LoRA of the spec: `unet_weight:2`, `AddNet UNet Weight 2`.

    Raises:
        GridError: no kind has that name.
    """
    words, number = text.strip(), 1
    if words and words[-1] in "123456789":
        words, number = words[:-1], int(words[-1])
    words = words.rstrip(f":_{string.whitespace}")
    kind = _BY_NAME.get(_plain(words))
    if kind is None or (number > 1 and kind.key not in _NUMBERED):
        near = get_close_matches(_plain(words), _BY_NAME, n=1)
        raise GridError(
            "axis",
            found=f"unknown kind `{printable(text, 60)}`",
            expected=f"one of {', '.join(KINDS)}",
            way_out=f"did you mean {_BY_NAME[near[0]].key}?" if near else "",
        )
    if number == 1:
        return kind
    return replace(kind, key=f"{kind.key}:{number}", title=f"{kind.title} {number}")


def idle_kinds(family: Family | None) -> frozenset[str]:
    """Return the kinds that change nothing on bases of a family; none where it is not known. Fields of a spec have the same names."""
    record = FAMILIES.get(family or "")
    if record is None:
        return frozenset()
    idle = {
        "clip_skip": not record.clip_skip,
        "shift": record.sampling.shift is None,
        "text_encoder_weight": not record.encoders,
        "text_encoder_epoch": not record.encoders,
    }
    return frozenset(name for name, has_none in idle.items() if has_none)


def title_for(kind: Kind, family: Family | None) -> str:
    """Return a kind's title in a grid on bases of a family, whose parts have names of their own."""
    number = f" {kind.lora}" if kind.lora > 1 else ""
    return kinds_of(family)[kind.plain].title + number


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


_BY_NAME = {
    _plain(name): kind
    for kind in KINDS.values()
    for name in (kind.key, *(kinds_of(family)[kind.key].title for family in FAMILIES), *kind.others)
}
