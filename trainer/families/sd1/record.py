"""SD1.x: one U-Net, one CLIP text encoder, pictures of 512²."""

import re
from collections.abc import Collection
from types import MappingProxyType

from trainer.families.block_names import diffusers_name, layers_per_level
from trainer.families.numbered_names import numbered_module
from trainer.families.record import FamilyRecord, PartRecord, SamplingRecord
from trainer.families.sd1.conventions import CONVENTIONS
from trainer.families.stable_diffusion import (
    CHECK_VAE,
    ENCODER_GROUPS,
    ENCODER_HOLDERS,
    ENCODER_LARGE,
    ENGINE,
    IDENTIFY,
    SAMPLERS,
    TIMES,
    UNET_CONV_HOLDERS,
    UNET_GROUPS,
    UNET_HOLDERS,
    UNET_LARGE,
    clip_path,
    encoder_name,
)

_UNET = "lora_unet_"
_ONE_ENCODER = "SD1.x has one text encoder"


def _module_name(part: PartRecord, path: str) -> str:
    return part.lora_prefix + clip_path(part, path).replace(".", "_")


def _file_name(name: str, known: Collection[str]) -> str:
    if (own := numbered_module(name, known)) is not None:
        return own
    if name.startswith(_UNET):
        # A file's U-Net may have the names of the original's blocks, which count through all levels.
        return _UNET + diffusers_name(name.removeprefix(_UNET), layers_per_level(known))
    # Some tools call its text encoder `lora_te1_`, as SDXL's first.
    return re.sub("^lora_te1_", "lora_te_", encoder_name(name))


FAMILY = FamilyRecord(
    module=__name__,
    key="sd1",
    title="SD1.x",
    lora_target="an SD1.x base",
    parts=(
        PartRecord(
            "unet", "U-Net", "unet", _UNET, UNET_HOLDERS, UNET_CONV_HOLDERS, groups=UNET_GROUPS, large=UNET_LARGE
        ),
        PartRecord(
            "text_encoder",
            "text encoder",
            "text_encoder",
            "lora_te_",
            ENCODER_HOLDERS,
            groups=ENCODER_GROUPS,
            large=ENCODER_LARGE,
        ),
    ),
    engine=ENGINE,
    identify=IDENTIFY,
    check_vae=CHECK_VAE,
    times=TIMES,
    conventions=CONVENTIONS,
    architecture="stable-diffusion-v1/lora",
    base_versions=MappingProxyType({"epsilon": "sd_v1", "v": "sd_v1_v"}),
    folders=("unet", "text_encoder", "vae", "tokenizer", "scheduler"),
    # The webui's steps and guidance.
    sampling=SamplingRecord(
        side=512, steps=20, cfg_scale=7.0, sampler="DPM++ 2M Karras", samplers=SAMPLERS, roomy_bytes=5 * 2**30
    ),
    webui_name="SD1",
    version_start="sd_v1",
    clip_skip=True,
    unused=MappingProxyType({"text_encoder_lr2": _ONE_ENCODER, "text_encoder_stop2": _ONE_ENCODER}),
    module_name=_module_name,
    file_name=_file_name,
)
