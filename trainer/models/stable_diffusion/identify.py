"""Identification of SD1.x and SDXL from the keys in safetensors headers and a folder's configs; free of torch."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from trainer.errors import ModelError
from trainer.families.record import FamilyRecord
from trainer.families.sd1.record import FAMILY as SD1
from trainer.families.sdxl.record import FAMILY as SDXL
from trainer.formats.safetensors_header import read_header
from trainer.models.component_weights import Weights
from trainer.models.diffusers_folder import Component, check_tokenizer, config_of
from trainer.models.identify import Base, LoraShape, existing_path, wanted_base
from trainer.models.kohya_names import kohya_name
from trainer.models.stable_diffusion.base_weights import (
    VAE_WANTED,
    vae_config_path,
    vae_weights,
    weights_in_file,
    weights_in_folder,
)
from trainer.models.stable_diffusion.component_configs import (
    config_for,
    context_width,
    layers_of_encoder,
    takes_sizes,
    text_width,
)
from trainer.models.stable_diffusion.prediction_markers import markers_in_file, markers_in_folder
from trainer.models.stable_diffusion.tokenizer_files import FolderTokens
from trainer.models.stable_diffusion.weight_names import check_complete, missing_weights
from trainer.models.weight_slice import PlacedWeight, WeightSlice
from trainer.prompts.clip_tokens import clip_tokens
from trainer.refusals import real_path
from trainer.settings.parts import Family, Part, is_encoder, label_of, parts_of
from trainer.text import printable

# Where kohya puts layers (networks.lora): Linear and 1x1 convolutions inside the U-Net's Transformer2DModel, Linear inside
# CLIPAttention and CLIPMLP; with conv_dim also everything inside ResnetBlock2D, Downsample2D and Upsample2D.
_UNET_TARGET = re.compile(
    r"((?:down_blocks\.\d+|mid_block|up_blocks\.\d+)\.(attentions|resnets|downsamplers|upsamplers)\.\d+\..+)\.weight"
)
# Beside them full-layer LoRAs of other programs have layers on these (LyCORIS' preset `full`, OneTrainer without a layer filter).
_ENDS = re.compile(r"(conv_in|conv_out|time_embedding\.linear_[12]|add_embedding\.linear_[12]|text_projection)\.weight")
_BLOCK = re.compile(
    r"(?:down_blocks\.\d+|mid_block|up_blocks\.\d+)\.(?:resnets\.\d+|attentions\.\d+\.transformer_blocks\.\d+)\."
)
_ENCODER_TARGET = re.compile(r"(encoder\.layers\.\d+\.(?:self_attn|mlp)\..+)\.weight")

# SDXL's size conditioning: six numbers of 256 each beside the pooled text.
_SIZES_WIDTH = 6 * 256


_MAX_SIDE = 8192


def identify(path: Path) -> Base | None:
    """Return the SD1.x or SDXL base at `path`; None for what may be another family's.

    Raises:
        ModelError: it is one of them, or a relative of theirs, that cannot be baked on; says which.
    """
    return _base_in_file(path) if path.is_file() else _base_in_folder(path)


def check_vae_file(path: str) -> None:
    """See that the VAE at `path` can be used.

    Args:
        path: a .safetensors file, in the original keys or diffusers', or a diffusers folder: a VAE's or a complete model's.

    Raises:
        ModelError: it is missing, cut off, incomplete, a pickle, or no VAE of SD1.x or SDXL.
    """
    place = existing_path(path, "vae", VAE_WANTED)
    weights, config = vae_weights(place), vae_config_path(place)
    check_complete(weights, "vae", config_for(SD1.key, "vae", weights) if config is None else config_of(config))


def _base_in_file(path: Path) -> Base | None:
    header = read_header(path)
    where = printable(str(path))
    components = weights_in_file(path, header)
    if "unet" not in components or "conv_in.weight" not in components["unet"].slices:
        return None
    if any(key.startswith("cond_stage_model.model.") for key in header.shapes):
        raise ModelError(where, found="an SD2.x model", expected=wanted_base(), way_out="SD2.x is not supported")
    if any(key.startswith("conditioner.embedders.0.model.") for key in header.shapes):
        raise _refiner(where)
    family = _family(where, components)
    for part in parts_of(family):
        check_complete(components[part], part, config_for(family, part, components[part]))
    return Base(
        name=path.name,
        path=path,
        family=family,
        lora_shapes=_lora_shapes(family, components),
        weights=_lora_weights(family, components),
        markers=markers_in_file(path, header),
        text_layers=_text_layers(family, components),
        has_vae="vae" in components,
        swapped_blocks=_unet_blocks(components["unet"]),
        tokens=clip_tokens,
        vae_gap=_vae_gap(components["vae"], family) if "vae" in components else "",
    )


def _base_in_folder(folder: Path) -> Base | None:
    where = printable(str(folder))
    index = folder / "model_index.json"
    if not index.is_file() or not (folder / "unet").is_dir():
        return None
    config_of(index)
    if not (folder / "text_encoder").is_dir() and (folder / "text_encoder_2").is_dir():
        raise _refiner(where)
    components = weights_in_folder(folder)
    family = _family(where, components)
    for part in filter(is_encoder, parts_of(family)):
        check_tokenizer(folder / part.replace("text_encoder", "tokenizer"))
    configs = {component: config_of(folder / component / "config.json") for component in components}
    for part in parts_of(family):
        check_complete(components[part], part, configs[part])
    return Base(
        name=real_path(folder).name,
        path=folder,
        family=family,
        lora_shapes=_lora_shapes(family, components),
        weights=_lora_weights(family, components),
        markers=markers_in_folder(folder),
        text_layers=_text_layers(family, components),
        vae_gap=next(iter(missing_weights(components["vae"], "vae", configs["vae"])), ""),
        side=_side(configs),
        swapped_blocks=_unet_blocks(components["unet"]),
        tokens=FolderTokens.of(folder / "tokenizer"),
    )


def _vae_gap(vae: Weights, family: Family) -> str:
    """Return a weight that a single file's VAE lacks, "" for none; another VAE may stand in for it."""
    try:
        config = config_for(family, "vae", vae)
    except ModelError as error:
        return error.found
    return next(iter(missing_weights(vae, "vae", config)), "")


