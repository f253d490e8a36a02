"""Pixels of a picture as a tagger's model takes them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.dataset.picture_file import UnreadablePicture, open_small
from trainer.tagger.record import InputRules

Batch = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]
"""[pictures, height, width, colours] or [pictures, colours, height, width]."""


def batch_of(pictures: Sequence[NDArray[np.uint8]], rules: InputRules) -> Batch:
    """Return pictures as one batch of a model.

    Args:
        pictures: [height, width, 3], 0 to 255, RGB, in the model's size.
        rules: of its input.
    """
    pixels = np.stack(pictures)
    if rules.channels == "BGR":
        pixels = pixels[..., ::-1]
    values: NDArray[np.float32] | NDArray[np.uint8] = pixels
    if rules.mean is not None and rules.deviation is not None:
        mean, deviation = (np.asarray(each, np.float32) for each in (rules.mean, rules.deviation))
        values = ((pixels / np.float32(255) - mean) / deviation).astype(np.float32)
    if rules.layout == "NCHW":
        values = values.transpose(0, 3, 1, 2)
    batch: Batch = np.ascontiguousarray(values, np.dtype(rules.kind))
    return batch


def load_square(path: Path, rules: InputRules) -> NDArray[np.uint8]:
    """Return a picture on white, in the middle of a white area of the model's shape, and in its size.

    A large picture is shrunk by the means of areas, a small one is enlarged (bicubic).

    Returns:
        [height, width, 3], 0 to 255, RGB.

    Raises:
        UnreadablePicture: it cannot be decoded.
    """
    small = open_small(path, max(rules.width, rules.height))
    if not small.width or not small.height:
        raise UnreadablePicture("a picture without pixels")
    # The smallest area of the model's shape that the picture fits into.
    factor = max(small.width / rules.width, small.height / rules.height)
    size = max(small.width, round(rules.width * factor)), max(small.height, round(rules.height * factor))
    ground = Image.new("RGB", size, "white")
    ground.paste(small, ((size[0] - small.width) // 2, (size[1] - small.height) // 2))
    if size != (rules.width, rules.height):
        ground = ground.resize((rules.width, rules.height), Image.Resampling.BICUBIC)
    return np.asarray(ground)
