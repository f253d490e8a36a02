"""Names of the U-Net's modules in Stability's own code and in diffusers', dots already underscores."""

import re
from collections.abc import Iterable

# A module by diffusers' path.
_BLOCK = re.compile(
    r"(?:(?P<way>down|up)_blocks_(?P<block>\d+)|mid_block)_"
    r"(?P<kind>resnets|attentions|downsamplers|upsamplers)_(?P<index>\d+)_(?P<rest>.+)"
)
# The same by the original's: blocks are counted through all levels.
_ORIGINAL = re.compile(r"(?P<way>input|output)_blocks_(?P<number>\d+)_(?P<within>\d)_(?P<rest>.+)")
_MIDDLE = re.compile(r"middle_block_(?P<place>[012])_(?P<rest>.+)")

RESNET_LAYERS = {
    "conv1": "in_layers_2",
    "time_emb_proj": "emb_layers_1",
    "conv2": "out_layers_3",
    "conv_shortcut": "skip_connection",
}
"""A layer of a resnet in diffusers -> the same in the original."""

_FROM_RESNET = {original: name for name, original in RESNET_LAYERS.items()}
_ENDS = {
    "conv_in": "input_blocks_0_0",
    "conv_out": "out_2",
    "time_embedding_linear_1": "time_embed_0",
    "time_embedding_linear_2": "time_embed_2",
    "add_embedding_linear_1": "label_emb_0_0",
    "add_embedding_linear_2": "label_emb_0_2",
}
_FROM_ENDS = {original: name for name, original in _ENDS.items()}

USUAL_LAYERS = 2
"""Resnets in each level on the way down of SD1.x and SDXL; the way up has one more."""

_LAYER = re.compile(r"\w*down_blocks_\d+_(?:resnets|attentions)_(\d+)_")


def layers_per_level(names: Iterable[str]) -> int:
    """Return how many resnets each level of a U-Net has on the way down, by diffusers' names of its modules, whatever is before them."""
    return 1 + max((int(match[1]) for name in names if (match := _LAYER.match(name))), default=USUAL_LAYERS - 1)


def original_name(name: str) -> str:
    """Turn diffusers' `down_blocks_1_attentions_0_proj_in` into `input_blocks_4_1_proj_in`; any other name stays as it is.

    Args:
        name: of a module of a U-Net of the usual layers.
    """
    if name in _ENDS:
        return _ENDS[name]
    match = _BLOCK.fullmatch(name)
    if match is None:
        return name
    index, kind, rest = int(match["index"]), match["kind"], match["rest"]
    if match["way"] is None:
        # Resnet, attention, resnet.
        return f"middle_block_{1 if kind == 'attentions' else 2 * index}_{_in_original(kind, rest)}"
    down = match["way"] == "down"
    first = (1 if down else 0) + (USUAL_LAYERS + 1) * int(match["block"])
    if kind in ("downsamplers", "upsamplers"):
        # A level ends with its sampler: on the way down as a block of its own, on the way up behind its last block.
        return f"input_blocks_{first + USUAL_LAYERS}_0_op" if down else f"output_blocks_{first + USUAL_LAYERS}_2_conv"
    within = 1 if kind == "attentions" else 0
    return f"{'input' if down else 'output'}_blocks_{first + index}_{within}_{_in_original(kind, rest)}"


def _in_original(kind: str, rest: str) -> str:
    return RESNET_LAYERS.get(rest, rest) if kind == "resnets" else rest


def diffusers_name(name: str, layers: int = USUAL_LAYERS) -> str:
    """Turn the original's `input_blocks_4_1_proj_in` into `down_blocks_1_attentions_0_proj_in`; any other name stays as it is.

    Args:
        name: of a module.
        layers: resnets in each level on the way down.
    """
    if name in _FROM_ENDS:
        return _FROM_ENDS[name]
    if match := _MIDDLE.fullmatch(name):
        if match["place"] == "1":
            return f"mid_block_attentions_0_{match['rest']}"
        return f"mid_block_resnets_{int(match['place']) // 2}_{_FROM_RESNET.get(match['rest'], match['rest'])}"
    match = _ORIGINAL.fullmatch(name)
    if match is None:
        return name
    down, rest = match["way"] == "input", match["rest"]
    level, index = divmod(int(match["number"]) - (1 if down else 0), layers + 1)
    way = "down" if down else "up"
    if rest == ("op" if down else "conv"):
        return f"{way}_blocks_{level}_{way}samplers_0_conv"
    kind = "resnets" if match["within"] == "0" else "attentions"
    return f"{way}_blocks_{level}_{kind}_{index}_{_FROM_RESNET.get(rest, rest) if kind == 'resnets' else rest}"
