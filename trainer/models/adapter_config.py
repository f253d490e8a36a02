"""Alphas that PEFT and diffusers keep beside the weights of a LoRA instead of as tensors; free of torch."""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.errors import ModelError
from trainer.models.layer_pattern import layer_pattern
from trainer.regular_file import read_regular
from trainer.text import printable

# diffusers writes PEFT's config into the file's own metadata, with the part before each name where there are several.
_METADATA = "lora_adapter_metadata"
# PEFT writes it beside a file of this name.
_FILE, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_FILE_OF_DIFFUSERS = "pytorch_lora_weights.safetensors"
# The configs are a few KB; a larger file is not one.
_MAX_CONFIG_BYTES = 2**20


_FACTOR = re.compile(r"\.(?:lora|hada_|lokr_).*")

# Starts of PEFT that change the base's weights too: a file without those is no change to the base that it names.
_CHANGED_BASES = ("pissa", "olora", "corda", "loftq", "lora_ga")


@dataclass(frozen=True)
class AdapterScales:
    """What a config says of the alphas of a file's layers.

    Attributes:
        parts: what the keys of a part begin with, "" for all -> its config.
    """

    parts: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def alpha(self, key: str, rank: int) -> float:
        """Return the alpha of the layer that a key of the file belongs to; the rank where nothing is said (diffusers, ComfyUI).

        Args:
            key: of a factor.
            rank: of the layer.
        """
        config, path = self._config_of(key)
        # PEFT's word for a LoHa or a LoKr, which have no rsLoRA, is the shorter one.
        found = _of_layer(config, "lora_alpha", "alpha_pattern", path)
        if found is None:
            found = _of_layer(config, "alpha", "alpha_pattern", path)
        if found is None:
            return float(rank)
        # rsLoRA divides by the root of the rank (Kalajdzievski 2023).
        return found * math.sqrt(rank) if config.get("use_rslora") is True else found

    def scale_by_config(self, key: str) -> float | None:
        """Return alpha / rank of a layer whose tensors do not show its rank, both from the config; None where it is not said.

        Args:
            key: of a factor.
        """
        config, path = self._config_of(key)
        alpha, rank = _of_layer(config, "alpha", "alpha_pattern", path), _of_layer(config, "r", "rank_pattern", path)
        return alpha / rank if alpha is not None and rank else None

    def _config_of(self, key: str) -> tuple[Mapping[str, object], str]:
        """Return the config that a key falls under, and its layer's path as the patterns there have it."""
        start, config = next(
            ((start, config) for start, config in self.parts.items() if key.startswith(start)), ("", {})
        )
        return config, _FACTOR.sub("", key.removeprefix(start).removeprefix("base_model.model."))


def lora_file(path: Path) -> Path:
    """Return the LoRA file that a path means: of a folder of PEFT or diffusers the file in it, of anything else the path itself."""
    if os.path.isdir(path):
        return next((path / name for name in (_FILE, _FILE_OF_DIFFUSERS) if os.path.isfile(path / name)), path)
    return path


def lora_name(path: Path) -> str:
    """Return what a LoRA file is called: its stem, or its folder's name where PEFT and diffusers call every file the same."""
    return path.parent.name or path.stem if path.name in (_FILE, _FILE_OF_DIFFUSERS) else path.stem


def scales_of(path: Path, metadata: Mapping[str, str]) -> AdapterScales:
    """Return what a LoRA file, or the config beside it, says of its alphas; nothing where it says nothing.

    Args:
        path: the file.
        metadata: its texts.

    Raises:
        ModelError: the config is none or has an alpha that is no number, so that the strength of the LoRA is not known; or it names
            layers by a pattern that is not understood, or a base that was changed too.
    """
    scales = _scales(path, metadata)
    for config in scales.parts.values():
        _check_config(path, config)
    return scales


def _scales(path: Path, metadata: Mapping[str, str]) -> AdapterScales:
    own = _table(metadata[_METADATA], path, f"its metadata's {_METADATA}") if metadata.get(_METADATA) else {}
    if own:
        starts = dict.fromkeys(name.rpartition(".")[0] for name in own if name.endswith(("lora_alpha", ".r")))
        return AdapterScales(
            {
                f"{start}." if start else "": {
                    name.removeprefix(f"{start}.") if start else name: value
                    for name, value in own.items()
                    if name.startswith(f"{start}." if start else "")
                }
                for start in starts
            }
        )
    beside = config_beside(path)
    if beside is None:
        return AdapterScales()
    try:
        text = read_regular(beside, _MAX_CONFIG_BYTES).decode("utf-8")
    except (OSError, ValueError):
        text = ""
    return AdapterScales({"": _table(text, beside, "its content")})


def config_beside(path: Path) -> Path | None:
    """Return the config that PEFT wrote beside a LoRA file, None where there is none."""
    beside = path.with_name(_CONFIG)
    return beside if path.name == _FILE and beside.is_file() else None


def _table(text: str, path: Path, what: str) -> dict[str, object]:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise ModelError(
            printable(str(path)),
            found=f"{what}: not a table in JSON",
            expected="PEFT's config, which says how strong the LoRA is",
            way_out="take it from the program that made it; where alpha is the rank, {} will do",
        )
    return table


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _of_layer(config: Mapping[str, object], name: str, patterns: str, path: str) -> float | None:
    """Return a number of a config for the layer at `path`: its own by a pattern, else that of all."""
    found = _number(config.get(name))
    table = config.get(patterns)
    if isinstance(table, dict):
        own = next((value for pattern, value in table.items() if _names(str(pattern), path)), None)
        found = _number(own) if own is not None else found
    return found


def _check_config(path: Path, config: Mapping[str, object]) -> None:
    start = config.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(_CHANGED_BASES):
        raise ModelError(
            printable(str(path)),
            found=f"it started as {printable(start, 40)}, which changes the base's own weights as well",
            expected="a LoRA that is all of the change",
            way_out="save it with PEFT's path_initial_model_for_weight_conversion, which makes it one",
        )
    for name in ("lora_alpha", "alpha", "alpha_pattern"):
        value = config.get(name)
        for each in value.values() if isinstance(value, dict) and name == "alpha_pattern" else (value,):
            if each is not None and _number(each) is None:
                raise ModelError(
                    printable(str(path)),
                    found=f"{name} {printable(json.dumps(each), 40)} in its config",
                    expected="a number",
                    way_out="write the alpha that it was trained with",
                )
    # The rank of every other layer is seen in its shapes.
    for name in ("alpha_pattern", "rank_pattern") if config.get("peft_type") == "LOKR" else ("alpha_pattern",):
        patterns = config.get(name)
        for pattern in patterns if isinstance(patterns, dict) else ():
            if layer_pattern(str(pattern)) is None:
                raise ModelError(
                    printable(str(path)),
                    found=f"{name} {printable(str(pattern), 80)}, which is not understood",
                    expected="names of layers, with at most `.`, `*`, `+`, `?`, `\\d`, `[…]` and `(a|b)` as patterns",
                    way_out="write these layers by their names in its config",
                )


def _names(pattern: str, path: str) -> bool:
    compiled = layer_pattern(pattern)
    return compiled is not None and compiled.fits(path)
