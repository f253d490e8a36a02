"""Tensors written piece by piece are what safetensors itself reads and writes."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import safe_open

from trainer.models.safetensors_write import write_tensors

TENSORS = {
    "weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "half": torch.tensor([1.5, -0.0, float("nan"), float("inf")], dtype=torch.float16),
    "brain": torch.linspace(-1, 1, 5, dtype=torch.bfloat16),
    "alpha": torch.tensor(16.0),
    "step": torch.tensor(7, dtype=torch.int64),
    "rng": torch.arange(11, dtype=torch.uint8),
    "on": torch.tensor([True, False]),
    "nothing": torch.zeros(0, 4),
    "名前": torch.tensor([1], dtype=torch.int32),
}


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return (
        one.dtype == other.dtype
        and one.shape == other.shape
        and torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8))
    )


def test_safetensors_reads_back_every_bit_and_the_metadata(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, TENSORS, {"text": 'a "quoted" 名前'})
    back = safetensors.torch.load_file(path)
    assert back.keys() == TENSORS.keys()
    assert all(same_bits(tensor, back[name]) for name, tensor in TENSORS.items())
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"text": 'a "quoted" 名前'}


def test_the_file_is_the_one_safetensors_would_have_written(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, TENSORS, {"one": "text"})
    assert path.read_bytes() == safetensors.torch.save(TENSORS, {"one": "text"})


def test_a_tensor_in_another_memory_order_is_written_in_the_usual_one(tmp_path: Path) -> None:
    turned = torch.arange(6.0).reshape(2, 3).t()
    write_tensors(tmp_path / "x", {"turned": turned}, {})
    assert torch.equal(safetensors.torch.load_file(tmp_path / "x")["turned"], turned)


def test_a_type_the_format_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="complex64"):
        write_tensors(tmp_path / "x", {"complex": torch.zeros(2, dtype=torch.complex64)}, {})
