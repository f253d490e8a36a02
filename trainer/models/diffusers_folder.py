"""Where in a diffusers folder is what? Weights files by component, configs as tables; free of torch."""

import json
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import ModelError
from trainer.foreign_text import shown

# component -> stem of its weights file, as diffusers and transformers name them
COMPONENTS = {"unet": "diffusion_pytorch_model", "text_encoder": "model", "vae": "diffusion_pytorch_model"}

# The configs are a few KB; a larger file is not one.
_MAX_CONFIG_BYTES = 2**20


@dataclass(frozen=True)
class Weights:
    """One component's weights: the file, and the variant (`fp16`) in its name, if any."""

    path: Path
    variant: str | None


def weights_file(folder: Path, component: str) -> Weights:
    """Return the safetensors file of a component; the full one is preferred to its fp16 variant.

    Raises:
        ModelError: there is none, or only a pickle.
    """
    stem = COMPONENTS[component]
    place = folder / component
    for variant in (None, "fp16"):
        path = place / (f"{stem}.{variant}.safetensors" if variant else f"{stem}.safetensors")
        if path.is_file():
            return Weights(path, variant)
    where = shown(str(place))
    if any(place.glob("*.bin")) or any(place.glob("*.ckpt")):
        raise ModelError(
            where,
            found="only pickle weights (.bin); loading one runs the code in it",
            expected=f"{stem}.safetensors",
            way_out="fetch the safetensors files of the same model",
        )
    if any(place.glob(f"{stem}*-of-*.safetensors")):
        raise ModelError(where, found="weights in several pieces", expected=f"{stem}.safetensors in one piece")
    raise ModelError(where, found="no weights", expected=f"{stem}.safetensors")


def config_of(path: Path) -> dict[str, object]:
    """Return the JSON table at `path`.

    Raises:
        ModelError: it cannot be read or is no table.
    """
    where = shown(str(path))
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ModelError(where, found=f"{path.stat().st_size:,} bytes", expected="a config of a few KB")
        table = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(where, found=f"cannot be read ({error.strerror})", expected="a diffusers config") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(where, found="is no JSON", expected="a diffusers config") from error
    if not isinstance(table, dict):
        raise ModelError(where, found="is no table", expected="a diffusers config")
    return table
