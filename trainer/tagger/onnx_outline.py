"""The outline of an ONNX file: inputs, outputs, operations and the files that it names, read without running anything.

The file is a protocol buffer (onnx.proto3 of the ONNX project). Weights are stepped over, so that a file of a gigabyte takes no
memory; what lies deeper than any model's subgraphs is refused.
"""

import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from trainer.errors import ModelError
from trainer.regular_file import open_regular
from trainer.text import printable

# onnxruntime reads protocol buffers of up to 2 GiB; larger weights lie in files of their own.
_MAX_BYTES = 2**31
_MAX_DEPTH = 12
# A node has a handful of names and attributes; a text is a name.
_MAX_TEXT = 4096
_MAX_NODES = 200_000
# The largest tagger's file has some hundred thousand; a file of nothing but empty ones would be read for hours.
_MAX_FIELDS = 2_000_000
# Means and scales have one number, or one for each colour.
_MAX_NUMBERS = 8
_FLOAT = 1

# Message -> the fields of it that are messages too, by number.
_MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
    "value": {2: "type"},
    "type": {1: "tensor_type"},
    "tensor_type": {2: "shape"},
    "shape": {1: "dimension"},
}


@dataclass(frozen=True)
class OutlinedValue:
    """An input or an output.

    Attributes:
        name: its name.
        kind: number of its type (onnx.TensorProto.DataType); 0 where it is no tensor.
        shape: sizes of its axes, None for one that may be any.
    """

    name: str
    kind: int
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class OutlinedNode:
    """One operation: its kind, the names that go in and come out, and its own numbers where they are few."""

    operation: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True)
class OnnxOutline:
    """What an ONNX file says of itself.

    Attributes:
        inputs: of the model, without weights.
        outputs: of the model.
        nodes: operations of its main graph, in their order.
        constants: name -> its numbers, of weights with few.
        external: places outside the file that weights are read from, as they are written in it.
    """

    inputs: tuple[OutlinedValue, ...]
    outputs: tuple[OutlinedValue, ...]
    nodes: tuple[OutlinedNode, ...]
    constants: Mapping[str, tuple[float, ...]]
    external: tuple[str, ...]


def read_outline(path: Path) -> OnnxOutline:
    """Return the outline of an ONNX file.

    Raises:
        ModelError: it cannot be read, or is no ONNX file.
    """
    try:
        with open_regular(path, _MAX_BYTES) as file:
            size = os.fstat(file.fileno()).st_size
            if not size:
                raise _NotOnnx("an empty file")
            head = file.read(8)
            # onnxruntime's own format, which it would recognise whatever the file's ending.
            if head[4:8] == b"ORTM":
                raise _NotOnnx("onnxruntime's own format")
            reader = _Reader(file)
            reader.read("model", 0, size)
    except OSError as error:
        raise ModelError(
            printable(str(path)), found=f"cannot be read ({error.strerror})", expected="a tagger's model.onnx"
        ) from error
    except _NotOnnx as reason:
        raise ModelError(
            printable(str(path)),
            found=f"no ONNX model: {reason}",
            expected="a tagger's model.onnx",
            way_out="download it again, or name another file",
        ) from None
    graph = reader.main
    if graph is None:
        raise ModelError(printable(str(path)), found="no ONNX model: it has no graph", expected="a tagger's model.onnx")
    weights = {name for name, _ in graph.tensors}
    return OnnxOutline(
        tuple(value for value in graph.inputs if value.name not in weights),
        tuple(graph.outputs),
        tuple(graph.nodes),
        {name: numbers for name, numbers in graph.tensors if numbers},
        tuple(dict.fromkeys(reader.external)),
    )


class _NotOnnx(Exception):
    """The message says why a file is no ONNX model."""


@dataclass
class _Graph:
    inputs: list[OutlinedValue] = field(default_factory=list)
    outputs: list[OutlinedValue] = field(default_factory=list)
    nodes: list[OutlinedNode] = field(default_factory=list)
    tensors: list[tuple[str, tuple[float, ...]]] = field(default_factory=list)


@dataclass(frozen=True)
class _Field:
    """A field of a message: its number, its value where it is a number, and where its bytes lie where it has some."""

    number: int
    value: int
    start: int
    length: int


