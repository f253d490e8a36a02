"""Tensors of a safetensors file as numpy arrays, read one by one without torch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import ModelError
from trainer.formats.safetensors_bytes import TensorBytes
from trainer.text import printable

# What is converted at once: little enough for a processor's cache, which halves the time.
_PIECE_BYTES = 2**19

_PLAIN: dict[str, str] = {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "I8": "i1",
    "U8": "u1",
    "I16": "<i2",
    "U16": "<u2",
    "I32": "<i4",
    "U32": "<u4",
    "I64": "<i8",
    "U64": "<u8",
}
# Types that numpy lacks -> the unsigned integer of their width.
_BITS: dict[str, str] = {"BF16": "<u2", "F8_E5M2": "u1", "F8_E4M3": "u1"}


class TensorArrays(TensorBytes):
    """A safetensors file open for reading; a context manager.

    Args:
        path: the file.
        header: its header, read before.

    Raises:
        ModelError: here the file cannot be opened; in every method it ends early, or a tensor is of a type of no numbers.
    """

    def read(self, key: str) -> NDArray[np.float64]:
        """Return a tensor in fp64, which holds every number of the other types exactly."""
        numbers = np.empty(self._header.shapes[key])
        flat, done = numbers.reshape(-1), 0
        # A NaN of another type stays one, and is no fault of ours.
        with np.errstate(invalid="ignore"):
            for piece in self.pieces(key):
                flat[done : done + len(piece)] = piece
                done += len(piece)
        return numbers

    def pieces(self, key: str, first_row: int = 0, count: int | None = None) -> Iterator[NDArray[Any]]:
        """Yield a tensor's numbers one after the other, some at a time.

        Args:
            key: the tensor's.
            first_row: where to begin.
            count: numbers wanted; None for all from there.
        """
        dtype = self._header.dtypes[key]
        word = _PLAIN.get(dtype) or _BITS.get(dtype)
        if word is None:
            raise ModelError(
                printable(str(self._path)),
                found=f"{printable(key, 80)} is of type {printable(dtype, 20)}",
                expected="numbers of 8 bits or more",
            )
        start, end = self.row_start(key, first_row), self._header.spans[key][1]
        if count is not None:
            end = start + count * np.dtype(word).itemsize
        for begin in range(start, end, _PIECE_BYTES):
            raw = np.empty(min(end - begin, _PIECE_BYTES), np.uint8)
            self.fill(raw.data, begin)
            yield _as_numbers(raw.view(word), dtype)


def _as_numbers(raw: NDArray[Any], dtype: str) -> NDArray[Any]:
    if dtype == "F16":
        return _from_half(raw)
    if dtype == "BF16":
        # The upper half of an fp32.
        return (raw.astype(np.uint32) << 16).view(np.float32)
    if dtype == "F8_E5M2":
        # The upper half of an fp16.
        return (raw.astype(np.uint16) << 8).view(np.float16)
    return _E4M3[raw] if dtype == "F8_E4M3" else raw


def _from_half(raw: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return numbers of fp16 in fp32, in a quarter of the time that numpy takes for it.

    Exponent and fraction at fp32's places are the number times 2^-112, the distance of the two biases (127 - 15); that holds for
    numbers below the smallest exponent too.
    """
    bits = raw.view(np.uint16).astype(np.uint32)
    sizes = (bits & 0x7FFF) << 13
    if len(sizes) and int(sizes.max()) >= 0x7C00 << 13:
        # Infinity and NaN.
        return raw.astype(np.float32)
    numbers = sizes.view(np.float32)
    numbers *= np.float32(2.0**112)
    sizes |= (bits & 0x8000) << 16
    return numbers


def _e4m3_numbers() -> NDArray[np.float32]:
    """Return the number of each of the 256 patterns: sign, 4 bits of exponent (bias 7), 3 of mantissa; no infinity (Micikevicius 2022)."""
    bits = np.arange(256)
    exponent, mantissa = bits >> 3 & 15, bits & 7
    sizes = np.where(exponent, np.ldexp(1 + mantissa / 8, exponent - 7), np.ldexp(mantissa / 8, -6))
    sizes[bits & 127 == 127] = np.nan
    return np.where(bits & 128, -sizes, sizes).astype(np.float32)


_E4M3 = _e4m3_numbers()
