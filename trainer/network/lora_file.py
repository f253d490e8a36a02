"""The LoRA file in kohya's form: written whole or not at all, read from any tool that writes the form."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor

from trainer.errors import ModelError, WorkspaceError
from trainer.foreign_text import shown
from trainer.models.kohya_names import PARTS, Part, part_of
from trainer.models.safetensors_header import read_header
from trainer.network.injection import LoraBase, LoraNetwork, targets
from trainer.network.lora import LoraLayer
from trainer.whole_file import write_whole

SavePrecision = Literal["float", "fp16", "bf16"]
_DTYPES: dict[SavePrecision, torch.dtype] = {"float": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

_DOWN, _UP, _ALPHA = ".lora_down.weight", ".lora_up.weight", ".alpha"


@dataclass(frozen=True)
class LoraFile:
    """What a LoRA file holds: tensors by kohya's keys, and the metadata texts."""

    path: Path
    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @property
    def modules(self) -> list[str]:
        """Names of the modules it changes, sorted."""
        return sorted(key.removesuffix(_DOWN) for key in self.tensors if key.endswith(_DOWN))

    def alpha(self, module: str) -> float:
        """Return the module's alpha; a missing or zero one is the rank (sd-scripts: networks.lora)."""
        tensor = self.tensors.get(module + _ALPHA)
        # sd-scripts writes alpha as int64 where save_precision was not given.
        return (float(tensor) if tensor is not None else 0.0) or float(self.tensors[module + _DOWN].shape[0])


def save_lora(network: LoraNetwork, path: Path, *, precision: SavePrecision, metadata: Mapping[str, str]) -> int:
    """Write the network to `path` in kohya's form and return the file's size in bytes.

    `sshs_model_hash` and `sshs_legacy_hash` are added. The file appears whole: written beside, synced, renamed.

    Args:
        network: the layers.
        path: ends in `.safetensors`.
        precision: type of all tensors, alpha included.
        metadata: texts for the header; see network.metadata.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    dtype = _DTYPES[precision]
    tensors: dict[str, Tensor] = {}
    for layer in network:
        tensors[layer.name + _DOWN] = _resting(layer.down, dtype)
        tensors[layer.name + _UP] = _resting(layer.up, dtype)
        tensors[layer.name + _ALPHA] = torch.tensor(layer.alpha, dtype=dtype)
    content = safetensors.torch.save(tensors, {**metadata, **_hashes(tensors, metadata)})
    try:
        write_whole(path, content)
    except OSError as error:
        raise WorkspaceError(
            shown(str(path)),
            found=f"cannot be written ({error.strerror})",
            way_out="mend the folder or free some space",
        ) from error
    return len(content)


def load_lora(path: Path) -> LoraFile:
    """Read a LoRA file to the CPU.

    Raises:
        ModelError: it is no whole safetensors file, or no SD1.x LoRA in kohya's form.
    """
    header = read_header(path)
    modules = [name.removesuffix(_DOWN) for name in header.shapes if name.endswith(_DOWN)]
    if not modules:
        raise ModelError(shown(str(path)), found="no LoRA in kohya's form", expected="keys such as …lora_down.weight")
    for module in modules:
        up, down = header.shapes.get(module + _UP, ()), header.shapes[module + _DOWN]
        alpha = header.shapes.get(module + _ALPHA, ())
        if len(up) not in (2, 4) or len(up) != len(down) or up[1] != down[0] or down[0] == 0 or alpha != ():
            raise ModelError(
                shown(str(path)),
                found=f"module {shown(module, 80)} has down {down}, up {up}, alpha {alpha}",
                expected="[rank, in], [out, rank] and a scalar",
            )
    return LoraFile(path, safetensors.torch.load_file(path), header.metadata)


def read_into(network: LoraNetwork, path: Path) -> None:
    """Copy a file's weights into a network of the same modules and ranks, in place.

    Raises:
        ModelError: file and network differ.
    """
    file = load_lora(path)
    layers = {layer.name: layer for layer in network}
    _check_modules(file, set(layers), "the network")
    missing = sorted(set(layers) - set(file.modules))
    if missing:
        raise ModelError(shown(str(path)), found=f"no weights for {missing[0]}", expected="every module of the network")
    for layer in layers.values():
        _fill(layer, file)


def network_from_file(model: LoraBase, path: Path) -> LoraNetwork:
    """Put the LoRA of a file on a model, with each module's own rank and alpha; parts the file lacks get no layers.

    Raises:
        ModelError: the file is for another architecture.
    """
    file = load_lora(path)
    places = {part: targets(model, part) for part in PARTS}
    _check_modules(file, {name for part in places.values() for name in part}, "the base")
    layers: dict[Part, list[LoraLayer]] = {part: [] for part in PARTS}
    for part, modules in places.items():
        for name, target in modules.items():
            if name + _DOWN in file.tensors:
                layer = LoraLayer(name, target, file.tensors[name + _DOWN].shape[0], file.alpha(name))
                _fill(layer, file)
                layers[part].append(layer)
    return LoraNetwork(layers)


def _fill(layer: LoraLayer, file: LoraFile) -> None:
    down, up = file.tensors[layer.name + _DOWN], file.tensors[layer.name + _UP]
    if down.shape != layer.down.shape or up.shape != layer.up.shape:
        raise ModelError(
            shown(str(file.path)),
            found=f"{layer.name} has shapes {list(down.shape)} and {list(up.shape)}",
            expected=f"{list(layer.down.shape)} and {list(layer.up.shape)}",
            way_out="it was made for another base or another rank",
        )
    layer.alpha = file.alpha(layer.name)
    with torch.no_grad():
        layer.down.copy_(down)
        layer.up.copy_(up)


def _check_modules(file: LoraFile, known: set[str], whose: str) -> None:
    strange = [name for name in file.modules if name not in known]
    if strange:
        kind = "module" if part_of(strange[0]) else "architecture"
        raise ModelError(
            shown(str(file.path)),
            found=f"{len(strange)} of {len(file.modules)} modules are none of {whose}, {shown(strange[0], 80)} first",
            expected=f"a LoRA for this {kind}",
        )


def _resting(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a copy on the CPU; channels-last memory, as a convolution may have, is not what the file format stores."""
    return weight.detach().to("cpu", dtype, copy=True).contiguous()


def _hashes(tensors: dict[str, Tensor], metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the two hashes that tools find a LoRA by (sd-scripts: precalculate_safetensors_hashes).

    Both are taken of a file with the ss_* metadata only, so that a title added later does not change them.
    """
    content = safetensors.torch.save(tensors, {key: text for key, text in metadata.items() if key.startswith("ss_")})
    body = 8 + int.from_bytes(content[:8], "little")
    return {
        "sshs_model_hash": hashlib.sha256(memoryview(content)[body:]).hexdigest(),
        "sshs_legacy_hash": hashlib.sha256(content[0x100000 : 0x100000 + 0x10000]).hexdigest()[:8],
    }