class _Reader:
    """Reads messages in place, and notes graphs and outside places as it meets them."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self.main: _Graph | None = None
        self.external: list[str] = []
        self._nodes = self._found = 0

    def read(self, kind: str, start: int, length: int, depth: int = 0) -> None:
        """Read a model and everything in it."""
        if depth > _MAX_DEPTH:
            raise _NotOnnx("graphs in graphs, deeper than any model has them")
        if kind == "graph":
            graph = self._graph(start, length, depth)
            # Of a model itself, not of one of its operations or of its training.
            if depth == 1 and self.main is None:
                self.main = graph
            return
        if kind == "tensor":
            self._tensor(start, length)
            return
        if kind == "node":
            self._count_node()
        for each in self._fields(start, length):
            inner = _MESSAGES.get(kind, {}).get(each.number)
            if inner is not None:
                self.read(inner, each.start, each.length, depth + 1)

    def _graph(self, start: int, length: int, depth: int) -> _Graph:
        graph = _Graph()
        for each in self._fields(start, length):
            if each.number == 1:
                graph.nodes.append(self._node(each.start, each.length, depth))
            elif each.number == 5:
                graph.tensors.append(self._tensor(each.start, each.length))
            elif each.number == 11:
                graph.inputs.append(self._value(each.start, each.length))
            elif each.number == 12:
                graph.outputs.append(self._value(each.start, each.length))
            elif each.number == 15:
                self.read("sparse", each.start, each.length, depth + 1)
        return graph

    def _count_node(self) -> None:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise _NotOnnx(f"more than {_MAX_NODES:,} operations")

    def _node(self, start: int, length: int, depth: int) -> OutlinedNode:
        self._count_node()
        operation, inputs, outputs = "", [], []
        numbers: tuple[float, ...] = ()
        for each in self._fields(start, length):
            if each.number == 1:
                inputs.append(self._text(each))
            elif each.number == 2:
                outputs.append(self._text(each))
            elif each.number == 4:
                operation = self._text(each)
            elif each.number == 5:
                numbers = self._attribute(each, depth) or numbers
        return OutlinedNode(operation, tuple(inputs), tuple(outputs), numbers)

    def _attribute(self, field: _Field, depth: int) -> tuple[float, ...]:
        """Read an attribute and the graphs in it; return the numbers of its tensor."""
        numbers: tuple[float, ...] = ()
        for each in self._fields(field.start, field.length):
            inner = _MESSAGES["attribute"].get(each.number)
            if inner == "tensor":
                _, numbers = self._tensor(each.start, each.length)
            elif inner is not None:
                self.read(inner, each.start, each.length, depth + 1)
        return numbers

    def _tensor(self, start: int, length: int) -> tuple[str, tuple[float, ...]]:
        """Return a tensor's name, and its numbers where they are few and stand in the file; note where it says they lie otherwise."""
        name, kind, numbers = "", 0, b""
        for each in self._fields(start, length):
            if each.number == 2:
                kind = each.value
            elif each.number == 8:
                name = self._text(each)
            elif each.number in (4, 9) and each.length <= 4 * _MAX_NUMBERS:
                numbers = self._bytes(each)
            elif each.number == 13:
                key, value = self._entry(each)
                if key == "location":
                    self.external.append(value)
        few = kind == _FLOAT and len(numbers) % 4 == 0
        return name, struct.unpack(f"<{len(numbers) // 4}f", numbers) if few else ()

    def _entry(self, field: _Field) -> tuple[str, str]:
        texts = {each.number: self._text(each) for each in self._fields(field.start, field.length) if each.number < 3}
        return texts.get(1, ""), texts.get(2, "")

    def _value(self, start: int, length: int) -> OutlinedValue:
        name, kind = "", 0
        shape: list[int | None] = []
        for each in self._fields(start, length):
            if each.number == 1:
                name = self._text(each)
            elif each.number == 2:
                for tensor in self._inside(each, 1):
                    for part in self._fields(tensor.start, tensor.length):
                        if part.number == 1:
                            kind = part.value
                        elif part.number == 2:
                            shape = [self._dimension(axis) for axis in self._inside(part, 1)]
        return OutlinedValue(name, kind, tuple(shape))

    def _dimension(self, field: _Field) -> int | None:
        sizes = [each.value for each in self._fields(field.start, field.length) if each.number == 1]
        return sizes[0] if sizes and 0 < sizes[0] < 2**31 else None

    def _inside(self, field: _Field, number: int) -> list[_Field]:
        return [each for each in self._fields(field.start, field.length) if each.number == number]

    def _fields(self, start: int, length: int) -> Iterator[_Field]:
        """Yield the fields of the message in a stretch of the file; a message that reaches beyond it is none."""
        place, end = start, start + length
        while place < end:
            self._file.seek(place)
            key = self._varint()
            number, wire = key >> 3, key & 7
            if not number:
                raise _NotOnnx("a field without a number")
            here = self._file.tell()
            if wire == 0:
                value = self._varint()
                found = _Field(number, value, here, 0)
                place = self._file.tell()
            elif wire == 2:
                size = self._varint()
                found = _Field(number, 0, self._file.tell(), size)
                place = found.start + size
            elif wire in (1, 5):
                size = 8 if wire == 1 else 4
                found = _Field(number, 0, here, size)
                place = here + size
            else:
                raise _NotOnnx("bytes that are no protocol buffer")
            if place > end:
                raise _NotOnnx("it is cut off")
            self._found += 1
            if self._found > _MAX_FIELDS:
                raise _NotOnnx(f"more than {_MAX_FIELDS:,} fields")
            yield found

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._file.read(1)
            if not byte:
                raise _NotOnnx("it is cut off")
            value |= (byte[0] & 0x7F) << shift
            if not byte[0] & 0x80:
                return value
        raise _NotOnnx("bytes that are no protocol buffer")

    def _bytes(self, field: _Field) -> bytes:
        self._file.seek(field.start)
        return self._file.read(field.length)

    def _text(self, field: _Field) -> str:
        if field.length > _MAX_TEXT:
            raise _NotOnnx("a name that is longer than any")
        return self._bytes(field).decode("utf-8", "replace")
