"""One weight from a file into its place: the right bytes, the right type, and no trust in the file's length."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from trainer.errors import ModelError
from trainer.formats.safetensors_header import read_header
from trainer.models import tensor_file
from trainer.models.tensor_file import TensorFile
from trainer.models.weight_slice import WeightSlice

NUMBERS = torch.linspace(-3, 3, 42, dtype=torch.float64).reshape(6, 7)


def read(path: Path, target: Tensor, piece: WeightSlice) -> Tensor:
    with TensorFile(path, read_header(path)) as file:
        file.read_into(target, piece)
    return target


def written(folder: Path, dtype: torch.dtype) -> Path:
    # A neighbour on each side: reading one byte too early or too late shows.
    tensors = {"a": torch.full((3,), 9.0), "m": NUMBERS.to(dtype), "z": torch.full((3,), 9.0)}
    save_file(tensors, folder / "x.safetensors")
    return folder / "x.safetensors"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("wanted", [torch.float16, torch.bfloat16, torch.float32])
def test_a_weight_is_rounded_as_torch_rounds_it(tmp_path: Path, dtype: torch.dtype, wanted: torch.dtype) -> None:
    target = torch.empty(6, 7, dtype=wanted)
    assert torch.equal(read(written(tmp_path, dtype), target, WeightSlice("m", (6, 7))), NUMBERS.to(dtype).to(wanted))


@pytest.mark.parametrize("wanted", [torch.float16, torch.float32])
def test_rows_are_taken_out_of_the_middle(tmp_path: Path, wanted: torch.dtype) -> None:
    target = torch.empty(2, 7, dtype=wanted)
    path = written(tmp_path, torch.float16)
    assert torch.equal(read(path, target, WeightSlice("m", (2, 7), first_row=2)), NUMBERS[2:4].half().to(wanted))


def test_a_turned_weight_is_turned_back(tmp_path: Path) -> None:
    path = written(tmp_path, torch.float16)
    assert torch.equal(read(path, torch.empty(7, 6), WeightSlice("m", (7, 6), turned=True)), NUMBERS.half().t().float())


def test_a_weight_longer_than_the_buffer_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor_file, "_PIECE_BYTES", 16)
    path = written(tmp_path, torch.float16)
    assert torch.equal(read(path, torch.empty(6, 7), WeightSlice("m", (6, 7))), NUMBERS.half().float())


def test_a_file_cut_off_after_it_was_looked_at_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, torch.float32)
    header = read_header(path)
    path.write_bytes(path.read_bytes()[:-100])
    with TensorFile(path, header) as file, pytest.raises(ModelError, match="ends before its weights do"):
        file.read_into(torch.empty(6, 7), WeightSlice("m", (6, 7)))
