"""How a tagger's model takes pictures: read from the model, and from what lies beside it, never from its name."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from trainer.errors import ModelError
from trainer.regular_file import read_regular
from trainer.tagger.onnx_outline import OnnxOutline, OutlinedValue
from trainer.tagger.record import Channels, InputRules, Layout
from trainer.text import printable

_Colours = tuple[float, float, float]

_KINDS: Mapping[int, Literal["float32", "float16", "uint8"]] = {1: "float32", 10: "float16", 2: "uint8"}
_MAX_SIDE = 4096
_MAX_BATCH = 256
_MAX_CONFIG = 2**20
# A model that makes numbers of about 1 out of 255 divides by more than this in all.
_SCALES_ITSELF = 30.0
# What may stand between the input and the first operation that mixes pixels.
_PASSING = {
    *("Identity", "Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Split", "Concat", "Gather"),
    *("Slice", "Pad", "Resize", "Clip", "DequantizeLinear", "ReverseSequence"),
}
_MAX_COLOUR = 1000
_HALF: _Colours = (0.5, 0.5, 0.5)


def input_rules(model: Path, outline: OnnxOutline) -> InputRules:
    """Return how a model takes pictures.

    The size and the order of the axes are those of its input. Values from 0 to 255 in the order BGR go into a model with the colours
    last, as WD taggers have it. Into one with the colours first go values that were normalized by the mean and the deviation in
    `preprocess.json` or `config.json` beside it (as timm and its exports write them), in the order RGB; where the model itself
    divides by so much that it must mean 0 to 255, these go in.

    Args:
        model: the ONNX file.
        outline: of it.

    Raises:
        ModelError: it takes no pictures, or does not say how large.
    """
    value = _picture_input(model, outline.inputs)
    layout, width, height, batch = _shape(model, value)
    kind = _KINDS[value.kind]
    size = f"{layout}, {width}×{height}: the shape of its input"
    scale = _own_scale(outline, value.name)
    if layout == "NHWC" or kind == "uint8" or scale >= _SCALES_ITSELF:
        own = f"the model itself divides by {scale:.4g}"
        why = own if scale >= _SCALES_ITSELF else f"{layout} of {kind}, as WD taggers have it"
        channels: Channels = "BGR" if layout == "NHWC" else "RGB"
        return InputRules(
            value.name, layout, width, height, batch, kind, channels, reasons=(size, f"{channels}, 0 to 255: {why}")
        )
    found = _normalization(model.parent)
    mean, deviation, source = found or (_HALF, _HALF, "")
    means = f"mean {_numbers(mean)}, deviation {_numbers(deviation)}"
    why = f"from {source}" if source else "nothing beside the model says otherwise (config.json, preprocess.json)"
    return InputRules(
        value.name, layout, width, height, batch, kind, "RGB", mean, deviation, (size, f"RGB, {means}: {why}")
    )


def _picture_input(model: Path, inputs: Sequence[OutlinedValue]) -> OutlinedValue:
    pictures = [each for each in inputs if len(each.shape) == 4 and each.kind in _KINDS]
    if len(inputs) != 1 or not pictures:
        listed = "; ".join(_listed(each) for each in inputs[:4]) or "none"
        raise ModelError(
            printable(str(model)),
            found=f"the inputs {listed}",
            expected="one input of pictures: four axes of float32, float16 or uint8",
            way_out="name a tagger's model",
        )
    return pictures[0]


def _listed(value: OutlinedValue) -> str:
    axes = "×".join("?" if size is None else str(size) for size in value.shape)
    return f"{printable(value.name, 30)} ({axes or 'no shape'})"


def _shape(model: Path, value: OutlinedValue) -> tuple[Layout, int, int, int | None]:
    batch, *rest = value.shape
    layout: Layout
    if rest[2] == 3 and rest[0] != 3:
        layout, (height, width) = "NHWC", rest[:2]
    elif rest[0] == 3 and rest[2] != 3:
        layout, (height, width) = "NCHW", rest[1:]
    else:
        raise ModelError(
            printable(str(model)),
            found=f"the input {_listed(value)}",
            expected="three colours first or last",
            way_out="name a tagger's model",
        )
    if width is None or height is None or not (16 <= width <= _MAX_SIDE and 16 <= height <= _MAX_SIDE):
        width, height = _side_beside(model.parent) if width is None and height is None else (None, None)
    if width is None or height is None or (batch is not None and batch > _MAX_BATCH):
        raise ModelError(
            printable(str(model)),
            found=f"the input {_listed(value)}",
            expected=f"sides of 16 to {_MAX_SIDE} px, in the model or as input_size in config.json beside it",
            way_out="export it with a fixed size",
        )
    return layout, width, height, batch


def _own_scale(outline: OnnxOutline, name: str) -> float:
    """Return by how much the model divides its input before it mixes pixels; 1 where it does not."""
    numbers = dict(outline.constants)
    scale = 1.0
    readers: dict[str, list[int]] = {}
    for place, node in enumerate(outline.nodes):
        if node.operation == "Constant" and node.numbers and node.outputs:
            numbers[node.outputs[0]] = node.numbers
        for each in node.inputs:
            readers.setdefault(each, []).append(place)
    for _ in range(64):
        places = readers.get(name, [])
        if not places:
            break
        node = outline.nodes[places[0]]
        if node.operation in ("Mul", "Div", "Sub", "Add") and len(node.inputs) == 2:
            other = numbers.get(node.inputs[1] if node.inputs[0] == name else node.inputs[0])
            if other is None:
                break
            factor = sum(map(abs, other)) / len(other) if other else 1.0
            if node.operation == "Div" and node.inputs[0] == name:
                scale *= factor or 1.0
            elif node.operation == "Mul":
                scale /= factor or 1.0
        elif node.operation not in _PASSING:
            break
        if not node.outputs:
            break
        name = node.outputs[0]
    return scale


def _normalization(folder: Path) -> tuple[_Colours, _Colours, str] | None:
    """Return the mean and the deviation that the files beside a model name, and the file; None where none does."""
    for name in ("preprocess.json", "preprocessor_config.json", "config.json"):
        for part in _objects(_json(folder / name)):
            mean = _colours(part.get("mean", part.get("image_mean")))
            deviation = _colours(part.get("std", part.get("image_std")))
            if mean is not None and deviation is not None and min(deviation) > 0:
                return mean, deviation, name
    return None


def _side_beside(folder: Path) -> tuple[int, int] | tuple[None, None]:
    """Return width and height that `config.json` names as timm does: [colours, height, width]."""
    for part in _objects(_json(folder / "config.json")):
        size = part.get("input_size")
        if isinstance(size, list) and len(size) == 3 and all(isinstance(each, int) for each in size):
            height, width = size[1:]
            if 16 <= width <= _MAX_SIDE and 16 <= height <= _MAX_SIDE:
                return width, height
    return None, None


def _json(path: Path) -> object:
    try:
        return json.loads(read_regular(path, _MAX_CONFIG))
    except (OSError, ValueError, RecursionError):
        # What is beside a model need not be there, nor be for us.
        return None


def _objects(value: object, depth: int = 0) -> Iterator[dict[str, object]]:
    """Yield the objects in a JSON value, the outer ones first."""
    if depth > 6:
        return
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value[:64]:
            yield from _objects(inner, depth + 1)


def _colours(value: object) -> _Colours | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    # Means and deviations of values from 0 to 1; what JSON calls a number may be too large for one.
    if not all(isinstance(each, int | float) and -_MAX_COLOUR <= each <= _MAX_COLOUR for each in value):
        return None
    return float(value[0]), float(value[1]), float(value[2])


def _numbers(values: Sequence[float]) -> str:
    return "/".join(f"{value:g}" for value in values)
