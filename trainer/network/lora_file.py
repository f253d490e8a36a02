"""LoRA files in kohya's format: written atomically, and put on a model or into a network of layers."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor, nn

from trainer.atomic_file import write_atomically
from trainer.errors import ModelError, WorkspaceError
from trainer.models.kohya_names import ModuleNames
from trainer.models.lora_fit import check_names
from trainer.models.lora_header import ALPHA, DOWN, UP, check_scale, read_lora_header
from trainer.network.dropout import Dropouts
from trainer.network.injection import LayerRules, LoraBase, LoraNetwork, module_names, targets, wanted_parts
from trainer.network.lora import LoraLayer
from trainer.network.lora_content import LoraFile, load_lora
from trainer.settings.parts import Family, Part, parts_of
from trainer.text import printable

SavePrecision = Literal["float", "fp16", "bf16"]
_DTYPES: dict[SavePrecision, torch.dtype] = {"float": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def type_of(precision: SavePrecision) -> torch.dtype:
    """Return the type of all tensors in a file of that precision."""
    return _DTYPES[precision]


def save_lora(network: LoraNetwork, path: Path, *, precision: SavePrecision, metadata: Mapping[str, str]) -> int:
    """Write the network to `path` in kohya's format and return the file's size in bytes.

    `sshs_model_hash` and `sshs_legacy_hash` are added. The file is written atomically.

    Args:
        network: the layers.
        path: ends in `.safetensors`.
        precision: type of all tensors, alpha included.
        metadata: texts for the header; see network.metadata.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    dtype = type_of(precision)
    tensors: dict[str, Tensor] = {}
    for layer in network:
        tensors[layer.name + DOWN] = _cpu_copy(layer.down, dtype)
        tensors[layer.name + UP] = _cpu_copy(layer.up, dtype)
        tensors[layer.name + ALPHA] = torch.tensor(layer.alpha, dtype=dtype)
    content = safetensors.torch.save(tensors, {**metadata, **_hashes(tensors, metadata)})
    try:
        write_atomically(path, content)
    except OSError as error:
        raise WorkspaceError(
            printable(str(path)),
            found=f"cannot be written ({error.strerror})",
            way_out="fix the folder's permissions or free some space",
        ) from error
    return len(content)


def read_into(network: LoraNetwork, path: Path) -> None:
    """Copy a file's weights into a network of the same modules and ranks, in place.

    Raises:
        ModelError: file and network differ.
    """
    copy_weights(network, load_lora(path).plain().named_for(_names_in(network)))


def copy_weights(network: LoraNetwork, file: LoraFile) -> None:
    """Copy weights that were read before into a network of the same modules and ranks, in place.

    Args:
        network: the layers.
        file: its modules named for the network's family.

    Raises:
        ModelError: file and network differ.
    """
    layers = {layer.name: layer for layer in network}
    check_modules(file, set(layers), "the network", network.family)
    missing = sorted(set(layers) - set(file.modules))
    if missing:
        raise ModelError(
            printable(str(file.path)), found=f"no weights for {missing[0]}", expected="every module of the network"
        )
    for layer in layers.values():
        _copy_layer(layer, file)


def network_from_file(model: LoraBase, path: Path) -> LoraNetwork:
    """Put the LoRA of a file on a model, with each module's own rank and alpha; parts the file lacks get no layers.

    Raises:
        ModelError: the file is for another architecture.
    """
    return network_of(model, load_lora(path).plain().named_for(module_names(model)))


def network_of(model: LoraBase, file: LoraFile) -> LoraNetwork:
    """Put a LoRA that was read before on a model; see network_from_file.

    Args:
        model: loaded base.
        file: its modules named for the model's family.

    Raises:
        ModelError: the file is for another architecture.
    """
    return _network(model, file, parts_of(model.family), None)


def network_like_file(model: LoraBase, path: Path, rules: LayerRules, parts: Collection[Part]) -> LoraNetwork:
    """Put the LoRA of a file on a model to train it on (sd-scripts: network_weights with dim_from_weights).

    Args:
        model: loaded base.
        path: gives the layers, the rank and alpha of each, and the weights they start with.
        rules: gives the dropouts.
        parts: which parts get layers, as far as the file has them.

    Raises:
        ModelError: the file is for another architecture, or has no layer of `parts`.
        SettingsError: no part is wanted.
    """
    file = load_lora(path).plain().named_for(module_names(model))
    network = _network(model, file, wanted_parts(model, parts), rules.dropouts())
    if not len(network):
        raise ModelError(printable(str(path)), found="no layer of the parts to train", expected="at least one")
    return network


