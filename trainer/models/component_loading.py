"""Loading of one component: its module built empty, then filled weight by weight in the type asked for."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trainer.errors import ModelError
from trainer.file_mark import FileMark, mark_of
from trainer.lean.eight_bit import EightBit, make_eight_bit
from trainer.lean.quantized import Kind
from trainer.models.base_model import TYPE_NAMES
from trainer.models.component_weights import Weights
from trainer.models.tensor_file import TensorFile
from trainer.models.weight_slice import WeightSlice
from trainer.settings.parts import Part
from trainer.text import printable

# Numbers of a weight that are rounded to 8 bits at once, 16 MiB in fp32: a few such are all that loading takes beside the weights.
_ROUNDED_AT_ONCE = 2**22


def _no_buffers(module: nn.Module) -> Collection[str]:
    return ()


def _as_it_is(name: str) -> str:
    return name


@dataclass(frozen=True)
class ComponentKind:
    """What is special about a component's modules.

    Attributes:
        own_name: a module's own name of a weight -> that in `Weights.slices`.
        set_buffers: gives the buffers that are in no file their values, and returns their names.
        part: whose layers may be held in 8 bits; "" for none.
    """

    own_name: Callable[[str], str] = _as_it_is
    set_buffers: Callable[[nn.Module], Collection[str]] = _no_buffers
    part: Part = ""


PLAIN = ComponentKind()
"""All that a component has is in its file."""


def empty_module(build: Callable[[], Any], weights: Weights, name: str, expected: str) -> Any:
    """Return a module built from its config, all shapes and no numbers.

    Args:
        build: makes it.
        weights: of the component, for the error.
        name: what the component is called there.
        expected: the config that it should have, in words.

    Raises:
        ModelError: the libraries cannot use its config.
    """
    try:
        with torch.device("meta"):
            return build()
    # The libraries raise what they like at a config they cannot use.
    except Exception as error:
        reason = printable(" ".join(str(error).split()), 300)
        raise ModelError(
            printable(str(weights.path)), found=f"its {name} cannot be built: {reason}", expected=expected
        ) from error


def shaped(
    module: Any,
    weights: Weights,
    kind: ComponentKind,
    dtype: torch.dtype,
    quantized: Kind | None = None,
) -> dict[str, str]:
    """Freeze a component on the meta device in the types that it will have, and return its own name of each weight -> ours.

    Args:
        module: from empty_module.
        weights: of the component.
        kind: what is special about it.
        dtype: type of its weights.
        quantized: in which 8 bits its large weights are held; None for `dtype`.

    Raises:
        ModelError: module and file have not the same weights.
    """
    names = _paired(module, weights, kind)
    if quantized and kind.part:
        make_eight_bit(module, kind.part, quantized)
    _set_types(module, dtype)
    module.requires_grad_(False)
    module.eval()
    return names


def _set_types(module: nn.Module, dtype: torch.dtype) -> None:
    """Give the weights a type; buffers keep theirs: those of rotary embeddings would lose the digits that far tokens need."""
    kept = [(each, dict(each._buffers)) for each in module.modules()]
    nn.Module.to(module, dtype=dtype)
    for each, buffers in kept:
        each._buffers.update(buffers)


def fill(
    module: nn.Module, names: Mapping[str, str], weights: Weights, kind: ComponentKind, device: torch.device | str
) -> None:
    """Read its weights into a component that has none.

    Args:
        module: on the meta device.
        names: its own names of weights -> ours.
        weights: where they lie.
        kind: what is special about the component.
        device: where it goes.

    Raises:
        ModelError: a file is cut off, or a weight is not finite.
    """
    # Nothing but room: not a number has been written yet.
    module.to_empty(device=device)
    given = kind.set_buffers(module)
    for name, _ in module.named_buffers():
        # The factors of a layer of 8 bits come with its weight.
        if name not in given and not name.endswith("factors"):
            raise AssertionError(f"{name} has no value")
    tensors = module.state_dict()
    eight_bit = {name: layer for name, layer in module.named_modules() if isinstance(layer, EightBit)}
    for path, header in weights.files.items():
        inside = [
            (own, weights.slices[name]) for own, name in names.items() if weights.slices[name].key in header.shapes
        ]
        with TensorFile(path, header) as file:
            # In the file's order, so that a disk reads on.
            for own, piece in sorted(inside, key=lambda pair: file.place(pair[1])):
                layer = eight_bit.get(own.removesuffix(".weight"))
                if layer is None:
                    file.read_into(tensors[own], piece)
                    _check_numbers(tensors[own], path, piece)
                else:
                    _round_into(layer, file, path, piece)


@dataclass(frozen=True)
class FileVae:
    """Where a VAE was read from, so that it can be let go and read again.

    Attributes:
        weights: where its weights lie.
        marks: of their files as they were when it was read.
    """

    weights: Weights
    marks: Mapping[Path, FileMark]

    @classmethod
    def of(cls, weights: Weights) -> "FileVae":
        """Return that of a VAE whose weights are about to be read.

        Raises:
            ModelError: a file is gone.
        """
        return cls(weights, _marks(weights))

    def read(self, vae: nn.Module) -> None:
        """Fill the VAE, on the meta device, with the weights that it had; on the CPU.

        Raises:
            ModelError: a file is gone, or another one than it was.
        """
        if _marks(self.weights) != self.marks:
            raise ModelError(
                printable(str(self.weights.path)),
                found="was replaced or written to since its VAE was read, which is needed again",
                expected="a model that stays as it is",
                way_out="put the file back, and leave it until bakes and grids are done",
            )
        fill(vae, _paired(vae, self.weights, PLAIN), self.weights, PLAIN, "cpu")

    def is_there(self) -> bool:
        """Return whether its files are as they were when it was read."""
        try:
            return _marks(self.weights) == self.marks
        except ModelError:
            return False


def _marks(weights: Weights) -> dict[Path, FileMark]:
    """Return the marks of a component's files.

    Raises:
        ModelError: one is gone.
    """
    try:
        return {path: mark_of(path) for path in weights.files}
    except OSError as error:
        raise ModelError(printable(str(weights.path)), found=f"cannot be read ({error.strerror})") from error


def _check_numbers(numbers: Tensor, path: Path, piece: WeightSlice) -> None:
    """See that a weight is finite, at the cost of one pass over it: the least and the largest are NaN where any number is.

    Raises:
        ModelError: it is not.
    """
    if not numbers.numel():
        return
    low, high = torch.aminmax(numbers)
    if not bool(torch.isfinite(low) & torch.isfinite(high)):
        word = "NaN" if bool(torch.isnan(low)) else f"infinity in {TYPE_NAMES.get(numbers.dtype, numbers.dtype)}"
        raise ModelError(
            printable(str(path)),
            found=f"the weight {printable(piece.key, 120)} holds {word}",
            expected="finite numbers only",
            way_out="download it again, or take another version of the model",
        )


def _round_into(layer: EightBit, file: TensorFile, path: Path, piece: WeightSlice) -> None:
    """Fill a layer of 8 bits, some rows after the others, so that its weight is nowhere whole in a wider type."""
    rows = piece.shape[0]
    # A turned weight lies in the file by its columns.
    at_once = rows if piece.turned else max(1, _ROUNDED_AT_ONCE // math.prod(piece.shape[1:]))
    for first in range(0, rows, at_once):
        shape = (min(at_once, rows - first), *piece.shape[1:])
        numbers = torch.empty(shape, dtype=torch.float32, device=layer.weight.device)
        file.read_into(numbers, replace(piece, shape=shape, first_row=piece.first_row + first))
        _check_numbers(numbers, path, piece)
        layer.set_rows(first, numbers)


def _paired(module: nn.Module, weights: Weights, kind: ComponentKind) -> dict[str, str]:
    """Return the module's name of each weight -> ours, after seeing that module and file have the same weights."""
    wanted = {kind.own_name(name): (name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()}
    pieces = weights.slices
    missing, extra = sorted(wanted.keys() - pieces.keys()), sorted(pieces.keys() - wanted.keys())
    if missing:
        raise _wrong(weights, f"{_count(missing)} missing, for example {printable(missing[0], 100)}")
    if extra:
        raise _wrong(
            weights, f"{_count(extra)} not known to this model, for example {printable(pieces[extra[0]].key, 100)}"
        )
    for name, (_, shape) in wanted.items():
        if pieces[name].shape != shape:
            raise _wrong(
                weights,
                f"{printable(pieces[name].key, 100)} has the shape {list(pieces[name].shape)} instead of {list(shape)}",
            )
    return {own: name for name, (own, _) in wanted.items()}


def _wrong(weights: Weights, found: str) -> ModelError:
    return ModelError(
        printable(str(weights.path)), found=found, expected="the complete model", way_out="download the file again"
    )


def _count(names: list[str]) -> str:
    return f"{len(names)} weight{'s are' if len(names) > 1 else ' is'}"
