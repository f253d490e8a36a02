"""What does kohya call a module? The one place that knows the names of LoRA keys; free of torch."""

import re

from trainer.settings.parts import Family, Part

_PREFIXES: dict[Family, dict[Part, str]] = {
    "sd1": {"unet": "lora_unet_", "text_encoder": "lora_te_"},
    "sdxl": {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"},
}

# A module of an SDXL U-Net by diffusers' path, dots already underscores.
_BLOCK = re.compile(
    r"(?:(?P<way>down|up)_blocks_(?P<block>\d+)|mid_block)_"
    r"(?P<kind>resnets|attentions|downsamplers|upsamplers)_(?P<index>\d+)_(?P<rest>.+)"
)
# SDXL has two resnets in each block on the way down, with a downsampler behind them, and three on the way up.
_PER_BLOCK = 3
_IN_RESNET = {
    "conv1": "in_layers_2",
    "time_emb_proj": "emb_layers_1",
    "conv2": "out_layers_3",
    "conv_shortcut": "skip_connection",
}


def kohya_name(part: Part, path: str, family: Family = "sd1") -> str:
    """Return the LoRA module name of the module at `path`.

    On SDXL the U-Net's modules have the names of Stability's own code (`input_blocks_4_1_…`), on SD1.x those of diffusers.

    Args:
        part: which model the module belongs to; one of parts_of(family).
        path: dotted path inside the U-Net (diffusers' names) or the text encoder, with or without the leading `text_model.`.
        family: the base's architecture.
    """
    # transformers 5 dropped the `text_model` level from CLIPTextModel; files written since 2022 have it.
    if part != "unet" and not path.startswith("text_model."):
        path = f"text_model.{path}"
    name = path.replace(".", "_")
    return _PREFIXES[family][part] + (_stability_name(name) if (part, family) == ("unet", "sdxl") else name)


def file_name(name: str, family: Family) -> str:
    """Return the module name that kohya_name gives for a name found in a LoRA file on a base of `family`.

    Files differ in two ways: some tools call SD1.x's text encoder `lora_te1_`, and SDXL's U-Net may have diffusers' names.
    """
    if family == "sd1":
        return re.sub("^lora_te1_", "lora_te_", name)
    prefix = _PREFIXES["sdxl"]["unet"]
    return prefix + _stability_name(name.removeprefix(prefix)) if name.startswith(prefix) else name


def part_of(name: str) -> Part | None:
    """Return the part a LoRA module name belongs to, whatever the family; None for a name of another architecture."""
    return next(
        (part for prefixes in _PREFIXES.values() for part, prefix in prefixes.items() if name.startswith(prefix)), None
    )


def _stability_name(name: str) -> str:
    """Turn `down_blocks_1_attentions_0_proj_in` into `input_blocks_4_1_proj_in`; any other name stays as it is."""
    match = _BLOCK.fullmatch(name)
    if match is None:
        return name
    index, kind, rest = int(match["index"]), match["kind"], match["rest"]
    if kind == "resnets":
        rest = _IN_RESNET.get(rest, rest)
    within = 1 if kind == "attentions" else 0
    match match["way"]:
        case "down":
            first = 1 + _PER_BLOCK * int(match["block"])
            if kind == "downsamplers":
                return f"input_blocks_{first + 2}_0_op"
            return f"input_blocks_{first + index}_{within}_{rest}"
        case "up":
            first = _PER_BLOCK * int(match["block"])
            if kind == "upsamplers":
                return f"output_blocks_{first + 2}_2_conv"
            return f"output_blocks_{first + index}_{within}_{rest}"
        case _:
            # Resnet, attention, resnet.
            return f"middle_block_{1 if within else 2 * index}_{rest}"
