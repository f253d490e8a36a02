"""Numbers rounded to the types of safetensors files, as numbers and as bytes, without torch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BYTES = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2}
"""Bytes of a number, by the types that are written here."""

RANGES = {
    "F64": (2.0**-1022, float(np.finfo(np.float64).max)),
    "F32": (2.0**-126, float(np.finfo(np.float32).max)),
    "BF16": (2.0**-126, float((2 - 2**-7) * 2.0**127)),
    "F16": (2.0**-14, 65504.0),
}
"""The least number with all its digits, and the largest, by the same types."""

# Bits of the fraction behind the leading one, and the least exponent of a normal number.
_FRACTION = {"F64": (52, -1022), "F32": (23, -126), "BF16": (7, -126), "F16": (10, -14)}


def rounded(numbers: NDArray[np.float64], dtype: str) -> NDArray[np.float64]:
    """Return each number as a file of that type holds it; infinite where it is too large for the type."""
    with np.errstate(over="ignore", invalid="ignore"):
        match dtype:
            case "F16":
                return numbers.astype(np.float16).astype(np.float64)
            case "BF16":
                return (_bfloat16(numbers).astype(np.uint32) << 16).view(np.float32).astype(np.float64)
            case "F32":
                return numbers.astype(np.float32).astype(np.float64)
            case _:
                return numbers


def number_bytes(numbers: NDArray[np.float64], dtype: str) -> memoryview:
    """Return the numbers, one after the other, as the bytes of that type."""
    with np.errstate(over="ignore", invalid="ignore"):
        made: NDArray[Any] = (
            _bfloat16(numbers) if dtype == "BF16" else numbers.astype({"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype])
        )
    return np.ascontiguousarray(made).reshape(-1).view(np.uint8).data


def spacing(numbers: NDArray[np.float64], dtype: str) -> NDArray[np.float64]:
    """Return how far apart the numbers of that type are around each number (its unit in the last place)."""
    fraction, least = _FRACTION[dtype]
    # frexp's exponent is of a fraction below one.
    exponents = np.frexp(numbers)[1] - 1
    found: NDArray[np.float64] = np.ldexp(1.0, np.maximum(exponents, least) - fraction)
    return found


def _bfloat16(numbers: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return the upper halves of the numbers in fp32, rounded to the nearest, of two equally near to the even one."""
    bits = np.asarray(numbers, np.float32).view(np.uint32)
    halves = ((bits.astype(np.uint64) + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    # Rounding up could make an infinity of a NaN.
    return np.where(np.isnan(numbers), np.uint16(0x7FC0), halves)
