"""Latents, masks and sizes of the pictures, made once and kept in memory."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

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

# Batches that are decoded beside the one that is encoded. On a card decoding a large picture takes longer than encoding it.
_AHEAD = 2
_MAX_READERS = 4


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
    """Yield (index, what the U-Net takes) of every picture, bucket by bucket; the next ones are decoded while some are encoded.

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
    batches = [
        members[start : start + batch_size]
        for members in by_bucket.values()
        for start in range(0, len(members), batch_size)
    ]
    with _readers() as readers:
        begun = (
            _Batch(
                chosen, [pictures[index] for index in chosen], [placements[index] for index in chosen], store, readers
            )
            for chosen in batches
        )
        waiting = deque(islice(begun, _AHEAD))
        while waiting:
            waiting.extend(islice(begun, 1))
            batch = waiting.popleft()
            for index, latents in zip(batch.indices, batch.latents(model), strict=True):
                yield index, _prepared(pictures[index], placements[index], latents)


@contextmanager
def _readers() -> Iterator[ThreadPoolExecutor]:
    """Yield the threads that decode pictures while others are encoded; what is not begun is dropped with the block."""
    readers = ThreadPoolExecutor(min(_MAX_READERS, os.cpu_count() or 1), thread_name_prefix="pictures")
    try:
        yield readers
    finally:
        readers.shutdown(cancel_futures=True)


class _Batch:
    """Pictures that are encoded together: looked up at once, and those that are not known begun to be decoded.

    Where one was never encoded all are: in smaller company the others might come out with other last bits.
    """

    def __init__(
        self,
        indices: Sequence[int],
        pictures: Sequence[Picture],
        placements: Sequence[Placement],
        store: LatentCache | None,
        readers: ThreadPoolExecutor,
    ) -> None:
        self.indices = indices
        self._pictures, self._placements, self._store = pictures, placements, store
        self._keys: list[str] = []
        self._known: list[Tensor] | None = None
        if store is not None and store.is_in_use:
            self._keys = store.keys(pictures, placements)
            found = [store.find(key, placement.bucket) for key, placement in zip(self._keys, placements, strict=True)]
            whole = [latents for latents in found if latents is not None]
            self._known = whole if len(whole) == len(found) else None
        self._pixels = [] if self._known is not None else [readers.submit(load_pixels, *each) for each in self._pairs()]

    def _pairs(self) -> Iterator[tuple[Picture, Placement]]:
        return zip(self._pictures, self._placements, strict=True)

    def latents(self, model: BaseModel) -> list[Tensor]:
        """Return the latents, as `PreparedPicture` has them."""
        store = self._store
        # A VAE that went over to a wider type meanwhile makes others.
        if self._known is not None and store is not None and store.is_in_use:
            return self._known
        read = [future.result() for future in self._pixels] or [load_pixels(*each) for each in self._pairs()]
        model.bring_vae()
        encoded = model.encode_pictures(torch.from_numpy(np.stack(read))).cpu()
        for picture, latents in zip(self._pictures, encoded, strict=True):
            _check_numbers(picture, latents)
        # Copies of their own: a view would keep the whole batch alive, and a batch may be large.
        made = [latents.clone() for latents in encoded]
        # A file that was written to meanwhile gave nobody knows what.
        if store is not None and store.is_in_use and store.keys(self._pictures, self._placements) == self._keys:
            for key, latents in zip(self._keys, made, strict=True):
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
