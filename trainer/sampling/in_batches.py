"""Pictures of many recipes, batch by batch, with fewer at once where the GPU's memory is full."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import torch

from trainer.grid.cost import pictures_at_once
from trainer.grid.recipe import ComputeSetup, Recipe
from trainer.grid.sampling_order import batch_key
from trainer.sampling.sampler import GridSampler, SampledPicture


def sampled_in_batches(
    sampler: GridSampler, recipes: Sequence[Recipe], compute_setup: ComputeSetup, stop: Callable[[], bool]
) -> Iterator[tuple[int, SampledPicture]]:
    """Yield (index, picture) of each recipe as it is made; no further ones once `stop` became true.

    Args:
        sampler: makes them.
        recipes: of any kind; neighbours that are alike share a batch.
        compute_setup: decides how many are made at once.
        stop: asked before each sampling step.

    Raises:
        ModelError: a LoRA cannot be put on.
        torch.OutOfMemoryError: one picture alone is too many.
    """
    for _, alike in groupby(range(len(recipes)), key=lambda index: batch_key(recipes[index])):
        left = list(alike)
        at_once = pictures_at_once(recipes[left[0]], compute_setup)
        while left:
            batch = left[:at_once]
            try:
                made = sampler.sample_with_latents([recipes[index] for index in batch], stop=stop)
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                at_once = len(batch) // 2
                torch.cuda.empty_cache()
                continue
            if made is None:
                return
            yield from zip(batch, made, strict=True)
            left = left[len(batch) :]
