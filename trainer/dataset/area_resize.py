"""Area resize: each new pixel is the mean of exactly the area it covers (OpenCV's INTER_AREA, sd-scripts' choice)."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def shrink(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return `pixels` at `width` × `height`, neither larger than before.

    Args:
        pixels: [height, width, channels], 0 to 255.
        width: new width in pixels.
        height: new height in pixels.
    """
    return np.rint(area_means(pixels, width, height)).astype(np.uint8)


def area_means(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.float32]:
    """Return the same unrounded: float32 [height, width, channels], 0 to 255."""
    # Rows lie together in memory, so they are averaged first; the columns that are left become rows for the second pass.
    lower = _mean_rows(pixels, height)
    columns = np.ascontiguousarray(lower.transpose(1, 0, 2))
    return _mean_rows(columns, width).transpose(1, 0, 2)


def _mean_rows(pixels: NDArray[np.uint8] | NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the means of `count` equal stretches of rows; a row on the border of two counts in each by its part."""
    rows = pixels.shape[0]
    ends = np.arange(count + 1) * (rows / count)
    whole = np.minimum(ends.astype(np.int64), rows - 1)
    part = (ends - whole).astype(np.float32)
    means = np.empty((count, *pixels.shape[1:]), dtype=np.float32)
    for index, (first, last) in enumerate(pairwise(whole)):
        total = pixels[first:last].sum(axis=0, dtype=np.float32)
        means[index] = total + part[index + 1] * pixels[last] - part[index] * pixels[first]
    return means * np.float32(count / rows)
