"""Names for .safetensors files that are not a base, recognised by their keys, so that the refusal can say what they are; free of torch."""

import re
from collections.abc import Callable

from trainer.formats.safetensors_header import Header
from trainer.models.lora_keys import is_lora_key
from trainer.text import printable

# Also of architectures that no part of a key is known of.
_LORA_KEY = re.compile(r"lora_(?:down|up|A|B|mid)\b|\blora\.(?:down|up)\b")
_WHOLE = "give the complete checkpoint, or a diffusers folder"


def _begins(*starts: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(starts)


def _has(*parts: str) -> Callable[[str], bool]:
    return lambda name: any(part in name for part in parts)


# The first line of which any key fits says what the file is.
_KINDS: tuple[tuple[Callable[[str], bool], str, str], ...] = (
    (lambda name: is_lora_key(name) or bool(_LORA_KEY.search(name)), "a LoRA", "give the base it was trained on"),
    (_has("joint_blocks."), "an SD3 model", "SD3 is not supported"),
    (_has("double_blocks.", "single_transformer_blocks."), "a Flux model", "Flux is not supported"),
    (_has("time_stack.", "temporal_transformer.", "time_mixer."), "a video model", "video models are not supported"),
    (
        _begins("control_model.", "controlnet_cond_embedding.", "input_hint_block."),
        "a ControlNet",
        "give the base it controls",
    ),
    (
        lambda name: name in ("emb_params", "clip_l", "clip_g"),
        "an embedding (textual inversion)",
        "give the base it was made for",
    ),
    (_begins("model.diffusion_model.input_blocks."), "a whole Stable Diffusion checkpoint", ""),
    (_begins("encoder.downsamples.", "decoder.upsamples."), "a VAE of the form of Wan's and Qwen-Image's", ""),
    (_has("embed_tokens.weight"), "only a text encoder", _WHOLE),
    (
        _begins("first_stage_model.", "encoder.conv_in.", "decoder.conv_in."),
        "only a VAE",
        "set it as `vae`, and give the checkpoint it belongs to here",
    ),
    (_begins("down_blocks.", "input_blocks.", "diffusion_model.input_blocks."), "only a U-Net", _WHOLE),
    (
        _begins("text_model.", "encoder.layers.", "transformer.resblocks.", "cond_stage_model.", "conditioner."),
        "only a text encoder",
        _WHOLE,
    ),
)


def describe_unsupported(header: Header) -> tuple[str, str]:
    """Return what a file that no family knows as a base is, and the way out; both for an error's words."""
    if "ss_network_module" in header.metadata:
        return "a LoRA", "give the base it was trained on"
    for fits, found, way_out in _KINDS:
        if any(map(fits, header.shapes)):
            return found, way_out
    first = next(iter(header.shapes), None)
    if first is None:
        return "a file without tensors", ""
    return f"a model of unknown architecture (its first tensor is {printable(first, 80)})", ""
