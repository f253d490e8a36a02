"""SDXL and what was trained from it: one U-Net, two text encoders, pictures of 1024², LoRA names of Stability's own code."""

import re
from types import MappingProxyType

from trainer.families.record import FamilyRecord, PartRecord, SamplingRecord
from trainer.families.stable_diffusion import (
    CHECK_VAE,
    ENCODER_HOLDERS,
    ENGINE,
    IDENTIFY,
    TIMES,
    UNET_CONV_HOLDERS,
    UNET_HOLDERS,
    clip_path,
)

_UNET = "lora_unet_"

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


def _module_name(part: PartRecord, path: str) -> str:
    name = clip_path(part, path).replace(".", "_")
    return part.lora_prefix + (name if part.is_encoder else _stability_name(name))


def _file_name(name: str) -> str:
    # A file's U-Net may have diffusers' names.
    return _UNET + _stability_name(name.removeprefix(_UNET)) if name.startswith(_UNET) else name


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


FAMILY = FamilyRecord(
    module=__name__,
    key="sdxl",
    title="SDXL",
    lora_target="an SDXL base",
    parts=(
        PartRecord("unet", "U-Net", "unet", _UNET, UNET_HOLDERS, UNET_CONV_HOLDERS),
        PartRecord("text_encoder", "text encoder", "text_encoder", "lora_te1_", ENCODER_HOLDERS),
        PartRecord(
            "text_encoder_2", "second text encoder", "text_encoder_2", "lora_te2_", ENCODER_HOLDERS, short="second"
        ),
    ),
    engine=ENGINE,
    identify=IDENTIFY,
    check_vae=CHECK_VAE,
    times=TIMES,
    architecture="stable-diffusion-xl-v1-base/lora",
    base_versions=MappingProxyType({"epsilon": "sdxl_base_v1-0", "v": "sdxl_base_v1-0"}),
    folders=("unet", "text_encoder", "text_encoder_2", "vae", "tokenizer", "tokenizer_2"),
    # The cards of NoobAI-XL and Animagine ask for 25 to 35 steps and a guidance of 5 to 6: two encoders pull at the picture.
    sampling=SamplingRecord(side=1024, steps=28, cfg_scale=6.0, sampler="DPM++ 2M Karras", roomy_bytes=11 * 2**30),
    webui_name="SDXL",
    version_start="sdxl",
    # A little above 512², so that the default of SD1.x is met.
    least_area=520 * 520,
    # Its buckets; one picture at a time with activations computed twice is what 8 GB can hold at all.
    first_settings=MappingProxyType(
        {
            "resolution": "1024",
            "min_bucket_reso": 512,
            "max_bucket_reso": 2048,
            "train_batch_size": 1,
            "gradient_checkpointing": True,
        }
    ),
    unused=MappingProxyType({"clip_skip": "SDXL's embeddings come from fixed layers"}),
    module_name=_module_name,
    file_name=_file_name,
    # Both encoders give their last layer but one; the second one's pooled state comes from the very last.
    fixed_skip=2,
    pooled_layers=frozenset({"text_encoder_2"}),
)