def warm_start(network: LoraNetwork, path: Path, names: ModuleNames | None = None) -> list[str]:
    """Start a network from a file's weights, as far as both have them (sd-scripts: network_weights).

    Args:
        network: as injected; layers that the file lacks keep their start values.
        path: a LoRA file; modules that the network lacks are left out.
        names: of all modules of the base, which a file that numbers its layers needs; None for those of the network.

    Returns:
        A line for each of the two kinds of gap, and for embeddings in the file; none where file and network agree.

    Raises:
        ModelError: they have no module in common, or one of other shapes, rank or alpha.
    """
    file = load_lora(path).plain().named_for(names or _names_in(network))
    layers = {layer.name: layer for layer in network}
    modules = file.modules
    shared = [name for name in modules if name in layers]
    if not shared:
        check_modules(file, set(layers), "the network", network.family)
    for name in shared:
        layer = layers[name]
        check_scale(path, name, (file.rank(name), file.alpha(name)), (layer.rank, layer.alpha))
    for name in shared:
        _copy_layer(layers[name], file, keep_alpha=True)
    unused = [name for name in modules if name not in layers]
    untouched = [name for name in layers if name not in shared]
    lines = []
    if unused:
        lines.append(
            f"{len(unused)} of {len(modules)} modules of {printable(path.name)} have no layer here and are ignored, "
            f"for example {printable(unused[0], 80)}"
        )
    if untouched:
        lines.append(
            f"{len(untouched)} of {len(layers)} layers have no weights in {printable(path.name)} and start from zero, "
            f"for example {untouched[0]}"
        )
    lines += read_lora_header(path).unread()
    return lines


def _network(model: LoraBase, file: LoraFile, parts: Collection[Part], dropouts: Dropouts | None) -> LoraNetwork:
    places = {part: targets(model, part, "all") for part in parts_of(model.family)}
    check_modules(file, {name for part in places.values() for name in part}, "the base", model.family)
    modules = set(file.modules)
    layers: dict[Part, list[LoraLayer]] = {}
    for part in parts:
        layers[part] = [
            layer_of(file, name, target, dropouts) for name, target in places[part].items() if name in modules
        ]
    return LoraNetwork(model.family, layers, dropouts)


def layer_of(file: LoraFile, name: str, target: nn.Linear | nn.Conv2d, dropouts: Dropouts | None = None) -> LoraLayer:
    """Return the plain layer that a file has for a module, not attached.

    Args:
        file: its modules named for the model's family.
        name: the module's.
        target: the layer of the base.
        dropouts: those of a network that trains.

    Raises:
        ModelError: it was made for a module of other sides.
    """
    layer = LoraLayer(name, target, file.rank(name), file.alpha(name), dropouts)
    _copy_layer(layer, file)
    return layer


def _copy_layer(layer: LoraLayer, file: LoraFile, *, keep_alpha: bool = False) -> None:
    """Copy one module's weights, and its alpha unless the layer is to keep its own."""
    down, up = file.tensors[layer.name + DOWN], file.tensors[layer.name + UP]
    if _without_point_kernel(down.shape) != _without_point_kernel(layer.down.shape) or _without_point_kernel(
        up.shape
    ) != _without_point_kernel(layer.up.shape):
        raise ModelError(
            printable(str(file.path)),
            found=f"{layer.name} has shapes {list(down.shape)} and {list(up.shape)}",
            expected=f"{list(layer.down.shape)} and {list(layer.up.shape)}",
            way_out="it was made for another base or another rank",
        )
    if not keep_alpha:
        layer.alpha = file.alpha(layer.name)
    with torch.no_grad():
        layer.down.copy_(down.reshape(layer.down.shape))
        layer.up.copy_(up.reshape(layer.up.shape))


def _without_point_kernel(shape: torch.Size) -> tuple[int, ...]:
    """Return the shape without a 1x1 kernel: some tools write the layer on a 1x1 convolution as a matrix, or the other way round."""
    return tuple(shape[:2]) if shape[2:] == (1, 1) else tuple(shape)


def _names_in(network: LoraNetwork) -> ModuleNames:
    return ModuleNames(network.family, (layer.name for layer in network))


def check_modules(file: LoraFile, known: Collection[str], whose: str, family: Family) -> None:
    """See that a file changes no module that is not there.

    Args:
        file: its modules named for the family.
        known: the modules there are.
        whose: what has them, in words.
        family: the architecture.

    Raises:
        ModelError: it does.
    """
    check_names(file.path, file.modules, known, family, whose)


def _cpu_copy(weight: Tensor, dtype: torch.dtype) -> Tensor:
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
