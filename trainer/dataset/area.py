"""How a picture is shrunk: each new pixel is the mean of exactly the area it covers (OpenCV's INTER_AREA, sd-scripts' choice)."""

import numpy as np
from numpy.typing import NDArray

# Rows whose running sums are held at once; bounds the memory that a 50-megapixel picture takes.
_ROWS = 256


def shrink(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return `pixels` at `width` × `height`, neither larger than before.

    Args:
        pixels: [height, width, channels], 0 to 255.
        width: new width in pixels.
        height: new height in pixels.
    """
    strips = [_mean_along(pixels[top : top + _ROWS], 1, width) for top in range(0, pixels.shape[0], _ROWS)]
    return np.rint(_mean_along(np.concatenate(strips), 0, height)).astype(np.uint8)


def _mean_along(values: NDArray[np.generic], axis: int, count: int) -> NDArray[np.float64]:
    """Return the means of `count` equal stretches along `axis`: differences of the running sum at their ends."""
    length = values.shape[axis]
    start = np.zeros_like(np.take(values, [0], axis), dtype=np.float64)
    sums = np.concatenate([start, np.cumsum(values, axis=axis, dtype=np.float64)], axis=axis)
    ends = np.arange(count + 1) * (length / count)
    whole = np.minimum(ends.astype(np.int64), length - 1)
    shape = [1] * values.ndim
    shape[axis] = count + 1
    part = (ends - whole).reshape(shape)
    at_ends = np.take(sums, whole, axis) + part * np.take(values, whole, axis)
    means: NDArray[np.float64] = np.diff(at_ends, axis=axis) * (count / length)
    return means
