"""Batches as they pass through the model, and the batches of one optimizer step."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """One pass through the model.

    Attributes:
        latents: fp32 [batch, channels, height/f, width/f].
        noise: what is to be predicted, same shape.
        seen: the noise put on the latents, same shape; other than `noise` with ip_noise_gamma.
        times: [batch], as the model's schedule has them.
        tokens: int64 [batch, ...], as the model makes and reads them.
        weights: fp32 [batch], what each picture's loss counts.
        folder_of: fp32 [folders, batch], 1 where the picture is of the folder.
        sizes: int64 [batch, 6], for families that take them: original height and width, top and left of the crop, height and width of the bucket.
        masks: fp32 [batch, 1, height/f, width/f]; None where everything counts.
        captions: the words themselves.
    """

    latents: Tensor
    target_noise: Tensor
    input_noise: Tensor
    timesteps: Tensor
    input_ids: Tensor
    weights: Tensor
    folder_of: Tensor
    time_ids: Tensor
    masks: Tensor | None
    captions: tuple[str, ...]

    def on(self, device: torch.device) -> "Batch":
        """Return the batch on `device`; the copy runs while the caller continues."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> "Batch":
        """Return the batch in memory that a card can copy from by itself."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        values: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        tensors = {name: change(value) for name, value in values.items() if isinstance(value, Tensor)}
        return Batch(**{**values, **tensors})


@dataclass(frozen=True)
class StepBatches:
    """One optimizer step.

    Attributes:
        step: from 1.
        epoch: from 1.
        ends_epoch: whether it is the epoch's last.
        batches: the accumulated ones; fewer at an epoch's end where they do not divide.
        pictures: their indexes in the data, in order.
    """

    step: int
    epoch: int
    ends_epoch: bool
    batches: tuple[Batch, ...]
    pictures: tuple[int, ...]
