"""Reading of weights from a safetensors file by plain reads into the place and the type they are for.

A mapped file would count as this process's memory page by page, and reading whole tensors first would hold everything twice.
"""

from pathlib import Path

import torch
from torch import Tensor

from trainer.formats.safetensors_bytes import TensorBytes
from trainer.formats.safetensors_header import Header
from trainer.models.weight_slice import WeightSlice

_DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}

# What is read at once where the type changes or the weight lies on a card: long reads, and no memory to speak of.
_PIECE_BYTES = 16 * 2**20


class TensorFile(TensorBytes):
    """A safetensors file open for reading; a context manager.

    Args:
        path: the file.
        header: its header, read before; it says where what lies.

    Raises:
        ModelError: the file cannot be opened.
    """

    def __init__(self, path: Path, header: Header) -> None:
        super().__init__(path, header)
        self._buffer: Tensor | None = None

    def place(self, piece: WeightSlice) -> int:
        """Return the first byte of a weight, counted from where the tensors begin."""
        return self.row_start(piece.key, piece.first_row)

    def read_into(self, target: Tensor, piece: WeightSlice) -> None:
        """Fill `target` with a weight, rounded to the nearest in its type.

        Args:
            target: contiguous, of the weight's shape, of any type of numbers, on any device.
            piece: where the weight lies in this file; of type F16, BF16, F32 or F64.

        Raises:
            ModelError: the file ends before the weight does, or cannot be read.
        """
        dtype = _DTYPES[self._header.dtypes[piece.key]]
        start = self.place(piece)
        if piece.turned:
            rows = torch.empty(piece.shape[::-1], dtype=dtype)
            self._read(rows, start)
            target.copy_(rows.t())
        elif target.device.type == "cpu" and target.dtype == dtype:
            self._read(target, start)
        else:
            self._convert(target.view(-1), start, dtype)

    def _convert(self, target: Tensor, start: int, dtype: torch.dtype) -> None:
        """Fill a row of numbers through a buffer, which is used again and again."""
        if self._buffer is None:
            self._buffer = torch.empty(_PIECE_BYTES, dtype=torch.uint8)
        row = self._buffer.view(dtype)
        for first in range(0, target.numel(), row.numel()):
            part = row[: min(row.numel(), target.numel() - first)]
            self._read(part, start + first * dtype.itemsize)
            # From memory that is not pinned: the copy has left the buffer when this returns.
            target[first : first + part.numel()].copy_(part)

    def _read(self, target: Tensor, start: int) -> None:
        """Fill `target`, contiguous on the CPU, with the bytes from `start` on, counted from where the tensors begin, as they are."""
        self.fill(target.view(-1).view(torch.uint8).numpy().data, start)
