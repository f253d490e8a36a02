"""The layout of a diffusers folder: weights files by component, configs as tables; free of torch."""

import json
import re
from pathlib import Path

from trainer.errors import ModelError
from trainer.regular_file import read_regular
from trainer.text import printable

Component = str
"""A part of a base that has weights, by the name of its folder: `unet`, `text_encoder`, `vae`."""

# The configs are a few KB; a larger file is not one.
_MAX_CONFIG_BYTES = 2**20
# SDXL's U-Net in fp32 comes in two.
_MAX_SHARDS = 1000


def weights_files(place: Path, component: Component) -> list[Path]:
    """Return the safetensors files of a component, several where it was saved in shards; full ones are preferred to their fp16 variant.

    Args:
        place: the component's own folder.
        component: which one it is.

    Raises:
        ModelError: there is none, only a pickle, or a shard is missing.
    """
    # Text encoders are transformers' modules, all others diffusers'.
    stem = "model" if component.startswith("text_encoder") else "diffusion_pytorch_model"
    for variant in ("", ".fp16"):
        if (path := place / f"{stem}{variant}.safetensors").is_file():
            return [path]
        if shards := _shards(place, stem, variant):
            return shards
    where = printable(str(place))
    if any(place.glob("*.bin")) or any(place.glob("*.ckpt")):
        raise ModelError(
            where,
            found="only pickle weights (.bin); loading one runs the code in it",
            expected=f"{stem}.safetensors",
            way_out="download the safetensors files of the same model",
        )
    raise ModelError(where, found="no weights", expected=f"{stem}.safetensors")


def _shards(place: Path, stem: str, variant: str) -> list[Path]:
    """Return the shards `stem-00001-of-00002.safetensors` … in their order; none where there is no such file.

    Raises:
        ModelError: one of them is missing.
    """
    # The variant's word has stood in either place.
    pattern = re.compile(rf"{re.escape(stem + variant)}-(\d+)-of-(\d+)\.safetensors")
    if variant:
        pattern = re.compile(rf"{pattern.pattern}|{re.escape(stem)}-(\d+)-of-(\d+){re.escape(variant)}\.safetensors")
    found: dict[int, Path] = {}
    count = 0
    for path in sorted(place.glob(f"{stem}*-of-*.safetensors")):
        if match := pattern.fullmatch(path.name):
            number, total = (int(text) for text in match.groups() if text is not None)
            found[number], count = path, min(max(count, total), _MAX_SHARDS)
    missing = [number for number in range(1, count + 1) if number not in found]
    if missing:
        raise ModelError(
            printable(str(place)),
            found=f"shard {missing[0]} of {count} is missing beside {printable(next(iter(found.values())).name, 80)}",
            expected="all shards of the model",
            way_out="download the missing file into this folder",
        )
    return [path for _, path in sorted(found.items())]


def config_of(path: Path) -> dict[str, object]:
    """Return the JSON table at `path`.

    Raises:
        ModelError: it cannot be read or is no table.
    """
    where = printable(str(path))
    try:
        table = json.loads(read_regular(path, _MAX_CONFIG_BYTES))
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
