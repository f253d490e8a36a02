"""Latents, masks and sizes of the pictures, made once and kept in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.bake.latent_cache import LatentCache
from trainer.dataset.buckets import Placement
from trainer.dataset.pixels import load_mask, load_pixels
from trainer.dataset.records import Picture
from trainer.errors import DatasetError
from trainer.models.base_model import BaseModel
from trainer.text import printable


@dataclass(frozen=True)
class PreparedPicture:
    """One picture as the U-Net takes it.

    Attributes:
        latents: fp32 [4, height/f, width/f], scaled, on the CPU.
        mask: fp32 [1, height/f, width/f], 0 to 1; None where everything counts.
        sizes: SDXL's conditioning: original height and width, top and left of the crop, height and width of the bucket, in pixels.
    """

    latents: Tensor
    mask: Tensor | None
    time_ids: tuple[int, int, int, int, int, int]


def encode_pictures(
    model: BaseModel,
    pictures: Sequence[Picture],
    placements: Sequence[Placement],
    batch_size: int,
    store: LatentCache | None = None,
) -> Iterator[tuple[int, PreparedPicture]]:
    """Yield (index, what the U-Net takes) of every picture, bucket by bucket.

    Args:
        model: its VAE encodes, and is brought to the device for it; who needs it no more puts it away.
        pictures, placements: parallel; what to encode and how it lies in its bucket.
        batch_size: pictures encoded at once.
        store: where latents are looked up and kept; None encodes every picture.

    Raises:
        DatasetError: a picture cannot be decoded, or its latents are not all numbers.
    """
    by_bucket: dict[tuple[int, int], list[int]] = {}
    for index, placement in enumerate(placements):
        by_bucket.setdefault(placement.bucket, []).append(index)
    for members in by_bucket.values():
        for start in range(0, len(members), batch_size):
            chosen = members[start : start + batch_size]
            batch = [pictures[index] for index in chosen], [placements[index] for index in chosen]
            for index, latents in zip(chosen, _latents(model, *batch, store), strict=True):
                yield index, _prepared(pictures[index], placements[index], latents)


def _latents(
    model: BaseModel, pictures: Sequence[Picture], placements: Sequence[Placement], store: LatentCache | None
) -> list[Tensor]:
    """Return the latents of pictures that are encoded together, as `Prepared` has them.

    Where one was never encoded all are: in smaller company the others might come out with other last bits.
    """
    keys: list[str] = []
    if store is not None and store.is_in_use:
        keys = store.keys(pictures, placements)
        found = [store.find(key, placement.bucket) for key, placement in zip(keys, placements, strict=True)]
        whole = [latents for latents in found if latents is not None]
        if len(whole) == len(found):
            return whole
    pixels = np.stack([load_pixels(*each) for each in zip(pictures, placements, strict=True)])
    model.bring_vae()
    encoded = model.encode_pictures(torch.from_numpy(pixels)).cpu()
    for picture, latents in zip(pictures, encoded, strict=True):
        _check_numbers(picture, latents)
    # Copies of their own: a view would keep the whole batch alive, and a batch may be large.
    made = [latents.clone() for latents in encoded]
    # A file that was written to meanwhile gave nobody knows what.
    if store is not None and store.is_in_use and store.keys(pictures, placements) == keys:
        for key, latents in zip(keys, made, strict=True):
            store.keep(key, latents)
    return made


def masks_of(prepared: Sequence[PreparedPicture]) -> Tensor | None:
    """Return the masks of a batch, fp32 [batch, 1, height/f, width/f], ones where a picture has none; None where no picture has one."""
    if all(each.mask is None for each in prepared):
        return None
    ones = torch.ones((1, *prepared[0].latents.shape[1:]))
    return torch.stack([ones if each.mask is None else each.mask for each in prepared])


def _prepared(picture: Picture, placement: Placement, latents: Tensor) -> PreparedPicture:
    mask = None
    if picture.mask is not None:
        height, width = latents.shape[1:]
        mask = torch.from_numpy(load_mask(picture, placement, (width, height)))[None]
    (left, top), (width, height) = placement.crop, placement.bucket
    return PreparedPicture(latents, mask, (picture.height, picture.width, top, left, height, width))


def _check_numbers(picture: Picture, latent: Tensor) -> None:
    if not bool(torch.isfinite(latent).all()):
        raise DatasetError(
            printable(str(picture.path)),
            found="the base's VAE encodes it to NaN or infinity",
            expected="finite latents",
            way_out="remove the picture, or set another VAE (`vae`)",
        )
