"""Headers of safetensors files, valid and broken."""

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from trainer.errors import ModelError
from trainer.formats.safetensors_header import MAX_HEADER_BYTES, read_header


def write(path: Path, header: bytes, body: bytes = b"", length: int | None = None) -> Path:
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + body)
    return path


def entry(**changes: object) -> bytes:
    return json.dumps({"weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}).encode()


def test_shapes_and_metadata_of_a_real_file_are_read(tmp_path: Path) -> None:
    save_file({"a.weight": torch.zeros(3, 2), "alpha": torch.tensor(1)}, tmp_path / "x.safetensors", {"key": "text"})
    header = read_header(tmp_path / "x.safetensors")
    assert header.shapes == {"a.weight": (3, 2), "alpha": ()}
    assert header.metadata == {"key": "text"}
    assert header.dtypes == {"a.weight": "F32", "alpha": "I64"}
    # Widest first: that is the order in which safetensors writes.
    assert header.spans == {"alpha": (0, 8), "a.weight": (8, 32)}


@pytest.mark.parametrize("length", [2**64 - 1, 2**40, MAX_HEADER_BYTES + 1, 0])
def test_a_claimed_length_is_not_believed(tmp_path: Path, length: int) -> None:
    path = write(tmp_path / "x.safetensors", entry(), bytes(8), length)
    with pytest.raises(ModelError, match="its header claims"):
        read_header(path)


def test_a_header_as_long_as_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "x.safetensors", b"{}", length=2**30)
    with path.open("r+b") as file:
        file.truncate(2**31)
    with pytest.raises(ModelError, match="its header claims"):
        read_header(path)


@pytest.mark.parametrize(
    "header", [b"not json at all", b"[]" + b" " * 8, b"[" * 100_000, b'{"__metadata__": {"a": 1}}']
)
def test_a_header_that_is_not_a_table_is_refused(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(ModelError, match=r"its header is not|metadata are not texts"):
        read_header(write(tmp_path / "x.safetensors", header))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data_offsets": [0, 16]}, "lies outside the file"),
        ({"data_offsets": [8, 0]}, "lies outside the file"),
        ({"data_offsets": [-8, 0]}, "lies outside the file"),
        ({"data_offsets": [0]}, "is incomplete"),
        ({"shape": [3]}, "which does not match its shape"),
        ({"shape": [-2]}, "has no valid shape"),
        ({"shape": [True, True]}, "has no valid shape"),
        ({"shape": "2"}, "is incomplete"),
        ({"dtype": "F31"}, "of the unknown type F31"),
        ({"dtype": "F4"}, "which does not match its shape"),
    ],
)
def test_a_tensor_that_does_not_fit_the_file_is_refused(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        read_header(write(tmp_path / "x.safetensors", entry(**change), bytes(8)))


def table(**spans: tuple[int, int]) -> bytes:
    entries = {
        name: {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]}
        for name, (start, end) in spans.items()
    }
    return json.dumps(entries).encode()


@pytest.mark.parametrize("spans", [{"a": (0, 8), "b": (0, 8)}, {"b": (6, 8), "a": (0, 7)}, {"a": (0, 8), "b": (3, 4)}])
def test_tensors_that_share_bytes_are_refused(tmp_path: Path, spans: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(ModelError, match="tensors a and b share bytes"):
        read_header(write(tmp_path / "x.safetensors", table(**spans), bytes(8)))


def test_an_empty_tensor_shares_no_byte(tmp_path: Path) -> None:
    spans = {"a": (0, 4), "empty": (2, 2), "b": (4, 8)}
    assert read_header(write(tmp_path / "x.safetensors", table(**spans), bytes(8))).spans == spans


def test_numbers_of_half_a_byte_are_known(tmp_path: Path) -> None:
    path = write(tmp_path / "x.safetensors", entry(dtype="F4", shape=[4, 4]), bytes(8))
    assert read_header(path).dtypes == {"weight": "F4"}


def test_a_download_cut_off_is_named(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1000)}, tmp_path / "x.safetensors")
    whole = (tmp_path / "x.safetensors").read_bytes()
    (tmp_path / "x.safetensors").write_bytes(whole[:-1])
    with pytest.raises(ModelError, match="the download may be incomplete"):
        read_header(tmp_path / "x.safetensors")


def test_a_hostile_tensor_name_is_shown_without_its_codes(tmp_path: Path) -> None:
    header = json.dumps({"\x1b[2Jname": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    with pytest.raises(ModelError) as caught:
        read_header(write(tmp_path / "x.safetensors", header))
    assert "\x1b" not in caught.value.line()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_header(tmp_path / "missing.safetensors")


def test_a_header_as_long_as_the_format_allows_is_read(tmp_path: Path) -> None:
    """Tags of a large data set, or a workflow, in a LoRA's metadata."""
    text = json.dumps({"tags": [f'"{number}", [{{' for number in range(400_000)]})
    name = "lora_unet_x.lora_down.weight"
    table = {"__metadata__": {str(number): text for number in range(4)}, name: json.loads(entry())["weight"]}
    header = json.dumps(table).encode()
    header += b" " * (MAX_HEADER_BYTES - len(header))
    assert read_header(write(tmp_path / "x.safetensors", header, bytes(8))).shapes == {name: (2,)}


@pytest.mark.parametrize("item", [b"[]", b"{}", b"0"])
def test_a_long_header_of_countless_values_is_not_parsed(tmp_path: Path, item: bytes) -> None:
    header = b'{"weight": [' + b",".join([item] * 10_000_001) + b"]}"
    with pytest.raises(ModelError, match=r"its header of .* bytes holds more values than any model has"):
        read_header(write(tmp_path / "x.safetensors", header))