def _side(configs: Mapping[Component, Mapping[str, object]]) -> int | None:
    """Return the side of the pictures that a folder's U-Net was trained on, as its configs have it."""
    sample, widths = configs["unet"].get("sample_size"), configs["vae"].get("block_out_channels")
    if type(sample) is not int or not isinstance(widths, list):
        return None
    side = sample * 2 ** (len(widths) - 1)
    return side if 0 < side <= _MAX_SIDE else None


def _family(where: str, components: Mapping[Component, Weights]) -> Family:
    """Tell SD1.x and SDXL from each other and from their relatives, which share most of their keys.

    SD2.x takes the texts of a wider encoder through linear projections, inpainting models nine channels; SDXL alone takes
    pooled text and sizes beside the time.
    """
    unet = components["unet"]
    record: FamilyRecord = SDXL if takes_sizes(unet) else SD1
    family = record.key
    channels = unet.side("conv_in.weight", 1)
    if channels != 4:
        kind = " (inpainting)" if channels == 9 else ""
        raise ModelError(where, found=f"a U-Net of {channels} input channels{kind}", expected="4 channels")
    encoders = [part for part in parts_of(family) if is_encoder(part)]
    missing = next((part for part in encoders if part not in components), None)
    if missing:
        raise ModelError(
            where,
            found=f"a U-Net of {record.title} without its {label_of(missing)}",
            expected=wanted_base(),
            way_out="give the complete checkpoint, or a diffusers folder",
        )
    width = sum(text_width(components[part]) for part in encoders)
    proj_in = unet.slices.get("down_blocks.0.attentions.0.proj_in.weight")
    if record is SD1 and proj_in is not None and len(proj_in.shape) == 2:
        raise ModelError(where, found="an SD2.x model", expected=wanted_base(), way_out="SD2.x is not supported")
    if (context := context_width(unet)) != width:
        raise ModelError(
            where,
            found=f"a U-Net for text embeddings of width {context} beside a text encoder of width {width}",
            expected="components of one model",
        )
    if record is SDXL:
        _check_pooled(where, unet, components["text_encoder_2"])
    for part in parts_of(family):
        components[part].check_types(f"a {label_of(part)}")
    if "vae" in components:
        components["vae"].check_types("a VAE")
    return family


def _check_pooled(where: str, unet: Weights, encoder: Weights) -> None:
    takes = unet.side("add_embedding.linear_1.weight", 1)
    pooled = encoder.side("text_projection.weight", 0)
    if takes != pooled + _SIZES_WIDTH:
        raise ModelError(
            where,
            found=f"a U-Net with {takes} added inputs and pooled text of width {pooled}",
            expected=f"{pooled} + 6 × 256: components of one model",
        )


def _refiner(where: str) -> ModelError:
    return ModelError(where, found="SDXL's refiner", expected=wanted_base(), way_out="give the base model it goes with")


def _lora_shapes(family: Family, components: Mapping[Component, Weights]) -> dict[str, LoraShape]:
    shapes: dict[str, LoraShape] = {}
    ends: dict[str, LoraShape] = {}
    for part, match, piece in _targets(family, components):
        shape, is_end = piece.shape, match.re is _ENDS
        (ends if is_end else shapes)[kohya_name(part, match[1], family)] = LoraShape(
            inputs=shape[1],
            outputs=shape[0],
            kernel=shape[2] if len(shape) == 4 else 1,
            is_conv=len(shape) == 4,
            needs_conv_dim=not is_end and not is_encoder(part) and match[2] != "attentions",
            only_in_files=is_end,
        )
    return shapes | ends


def _unet_blocks(unet: Weights) -> int:
    """Return how many resnets and transformer layers a U-Net has; lean.blocks finds the same in a loaded one."""
    found = (_BLOCK.match(name) for name in unet.slices)
    return len({match[0] for match in found if match})


def _lora_weights(family: Family, components: Mapping[Component, Weights]) -> dict[str, PlacedWeight]:
    """Return where the weights of these modules lie."""
    files = {
        part: {key: path for path, header in components[part].files.items() for key in header.shapes}
        for part in parts_of(family)
    }
    return {
        kohya_name(part, match[1], family): PlacedWeight(files[part][piece.key], piece)
        for part, match, piece in _targets(family, components)
    }


def _targets(
    family: Family, components: Mapping[Component, Weights]
) -> Iterator[tuple[Part, re.Match[str], WeightSlice]]:
    """Yield part, match of the module's name and weight of each module that a LoRA may sit on."""
    for part in parts_of(family):
        pattern = _ENCODER_TARGET if is_encoder(part) else _UNET_TARGET
        for name, piece in components[part].slices.items():
            match = _ENDS.fullmatch(name) or pattern.fullmatch(name)
            # What has one side is a norm.
            if match and len(piece.shape) in (2, 4) and piece.shape[2:] in ((), (1, 1), (3, 3)):
                yield part, match, piece


def _text_layers(family: Family, components: Mapping[Component, Weights]) -> dict[Part, int]:
    return {part: layers_of_encoder(components[part]) for part in parts_of(family) if is_encoder(part)}
