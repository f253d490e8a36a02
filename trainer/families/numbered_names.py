"""Names of modules that cloneofsimo/lora gives by their number in a walk through diffusers' U-Net and CLIP's text encoder.

Its files say which classes were walked through and number the layers found in them, `unet:17:up`. The order is that in which the
classes make their parts: of the U-Net first the way down, then the way up, then the middle; of each block the attentions before the
resnets; of CLIP's attention k, v, q, out.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Holder = Literal["attention", "geglu", "resnet", "resnet_linear", "clip_attention", "clip_mlp"]
"""What the layers lie in; `resnet_linear` are the resnets' linear layers alone."""

_LEAVES: dict[Holder, tuple[str, ...]] = {
    "attention": ("to_q", "to_k", "to_v", "to_out_0"),
    "geglu": ("net_0_proj",),
    "resnet": ("conv1", "time_emb_proj", "conv2", "conv_shortcut"),
    "resnet_linear": ("time_emb_proj",),
    "clip_attention": ("k_proj", "v_proj", "q_proj", "out_proj"),
    "clip_mlp": ("fc1", "fc2"),
}
_WAYS, _KINDS = ("down_blocks", "up_blocks", "mid_block"), ("attentions", "resnets")
# diffusers made the feed-forward layer before the second attention until 2023, and behind it since.
_WITHIN, _WITHIN_BEFORE = ("attn1", "attn2", "ff"), ("attn1", "ff", "attn2")

_UNET = re.compile(
    r"lora_unet_(?P<way>down_blocks|up_blocks|mid_block)(?:_(?P<block>\d+))?_(?P<kind>attentions|resnets)_(?P<index>\d+)_"
    r"(?:transformer_blocks_(?P<depth>\d+)_(?P<within>attn1|attn2|ff)_)?(?P<leaf>\w+)"
)
_ENCODER = re.compile(r"lora_te_text_model_encoder_layers_(?P<layer>\d+)_(?P<within>self_attn|mlp)_(?P<leaf>\w+)")
_NAME = re.compile(r"(lora_(?:unet|te)_)layer_(\d+)_of_(\d+)_in_([a-z_+]+?)(_ff_first)?")


@dataclass(frozen=True)
class NumberedName:
    """A module by its number.

    Attributes:
        prefix: kohya's of the part.
        number: of the layer, from 0.
        count: layers of the part in its file.
        holders: what was walked through.
        feed_forward_first: whether the feed-forward layer stands before the second attention, as in diffusers until 2023.
    """

    prefix: str
    number: int
    count: int
    holders: tuple[Holder, ...]
    feed_forward_first: bool

    def __str__(self) -> str:
        """The name that stands for the module until a base is known."""
        order = "_ff_first" if self.feed_forward_first else ""
        return f"{self.prefix}layer_{self.number}_of_{self.count}_in_{'+'.join(self.holders)}{order}"


def numbered_module(name: str, known: Collection[str]) -> str | None:
    """Return the module of a base that the text of a NumberedName means.

    Args:
        name: any name.
        known: kohya's names of the base's modules.

    Returns:
        One of `known`; None for another name, and where the base has not as many such layers as the file.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    holders = tuple(holder for holder in _LEAVES if holder in match[4].split("+"))
    modules = _walk(frozenset(known), match[1], holders, bool(match[5]))
    # Another number of layers means another walk, in which every number is another module.
    return modules[int(match[2])] if len(modules) == int(match[3]) > int(match[2]) else None


@lru_cache(maxsize=32)
def _walk(known: frozenset[str], prefix: str, holders: tuple[Holder, ...], feed_forward_first: bool) -> tuple[str, ...]:
    found: list[tuple[tuple[int, ...], str]] = []
    for name in known:
        if name.startswith(prefix):
            place = _place(name, holders, _WITHIN_BEFORE if feed_forward_first else _WITHIN)
            found += [(place, name)] if place is not None else []
    return tuple(name for _, name in sorted(found))


def _place(name: str, holders: tuple[Holder, ...], within: tuple[str, ...]) -> tuple[int, ...] | None:
    """Return where a module comes in the walk, None where it is not met."""
    if match := _ENCODER.fullmatch(name):
        holder: Holder = "clip_attention" if match["within"] == "self_attn" else "clip_mlp"
        above: tuple[int, ...] = (int(match["layer"]), ("self_attn", "mlp").index(match["within"]))
    elif match := _UNET.fullmatch(name):
        holder = _unet_holder(match["within"], holders)
        above = (
            _WAYS.index(match["way"]),
            int(match["block"] or 0),
            _KINDS.index(match["kind"]),
            int(match["index"]),
            int(match["depth"] or 0),
            within.index(match["within"]) if match["within"] else 0,
        )
    else:
        return None
    leaves = _LEAVES[holder]
    return (*above, leaves.index(match["leaf"])) if holder in holders and match["leaf"] in leaves else None


def _unet_holder(within: str | None, holders: tuple[Holder, ...]) -> Holder:
    if within is None:
        return "resnet" if "resnet" in holders else "resnet_linear"
    return "geglu" if within == "ff" else "attention"
