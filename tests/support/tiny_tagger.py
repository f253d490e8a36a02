"""Taggers of a few weights with the interface of WD taggers, written byte by byte: the model says how blue, green and red a picture is."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TAGS = (("general", 9), ("blue_sky", 0), ("green_hair", 0), ("red_dress", 0), (">_<", 0), ("hifumi", 4))
"""Name and category of each output: the sky is blue where the picture is, and so on; the face and the character are never seen."""

# Blue, green, red -> the strength of each tag; in logits of about 8 for a colour that is there.
_COLOUR_OF = {"blue_sky": 0, "green_hair": 1, "red_dress": 2}
_STRENGTH = 16.0


@dataclass(frozen=True)
class TinyTagger:
    """What a tiny tagger is like.

    Attributes:
        layout: of its input.
        side: pixels.
        last: its last operation: Sigmoid for probabilities, Add for logits, Mul where only the values tell.
        batch: pictures at once, None for any number.
        divides: whether it divides by 255 itself, as WD taggers do.
        tags: name and category of each output.
        order: of the colours that it takes.
        external: name of a file beside it that its weights are in, "" for none.
        nan: whether its answers are no numbers.
    """

    layout: Literal["NHWC", "NCHW"] = "NHWC"
    side: int = 32
    last: Literal["Sigmoid", "Add", "Mul"] = "Sigmoid"
    batch: int | None = None
    divides: bool = True
    tags: Sequence[tuple[str, int]] = TAGS
    order: Literal["BGR", "RGB"] = "BGR"
    external: str = ""
    nan: bool = False


def write_tagger(folder: Path, tagger: TinyTagger = TinyTagger()) -> Path:
    """Write `model.onnx` and `selected_tags.csv` of a tagger; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model_bytes(tagger))
    if tagger.external.endswith(".bin") and "/" not in tagger.external:
        (folder / tagger.external).write_bytes(_weights(tagger))
    write_tags(folder / "selected_tags.csv", tagger.tags)
    return folder


def write_tags(path: Path, tags: Sequence[tuple[str, int]]) -> None:
    """Write the CSV file of a tagger."""
    rows = [f'{100 + number},"{name}",{category},{1000 - number}' for number, (name, category) in enumerate(tags)]
    path.write_text("\n".join(["tag_id,name,category,count", *rows]) + "\n", encoding="utf-8")


def model_bytes(tagger: TinyTagger) -> bytes:
    """Return the ONNX file of a tagger: the mean of each colour, times weights, plus a bias."""
    first = tagger.layout == "NCHW"
    axes = [2, 3] if first else [1, 2]
    shape = [tagger.batch, 3, tagger.side, tagger.side] if first else [tagger.batch, tagger.side, tagger.side, 3]
    nodes, start = [], "input"
    if tagger.divides:
        nodes.append(_node("Div", ["input", "scale"], ["scaled"]))
        start = "scaled"
    nodes += [
        _node("ReduceMean", [start], ["mean"], [_ints("axes", axes), _int("keepdims", 0)]),
        _node("MatMul", ["mean", "weights"], ["product"]),
        _node("Add", ["product", "bias"], ["logits" if tagger.last != "Add" else "output"]),
    ]
    if tagger.last == "Sigmoid":
        nodes.append(_node("Sigmoid", ["logits"], ["output"]))
    elif tagger.last == "Mul":
        nodes.append(_node("Mul", ["logits", "one"], ["output"]))
    count = len(tagger.tags)
    tensors = [
        _tensor("weights", [3, count], _weights(tagger), tagger.external),
        _tensor("bias", [count], struct.pack(f"<{count}f", *_bias(tagger))),
        _tensor("scale", [1], struct.pack("<f", 255.0)),
        _tensor("one", [1], struct.pack("<f", 1.0)),
    ]
    graph = b"".join(
        [
            *(_bytes(1, node) for node in nodes),
            _text(2, "tiny"),
            *(_bytes(5, tensor) for tensor in tensors),
            _bytes(11, _value("input", shape)),
            _bytes(12, _value("output", [tagger.batch, count])),
        ]
    )
    # IR 8, operations of version 13.
    return _number(1, 8) + _bytes(8, _text(1, "") + _number(2, 13)) + _bytes(7, graph)


def _weights(tagger: TinyTagger) -> bytes:
    # From means of 0 to 1, or of -1 to 1 where they were normalized by a half.
    factor = float("nan") if tagger.nan else _STRENGTH if tagger.divides else _STRENGTH / 2
    rows = []
    for place in range(3):
        colour = place if tagger.order == "BGR" else 2 - place
        rows += [factor if _COLOUR_OF.get(name) == colour else 0.0 for name, _ in tagger.tags]
    return struct.pack(f"<{len(rows)}f", *rows)


def _bias(tagger: TinyTagger) -> list[float]:
    seen = -_STRENGTH / 2 if tagger.divides else 0.0
    return [seen if name in _COLOUR_OF else -_STRENGTH / 2 for name, _ in tagger.tags]


def _node(operation: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Sequence[bytes] = ()) -> bytes:
    return b"".join(
        [
            *(_text(1, name) for name in inputs),
            *(_text(2, name) for name in outputs),
            _text(4, operation),
            *(_bytes(5, each) for each in attributes),
        ]
    )


def _ints(name: str, values: Sequence[int]) -> bytes:
    return _text(1, name) + b"".join(_number(8, value) for value in values) + _number(20, 7)


def _int(name: str, value: int) -> bytes:
    return _text(1, name) + _number(3, value) + _number(20, 2)


def _tensor(name: str, shape: Sequence[int], content: bytes, external: str = "") -> bytes:
    head = b"".join(_number(1, size) for size in shape) + _number(2, 1) + _text(8, name)
    if not external:
        return head + _bytes(9, content)
    return head + _bytes(13, _text(1, "location") + _text(2, external)) + _number(14, 1)


def _value(name: str, shape: Sequence[int | None]) -> bytes:
    axes = b"".join(_bytes(1, _text(2, "batch") if size is None else _number(1, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, axes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
