"""Loading of SD1.x and SDXL: modules built empty from configs, then filled weight by weight in the type asked for."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from trainer.errors import ModelError
from trainer.formats.safetensors_header import read_header
from trainer.lean.quantized import Kind
from trainer.models.component_loading import PLAIN, ComponentKind, FileVae, empty_module, fill, shaped
from trainer.models.component_weights import Weights
from trainer.models.diffusers_folder import Component, config_of
from trainer.models.identify import Base
from trainer.models.silence_libraries import silence_libraries
from trainer.models.stable_diffusion.base_weights import (
    vae_config_path,
    vae_weights,
    weights_in_file,
    weights_in_folder,
)
from trainer.models.stable_diffusion.component_configs import config_for, scaling_factor
from trainer.models.stable_diffusion.tokenizer_files import tokenizer_in_folder
from trainer.prompts.clip_tokens import CLIP_TOKENS, BytePairTokenizer, clip_tokenizer
from trainer.refusals import user_path
from trainer.settings.parts import Family, Part, is_encoder, parts_of
from trainer.text import printable

# What diffusers takes where a VAE's config has no such line: that of SD1.x.
_USUAL_SCALING = 0.18215


@dataclass(frozen=True)
class Parts:
    """A base's modules: frozen, in evaluation mode, on their device.

    Attributes:
        family: its architecture.
        unet: diffusers' UNet2DConditionModel.
        encoders: transformers' CLIPTextModel; SDXL's second is a CLIPTextModelWithProjection.
        vae: diffusers' AutoencoderKL.
        tokenizers: of each encoder.
        vae_reader: reads the VAE again; None where it never had numbers.
    """

    family: Family
    unet: Any
    encoders: dict[Part, Any]
    vae: Any
    tokenizers: dict[Part, BytePairTokenizer]
    vae_reader: FileVae | None = None


def load_parts(
    base: Base,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
) -> Parts:
    """Load `base` without network, prints or gradients; no weight is ever held twice.

    Args:
        base: from identify_base.
        device: where the modules go.
        dtype: type of U-Net and text encoders; weights are read straight into it.
        vae: path of a VAE in place of the base's own, as check_vae takes it; "" for the base's.
        vae_dtype: type of the VAE. fp16 overflows in several.
        quantized: in which 8 bits the large weights of U-Net and text encoders are held; None for `dtype`.

    Raises:
        ModelError: a weight is missing, of another shape, or not of this model; a config or tokenizer cannot be used.
    """
    silence_libraries()
    found = _found(base)

    def config(component: Component) -> Mapping[str, Any]:
        return _config(base, found, component)

    def filled(component: Component) -> Any:
        if component not in found:
            # The file was another one when the base was recognised.
            raise ModelError(
                printable(str(base.path)), found=f"its {component} is missing now", expected="the unchanged file"
            )
        return _filled(found[component], component, config(component), device, dtype, quantized)

    unet = filled("unet")
    encoders = {part: filled(part) for part in parts_of(base.family) if is_encoder(part)}
    if vae:
        weights, table = _separate_vae(user_path(vae), base.family)
    elif "vae" in found:
        weights, table = found["vae"], config("vae")
    else:
        raise ModelError(printable(str(base.path)), found="a checkpoint without VAE", way_out="set `vae`")
    reader = FileVae.of(weights)
    decoder = _filled(weights, "vae", table, device, vae_dtype)
    tokenizers = {part: _tokenizer(base, part, encoders[part]) for part in encoders}
    return Parts(base.family, unet, encoders, decoder, tokenizers, reader)


def parts_without_numbers(
    base: Base,
    *,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
) -> Parts:
    """Return the modules that load_parts would fill, on the meta device: all shapes and types, no number; no tokenizers.

    Args:
        base, dtype, vae, vae_dtype, quantized: as for load_parts.

    Raises:
        ModelError: a weight is missing or of another shape, or a config cannot be used.
    """
    silence_libraries()
    found = _found(base)

    def of_base(component: Component, of: torch.dtype) -> Any:
        return _shaped(found[component], component, _config(base, found, component), of, quantized)[0]

    encoders = {part: of_base(part, dtype) for part in parts_of(base.family) if is_encoder(part)}
    if vae:
        place = user_path(vae)
        weights, path = vae_weights(place), vae_config_path(place)
        table = config_for(base.family, "vae", weights) if path is None else config_of(path)
        decoder, _ = _shaped(weights, "vae", table, vae_dtype)
    else:
        decoder = of_base("vae", vae_dtype)
    return Parts(base.family, of_base("unet", dtype), encoders, decoder, {})


def _found(base: Base) -> Mapping[Component, Weights]:
    return weights_in_file(base.path, read_header(base.path)) if base.path.is_file() else weights_in_folder(base.path)


def _config(base: Base, found: Mapping[Component, Weights], component: Component) -> Mapping[str, Any]:
    if base.path.is_file():
        return config_for(base.family, component, found[component])
    # The type it was saved in is no matter here.
    table = config_of(base.path / component / "config.json")
    return {name: value for name, value in table.items() if name not in ("dtype", "torch_dtype")}


def _separate_vae(place: Path, family: Family) -> tuple[Weights, Mapping[str, Any]]:
    weights = vae_weights(place)
    path = vae_config_path(place)
    config = config_for(family, "vae", weights) if path is None else config_of(path)
    usual, own = scaling_factor(family), config.get("scaling_factor", _USUAL_SCALING)
    # Such a VAE loads without a word, and every latent would be of another scale than the U-Net knows.
    if own != usual:
        raise ModelError(
            printable(str(place)),
            found=f"a VAE with scaling factor {printable(str(own), 20)}",
            expected=f"{usual}, that of the base's family",
            way_out="SD1.x and SDXL have VAEs of their own",
        )
    return weights, config


def _filled(
    weights: Weights,
    component: Component,
    config: Mapping[str, Any],
    device: torch.device | str,
    dtype: torch.dtype,
    quantized: Kind | None = None,
) -> Any:
    """Return the component with its weights, rounded to `dtype` or to 8 bits, on `device`."""
    module, names = _shaped(weights, component, config, dtype, quantized)
    fill(module, names, weights, _kind(component), device)
    return module


def _shaped(
    weights: Weights,
    component: Component,
    config: Mapping[str, Any],
    dtype: torch.dtype,
    quantized: Kind | None = None,
) -> tuple[Any, dict[str, str]]:
    """Return the frozen component on the meta device, of the types that it will have, and its own name of each weight -> ours."""
    builders: dict[Component, Callable[[], Any]] = {
        "unet": lambda: UNet2DConditionModel.from_config(dict(config)),
        "vae": lambda: AutoencoderKL.from_config(dict(config)),
        "text_encoder": lambda: CLIPTextModel(CLIPTextConfig.from_dict(dict(config))),
        "text_encoder_2": lambda: CLIPTextModelWithProjection(CLIPTextConfig.from_dict(dict(config))),
    }
    module = empty_module(builders[component], weights, component, "the config of an SD1.x or SDXL model")
    return module, shaped(module, weights, _kind(component), dtype, quantized)


def _kind(component: Component) -> ComponentKind:
    return PLAIN if component == "vae" else ComponentKind(_without_level, _set_positions, component)


def _without_level(name: str) -> str:
    # A module's own name of a weight may have this level, ours never has; see ldm_keys.clip_slices.
    return name.removeprefix("text_model.")


def _set_positions(module: nn.Module) -> Collection[str]:
    """Count the positions again: the one thing in these modules that is neither in the file nor made by a forward pass."""
    found = {name: buffer for name, buffer in module.named_buffers() if name.endswith("position_ids")}
    for buffer in found.values():
        positions: Tensor = torch.arange(buffer.shape[-1], device=buffer.device)
        buffer.copy_(positions.expand_as(buffer))
    return found.keys()


def _tokenizer(base: Base, part: Part, encoder: Any) -> BytePairTokenizer:
    """Return the encoder's tokenizer: a folder's own, for a single file CLIP's."""
    if base.path.is_file():
        if encoder.config.vocab_size != CLIP_TOKENS:
            raise ModelError(
                printable(str(base.path)),
                found=f"a text encoder of {encoder.config.vocab_size:,} tokens",
                expected=f"CLIP's {CLIP_TOKENS:,}",
                way_out="give the diffusers folder of the same model, which contains its tokenizer",
            )
        return clip_tokenizer()
    return tokenizer_in_folder(base.path / part.replace("text_encoder", "tokenizer"))
