"""Anima's components as people have them: in one file, in several, or in a diffusers folder; free of torch."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from trainer.errors import ModelError
from trainer.families.anima.files import original_keys
from trainer.families.anima.files.configs import body_config, conditioner_config, encoder_config, vae_config
from trainer.families.anima.files.weight_names import (
    body_names,
    check_weights,
    conditioner_names,
    encoder_names,
    vae_names,
)
from trainer.formats.safetensors_header import Header, read_header
from trainer.models.component_weights import Weights
from trainer.models.diffusers_folder import config_of, weights_files
from trainer.models.unsupported import describe_unsupported
from trainer.text import printable

Config = dict[str, Any]

BODY, CONDITIONER, ENCODER, VAE = "transformer", "text_conditioner", "text_encoder", "vae"
"""The components, by the names of their folders."""

FILES: Mapping[str, str] = {"qwen3": ENCODER, "vae": VAE, "llm_adapter_path": CONDITIONER}
"""Setting that names a component's own file -> the component."""

WANTED: Mapping[str, str] = {
    ENCODER: "Anima's text encoder, Qwen3 0.6B Base: one .safetensors file or a folder",
    VAE: "Anima's VAE, that of Qwen-Image: one .safetensors file or a folder",
    CONDITIONER: "Anima's text conditioner (llm_adapter): one .safetensors file or a folder",
    BODY: "Anima's transformer",
}

_INSIDE = {ENCODER: encoder_config, VAE: vae_config, CONDITIONER: conditioner_config, BODY: body_config}
_NAMES = {ENCODER: encoder_names, VAE: vae_names, CONDITIONER: conditioner_names, BODY: body_names}
_CALLED = {ENCODER: "a Qwen3", VAE: "a VAE", CONDITIONER: "a text conditioner", BODY: "a transformer"}


@dataclass(frozen=True)
class Part:
    """A component that was found.

    Attributes:
        weights: where its weights lie, under the libraries' names.
        config: of its module, in the libraries' words.
    """

    weights: Weights
    config: Config


def parts_in_file(path: Path) -> dict[str, Part] | None:
    """Return the components in a file with Anima's body; None where there is no such body in it.

    Raises:
        ModelError: a component is not complete, quantised, or another model's.
    """
    header = read_header(path)
    found = original_keys.body_file(header.shapes)
    if found is None:
        return None
    slices = {BODY: found.body, CONDITIONER: found.conditioner, ENCODER: found.encoder, VAE: found.vae}
    return {
        component: _part(component, Weights(path, {path: header}, pieces))
        for component, pieces in slices.items()
        if pieces
    }


def parts_in_folder(folder: Path) -> dict[str, Part] | None:
    """Return the components in a diffusers folder of Anima's; None where it is another model's.

    Raises:
        ModelError: as parts_in_file; or a folder has no weights.
    """
    if config_class(folder / BODY) != "CosmosTransformer3DModel":
        return None
    return {
        each: part_at(folder / each, each) for each in (BODY, CONDITIONER, ENCODER, VAE) if (folder / each).is_dir()
    }


def part_at(place: Path, component: str) -> Part:
    """Return a component that stands alone.

    Args:
        place: its file, its folder, or a diffusers folder that holds it.
        component: which one it is to be.

    Raises:
        ModelError: it is another thing, not complete, or quantised.
    """
    if place.is_dir():
        inner = place / component
        folder = inner if inner.is_dir() else place
        files = {path: read_header(path) for path in _weights_in(folder, component)}
        config = config_of(folder / "config.json") if (folder / "config.json").is_file() else None
        weights = _weights(component, folder if len(files) > 1 else next(iter(files)), files)
        return _part(component, weights, config)
    return _part(component, _weights(component, place, {place: read_header(place)}))


def config_class(folder: Path) -> str:
    """Return the class that a component's config names, "" where there is none."""
    path = folder / "config.json"
    return str(config_of(path).get("_class_name", "")) if path.is_file() else ""


def _weights_in(folder: Path, component: str) -> list[Path]:
    try:
        return weights_files(folder, component)
    except ModelError:
        alone = sorted(folder.glob("*.safetensors"))
        if len(alone) != 1:
            raise
        return alone


def _weights(component: str, place: Path, files: Mapping[Path, Header]) -> Weights:
    shapes = {key: shape for header in files.values() for key, shape in header.shapes.items()}
    readers: Mapping[str, Callable[[original_keys.Shapes], original_keys.Slices]] = {
        ENCODER: original_keys.encoder_slices,
        VAE: original_keys.vae_slices,
        CONDITIONER: original_keys.conditioner_slices,
        BODY: original_keys.plain_body_slices,
    }
    pieces = readers[component](shapes) or _within(component, shapes)
    if not pieces:
        raise ModelError(printable(str(place)), found=_what_it_is(files.values()), expected=WANTED[component])
    return Weights(place, files, pieces)


def _within(component: str, shapes: original_keys.Shapes) -> original_keys.Slices:
    """Return a component's weights in a checkpoint that holds others too."""
    found = original_keys.body_file(shapes)
    if found is None:
        return {}
    return {ENCODER: found.encoder, VAE: found.vae, CONDITIONER: found.conditioner, BODY: found.body}[component]


def _what_it_is(headers: Iterable[Header]) -> str:
    header = next(iter(headers))
    for component, read in (
        (ENCODER, original_keys.encoder_slices),
        (VAE, original_keys.vae_slices),
        (BODY, original_keys.plain_body_slices),
    ):
        if read(header.shapes):
            return WANTED[component].partition(":")[0]
    if original_keys.body_file(header.shapes) is not None:
        return "a transformer of Cosmos-Predict2's form"
    return describe_unsupported(header)[0].replace("only a ", "another model's ")


def only_part(path: Path) -> str:
    """Return the setting for a file that holds one of Anima's other components alone, "" for any other file."""
    shapes = read_header(path).shapes
    for setting, read in (
        ("qwen3", original_keys.encoder_slices),
        ("vae", original_keys.vae_slices),
        ("llm_adapter_path", original_keys.conditioner_slices),
    ):
        if read(shapes):
            return setting
    return ""


def _part(component: str, weights: Weights, config: Mapping[str, Any] | None = None) -> Part:
    # Quantised weights have other names beside them, and other shapes.
    weights.check_types(_CALLED[component])
    made = _INSIDE[component](weights, config)
    names = partial(_NAMES[component], made)
    check_weights(weights, set(names()), _CALLED[component])
    return Part(weights, made)
