"""Tensors read as numpy arrays are the numbers that torch reads, in every type."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from trainer.errors import ModelError
from trainer.formats import safetensors_arrays
from trainer.formats.safetensors_arrays import TensorArrays
from trainer.formats.safetensors_header import read_header

BYTES = torch.arange(256, dtype=torch.uint8)
EVERY_PATTERN = {
    "e4m3": BYTES.view(torch.float8_e4m3fn),
    "e5m2": BYTES.clone().view(torch.float8_e5m2),
    "bf16": torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16),
    "fp16": torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.float16),
    "fp32": torch.randn(7, 5, 3),
    "fp64": torch.randn(4, 2, dtype=torch.float64),
    "int64": torch.tensor([-3, 2**52]),
    "scalar": torch.tensor(2.5, dtype=torch.bfloat16),
    "none": torch.empty(0, 4),
}


def opened(path: Path) -> TensorArrays:
    return TensorArrays(path, read_header(path))


@pytest.mark.parametrize("piece_bytes", [16, 2**24])
def test_every_pattern_of_every_type_is_read_as_torch_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_bytes: int
) -> None:
    monkeypatch.setattr(safetensors_arrays, "_PIECE_BYTES", piece_bytes)
    save_file(EVERY_PATTERN, tmp_path / "x.safetensors")
    with opened(tmp_path / "x.safetensors") as arrays:
        for name, tensor in EVERY_PATTERN.items():
            np.testing.assert_array_equal(arrays.read(name), tensor.to(torch.float64).numpy())


def test_rows_are_read_from_the_middle_of_a_tensor(tmp_path: Path) -> None:
    rows = torch.randn(6, 4).half()
    save_file({"qkv": rows}, tmp_path / "x.safetensors")
    with opened(tmp_path / "x.safetensors") as arrays:
        (found,) = arrays.pieces("qkv", first_row=2, count=8)
    np.testing.assert_array_equal(found.reshape(2, 4), rows[2:4].numpy())


def test_a_file_that_was_cut_off_since_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(100)}, path)
    header = read_header(path)
    path.write_bytes(path.read_bytes()[:-8])
    with TensorArrays(path, header) as arrays, pytest.raises(ModelError, match="ends before its weights do"):
        arrays.read("a")


def test_what_are_no_numbers_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(4, dtype=torch.bool)}, tmp_path / "x.safetensors")
    with opened(tmp_path / "x.safetensors") as arrays, pytest.raises(ModelError, match="type BOOL"):
        arrays.read("a")
