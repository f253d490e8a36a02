"""SDXL and what was trained from it: one U-Net, two text encoders, pictures of 1024², LoRA names of Stability's own code."""

from collections.abc import Collection
from types import MappingProxyType

from trainer.families.block_names import original_name
from trainer.families.record import FamilyRecord, PartRecord, SamplingRecord
from trainer.families.sdxl.conventions import CONVENTIONS
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


def _module_name(part: PartRecord, path: str) -> str:
    name = clip_path(part, path).replace(".", "_")
    return part.lora_prefix + (name if part.is_encoder else original_name(name))


def _file_name(name: str, known: Collection[str]) -> str:
    # A file's U-Net may have diffusers' names.
    if name.startswith(_UNET):
        return _UNET + original_name(name.removeprefix(_UNET))
    return encoder_name(name)


FAMILY = FamilyRecord(
    module=__name__,
    key="sdxl",
    title="SDXL",
    lora_target="an SDXL base",
    parts=(
        PartRecord(
            "unet", "U-Net", "unet", _UNET, UNET_HOLDERS, UNET_CONV_HOLDERS, groups=UNET_GROUPS, large=UNET_LARGE
        ),
        PartRecord(
            "text_encoder",
            "text encoder",
            "text_encoder",
            "lora_te1_",
            ENCODER_HOLDERS,
            groups=ENCODER_GROUPS,
            large=ENCODER_LARGE,
        ),
        PartRecord(
            "text_encoder_2",
            "second text encoder",
            "text_encoder_2",
            "lora_te2_",
            ENCODER_HOLDERS,
            short="second",
            groups=ENCODER_GROUPS,
            large=ENCODER_LARGE,
        ),
    ),
    engine=ENGINE,
    identify=IDENTIFY,
    check_vae=CHECK_VAE,
    times=TIMES,
    conventions=CONVENTIONS,
    architecture="stable-diffusion-xl-v1-base/lora",
    base_versions=MappingProxyType({"epsilon": "sdxl_base_v1-0", "v": "sdxl_base_v1-0"}),
    folders=("unet", "text_encoder", "text_encoder_2", "vae", "tokenizer", "tokenizer_2", "scheduler"),
    # The cards of NoobAI-XL and Animagine ask for 25 to 35 steps and a guidance of 5 to 6: two encoders pull at the picture.
    sampling=SamplingRecord(
        side=1024, steps=28, cfg_scale=6.0, sampler="DPM++ 2M Karras", samplers=SAMPLERS, roomy_bytes=11 * 2**30
    ),
    webui_name="SDXL",
    sd_scripts="sdxl_train_network.py",
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
