"""Safetensors files written tensor by tensor are what the library itself reads, whatever shapes were set aside for."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from trainer.formats.safetensors_header import read_header
from trainer.formats.safetensors_stream import TensorStream


def test_smaller_shapes_than_were_set_aside_make_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    kept = np.arange(6, dtype=np.float32).reshape(2, 3)
    entries = [("a", "F32", (200, 3000)), ("left out", "F16", (7,)), ("ß", "F32", ())]
    with TensorStream(path, entries, {"k": "v"}) as stream:
        stream.add("a", "F32", (2, 3), [kept.tobytes()[:8], kept.tobytes()[8:]])
        stream.add("ß", "F32", (), [np.float32(3).tobytes()])
        stream.finish({"k": "v", "more": "ä" * 200})
    found = safetensors.numpy.load_file(path)
    np.testing.assert_array_equal(found["a"], kept)
    assert found["ß"] == 3 and set(found) == {"a", "ß"}
    header = read_header(path)
    assert header.metadata == {"k": "v", "more": "ä" * 200}
    assert header.length % 8 == 0
    assert json.loads(path.read_bytes()[8 : 8 + header.length])["a"]["shape"] == [2, 3]


def test_a_file_without_tensors_is_whole_too(tmp_path: Path) -> None:
    with TensorStream(tmp_path / "a.safetensors", [], {}) as stream:
        stream.finish({})
    assert safetensors.numpy.load_file(tmp_path / "a.safetensors") == {}


@given(st.dictionaries(st.text(min_size=1, max_size=12), st.lists(st.integers(0, 5), max_size=3), max_size=6))
def test_the_room_holds_every_header(shapes: dict[str, list[int]]) -> None:
    import tempfile

    shapes = {key: shape for key, shape in shapes.items() if _is_text(key) and key != "__metadata__"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.safetensors"
        with TensorStream(path, [(key, "F16", tuple(shape)) for key, shape in shapes.items()], {}, slack=0) as stream:
            for key, shape in shapes.items():
                stream.add(key, "F16", tuple(shape), [np.zeros(shape, np.float16).tobytes()])
            stream.finish({})
        assert {key: list(shape) for key, shape in read_header(path).shapes.items()} == shapes


def _is_text(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize("size", [0, 0x100000 - 600, 0x110000, 0x120000])
def test_the_short_hash_is_of_the_same_bytes_however_long_the_file_is(size: int, tmp_path: Path) -> None:
    import hashlib

    numbers = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    with TensorStream(tmp_path / "a.safetensors", [("a", "U8", (size,))], {"ss_a": "b", "c": "d"}) as stream:
        stream.add("a", "U8", (size,), [numbers.tobytes()])
        found = stream.hashes({"ss_a": "b", "c": "d"})
        stream.finish({"ss_a": "b", "c": "d", **found})
    content = safetensors.numpy.save({"a": numbers}, {"ss_a": "b"})
    assert found["sshs_legacy_hash"] == hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8]
    assert found["sshs_model_hash"] == hashlib.sha256(numbers.tobytes()).hexdigest()
