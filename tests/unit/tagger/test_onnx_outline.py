"""The outline of an ONNX file, read without running it."""

import random
from pathlib import Path

import pytest
from tiny_tagger import TinyTagger, model_bytes

from trainer.errors import ModelError
from trainer.tagger import onnx_outline
from trainer.tagger.onnx_outline import read_outline


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_inputs_outputs_operations_and_small_numbers_are_read(tmp_path: Path) -> None:
    outline = read_outline(written(tmp_path / "m.onnx", model_bytes(TinyTagger(side=48))))
    (value,) = outline.inputs
    assert (value.name, value.kind, value.shape) == ("input", 1, (None, 48, 48, 3))
    assert [(each.name, each.shape) for each in outline.outputs] == [("output", (None, 6))]
    assert [node.operation for node in outline.nodes] == ["Div", "ReduceMean", "MatMul", "Add", "Sigmoid"]
    assert outline.constants["scale"] == (255.0,)
    # Weights are stepped over.
    assert "weights" not in outline.constants
    assert outline.external == ()


def test_places_outside_the_file_are_read(tmp_path: Path) -> None:
    outline = read_outline(written(tmp_path / "m.onnx", model_bytes(TinyTagger(external="weights.bin"))))
    assert outline.external == ("weights.bin",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>", "no ONNX model"),
        (b"\x1c\x00\x00\x00ORTM" + bytes(64), "onnxruntime's own format"),
        (b"\x08\x08", "it has no graph"),
        (b"\x3a\xff\xff\xff\xff\x07abc", "it is cut off"),
    ],
)
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        read_outline(written(tmp_path / "m.onnx", content))


def test_a_file_that_is_cut_off_or_changed_anywhere_is_read_or_refused(tmp_path: Path) -> None:
    whole = model_bytes(TinyTagger())
    rng = random.Random(5)
    path = tmp_path / "m.onnx"
    for _ in range(120):
        content = bytearray(whole[: rng.randrange(1, len(whole) + 1)])
        for _ in range(rng.randrange(4)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        try:
            read_outline(written(path, bytes(content)))
        except ModelError as error:
            assert str(path) in error.where


@pytest.mark.parametrize(
    "content",
    [b"\x3a\xa0\x1f" + b"\x5a\x00" * 2000, b"\x08\x01" * 2000, b"\x9a\x06\x00" * 2000],
    ids=["inputs without a name", "numbers", "what nobody knows"],
)
def test_a_file_of_nothing_but_small_fields_is_refused_soon(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_outline, "_MAX_FIELDS", 1000)
    with pytest.raises(ModelError, match="more than 1,000 fields"):
        read_outline(written(tmp_path / "m.onnx", content))
    assert read_outline(written(tmp_path / "m.onnx", model_bytes(TinyTagger()))).nodes


def test_graphs_in_graphs_are_refused_before_the_stack_ends(tmp_path: Path) -> None:
    def inside(field: int, content: bytes) -> bytes:
        size, length = len(content), bytearray()
        while size > 127:
            length.append(size & 127 | 128)
            size >>= 7
        return bytes([field << 3 | 2]) + bytes([*length, size]) + content

    graph = b""
    for _ in range(3000):
        # A graph with a node with an attribute with a graph.
        graph = inside(1, inside(5, inside(6, graph)))
    with pytest.raises(ModelError, match="graphs in graphs"):
        read_outline(written(tmp_path / "m.onnx", inside(7, graph)))
