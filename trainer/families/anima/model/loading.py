"""Loading of Anima: modules built empty from configs, then filled weight by weight in the type asked for."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AnimaTextConditioner, AutoencoderKLQwenImage, CosmosTransformer3DModel
from diffusers.models.condition_embedders.condition_embedder_anima import AnimaRotaryEmbedding
from torch import nn
from transformers import Qwen3Config, Qwen3Model
from transformers.models.qwen3.modeling_qwen3 import Qwen3RotaryEmbedding

from trainer.errors import SettingsError
from trainer.families.anima.files.components import BODY, CONDITIONER, ENCODER, VAE, Part, part_at
from trainer.families.anima.files.identify import complete, components
from trainer.families.anima.model.lean import make_lean
from trainer.families.anima.model.text import TextEncoder
from trainer.families.anima.model.tokenizers import TokenizerPair, read_tokenizers
from trainer.families.anima.model.vae import for_frames
from trainer.families.anima.record import FAMILY
from trainer.lean.quantized import Kind
from trainer.models.component_loading import PLAIN, ComponentKind, FileVae, empty_module, fill, shaped
from trainer.models.identify import Base
from trainer.models.silence_libraries import silence_libraries
from trainer.refusals import user_path

_BODY_PART, _CONDITIONER_PART = (part.key for part in FAMILY.parts)
_CALLED = {BODY: "transformer", CONDITIONER: "text conditioner", ENCODER: "text encoder", VAE: "VAE"}

# Sides of up to 8192 pixels; diffusers' table of places ends at 2048, and is no part of the weights.
_PLACES = (128, 1024, 1024)


@dataclass(frozen=True)
class LoadedParts:
    """A base's modules: frozen, in evaluation mode, on their device.

    Attributes:
        body: diffusers' CosmosTransformer3DModel, made lean.
        encoder: Qwen3 and the conditioner.
        vae: diffusers' AutoencoderKLQwenImage, for single pictures.
        tokenizers: None where any words are the same tokens.
        vae_reader: reads the VAE again; None where it never had numbers.
    """

    body: Any
    encoder: TextEncoder
    vae: Any
    tokenizers: TokenizerPair | None = None
    vae_reader: FileVae | None = None


def load_parts(
    base: Base,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
) -> LoadedParts:
    """Load `base` without network, prints or gradients; no weight is ever held twice.

    Args:
        base: from identify_base.
        device: where the modules go.
        dtype: type of body and text encoder, bf16 or fp32; weights are read straight into it.
        vae: path of a VAE in place of the base's own; "" for the base's.
        vae_dtype: type of the VAE.
        quantized: in which 8 bits the large weights of body and text encoder are held; None for `dtype`.

    Raises:
        ModelError: a weight is missing, of another shape, or not of this model; a config or tokenizer cannot be used.
        SettingsError: a component is nowhere, or the type is fp16.
    """
    base, parts = _found(base, vae, dtype)

    def filled(component: str, of: torch.dtype) -> Any:
        module, names = _shaped(component, parts[component], of, quantized)
        fill(module, names, parts[component].weights, _kind(component), device)
        return module

    reader = FileVae.of(parts[VAE].weights)
    files = base.component_files
    return LoadedParts(
        _lean(filled(BODY, dtype)),
        TextEncoder(filled(ENCODER, dtype), filled(CONDITIONER, dtype)),
        for_frames(filled(VAE, vae_dtype)),
        read_tokenizers(files.get("qwen3_tokenizer"), files.get("t5_tokenizer_path")),
        reader,
    )


def parts_without_numbers(
    base: Base,
    *,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
) -> LoadedParts:
    """Return the modules that load_parts would fill, on the meta device: all shapes and types, no number; no tokenizers.

    Args:
        base, dtype, vae, vae_dtype, quantized: as for load_parts.

    Raises:
        ModelError, SettingsError: as load_parts, but for a weight's numbers.
    """
    _, parts = _found(base, vae, dtype)

    def of_base(component: str, of: torch.dtype) -> Any:
        return _shaped(component, parts[component], of, quantized)[0]

    encoder = TextEncoder(of_base(ENCODER, dtype), of_base(CONDITIONER, dtype))
    return LoadedParts(_lean(of_base(BODY, dtype)), encoder, for_frames(of_base(VAE, vae_dtype)))


def _found(base: Base, vae: str, dtype: torch.dtype) -> tuple[Base, Mapping[str, Part]]:
    silence_libraries()
    if dtype == torch.float16:
        raise SettingsError(
            "mixed_precision",
            found="fp16",
            expected=f"bf16, or no for fp32: {FAMILY.no_fp16}",
            way_out="set mixed_precision = bf16; a GPU before the RTX 30 series computes that slowly",
        )
    base = complete(base, {"vae": vae})
    parts = components(base)
    return base, parts | {VAE: part_at(user_path(vae), VAE)} if vae else parts


def _lean(body: Any) -> Any:
    make_lean(body)
    return body


def _shaped(component: str, part: Part, dtype: torch.dtype, quantized: Kind | None) -> tuple[Any, dict[str, str]]:
    """Return the frozen component on the meta device, of the types that it will have, and its own name of each weight -> ours."""
    config = part.config
    builders: Mapping[str, Callable[[], Any]] = {
        BODY: lambda: CosmosTransformer3DModel(**{**config, "max_size": _PLACES}),
        CONDITIONER: lambda: AnimaTextConditioner(**config),
        ENCODER: lambda: Qwen3Model(Qwen3Config.from_dict({**config, "attn_implementation": "sdpa"})),
        VAE: lambda: AutoencoderKLQwenImage.from_config(config),
    }
    module = empty_module(builders[component], part.weights, _CALLED[component], "the config of an Anima model")
    return module, shaped(module, part.weights, _kind(component), dtype, quantized)


def _kind(component: str) -> ComponentKind:
    if component == VAE:
        return PLAIN
    return ComponentKind(set_buffers=_set_frequencies, part=_BODY_PART if component == BODY else _CONDITIONER_PART)


def _set_frequencies(module: nn.Module) -> Collection[str]:
    """Compute the frequencies of rotary places again: the one thing in these modules that is in no file."""
    given: list[str] = []
    for path, each in module.named_modules():
        fresh = _fresh(each)
        for name, buffer in fresh.named_buffers() if fresh is not None else ():
            each.get_buffer(name).copy_(buffer)
            given.append(f"{path}.{name}" if path else name)
    return given


def _fresh(module: nn.Module) -> nn.Module | None:
    fresh: nn.Module | None = None
    if isinstance(module, Qwen3RotaryEmbedding):
        fresh = Qwen3RotaryEmbedding(module.config)
    elif isinstance(module, AnimaRotaryEmbedding):
        fresh = AnimaRotaryEmbedding(2 * len(module.inv_freq))
    return fresh
