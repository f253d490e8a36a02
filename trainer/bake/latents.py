"""What are the pictures to the U-Net? Their latents, made once and kept in memory."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from trainer.dataset.buckets import Placement
from trainer.dataset.pixels import load_pixels
from trainer.dataset.scan import Picture
from trainer.errors import DatasetError
from trainer.foreign_text import shown
from trainer.models.sd1 import SD1


def encoded(
    model: SD1, pictures: Sequence[Picture], placements: Sequence[Placement], batch_size: int
) -> Iterator[tuple[int, Tensor]]:
    """Yield (index, latents) of every picture, bucket by bucket; latents are fp32 [4, height/f, width/f] on the CPU.

    Args:
        model: its VAE encodes.
        pictures, placements: parallel; what to encode and how it lies in its bucket.
        batch_size: pictures encoded at once.

    Raises:
        DatasetError: a picture cannot be decoded, or its latents are not all numbers.
    """
    by_bucket: dict[tuple[int, int], list[int]] = {}
    for index, placement in enumerate(placements):
        by_bucket.setdefault(placement.bucket, []).append(index)
    for members in by_bucket.values():
        for start in range(0, len(members), batch_size):
            chosen = members[start : start + batch_size]
            pixels = np.stack([load_pixels(pictures[index], placements[index]) for index in chosen])
            latents = model.encode_pictures(torch.from_numpy(pixels)).cpu()
            for index, latent in zip(chosen, latents, strict=True):
                _check_numbers(pictures[index], latent)
                # A copy of its own: a view would keep the whole batch alive, and a batch may be large.
                yield index, latent.clone()


def _check_numbers(picture: Picture, latent: Tensor) -> None:
    if not bool(torch.isfinite(latent).all()):
        raise DatasetError(
            shown(str(picture.path)),
            found="the base's VAE makes values that are no numbers of it",
            expected="finite latents",
            way_out="remove the picture, or check the base's vae/",
        )
