"""The layout of a diffusers folder: weights files by component, configs as tables; free of torch."""

import json
from pathlib import Path

from trainer.errors import ModelError
from trainer.text import printable

Component = str
"""A part of a base that has weights, by the name of its folder: `unet`, `text_encoder`, `vae`."""

# The configs are a few KB; a larger file is not one.
_MAX_CONFIG_BYTES = 2**20


def weights_file(place: Path, component: Component) -> Path:
    """Return the safetensors file of a component; the full one is preferred to its fp16 variant.

    Args:
        place: the component's own folder.
        component: which one it is.

    Raises:
        ModelError: there is none, or only a pickle.
    """
    # Text encoders are transformers' modules, all others diffusers'.
    stem = "model" if component.startswith("text_encoder") else "diffusion_pytorch_model"
    for ending in ("safetensors", "fp16.safetensors"):
        if (path := place / f"{stem}.{ending}").is_file():
            return path
    where = printable(str(place))
    if any(place.glob("*.bin")) or any(place.glob("*.ckpt")):
        raise ModelError(
            where,
            found="only pickle weights (.bin); loading one runs the code in it",
            expected=f"{stem}.safetensors",
            way_out="download the safetensors files of the same model",
        )
    if any(place.glob(f"{stem}*-of-*.safetensors")):
        raise ModelError(where, found="weights in several files", expected=f"{stem}.safetensors in one file")
    raise ModelError(where, found="no weights", expected=f"{stem}.safetensors")


def config_of(path: Path) -> dict[str, object]:
    """Return the JSON table at `path`.

    Raises:
        ModelError: it cannot be read or is no table.
    """
    where = printable(str(path))
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ModelError(where, found=f"{path.stat().st_size:,} bytes", expected="a config of a few KB")
        table = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(where, found=f"cannot be read ({error.strerror})", expected="a diffusers config") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(where, found="not JSON", expected="a diffusers config") from error
    if not isinstance(table, dict):
        raise ModelError(where, found="not a table", expected="a diffusers config")
    return table


def check_tokenizer(folder: Path) -> None:
    """See that a tokenizer's files lie in `folder`.

    Raises:
        ModelError: they do not.
    """
    if not (folder / "tokenizer.json").is_file() and not (folder / "merges.txt").is_file():
        raise ModelError(
            printable(str(folder)), found="no tokenizer files", expected="tokenizer.json, or vocab.json and merges.txt"
        )
