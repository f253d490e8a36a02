"""Which noise and which times does a batch get? Those of its step, whatever ran before."""

import torch
from torch import Tensor

from trainer.models.sd1 import TIMES
from trainer.network.draws import generator_for


def draw_noise(shape: torch.Size, *, seed: int, step: int, micro_batch: int, offset: float) -> tuple[Tensor, Tensor]:
    """Return noise, fp32 of `shape`, and times, int64 [batch] in 0 to 999, on the CPU.

    Seed, step and micro-batch alone decide them, so any step can be done again.

    Args:
        shape: [batch, 4, height/f, width/f] of the latents.
        seed: the bake's seed.
        step: optimizer step, from 1.
        micro_batch: position in the step's accumulated batches.
        offset: the setting noise_offset.
    """
    generator = generator_for(seed, "noise", step, micro_batch)
    noise = torch.randn(shape, generator=generator)
    times = torch.randint(0, TIMES, (shape[0],), generator=generator)
    return with_offset(noise, offset, generator), times


def with_offset(noise: Tensor, offset: float, generator: torch.Generator) -> Tensor:
    """Return noise + offset · one random number per picture and channel (sd-scripts: noise_offset).

    Args:
        noise: [batch, channels, height, width].
        offset: 0 leaves the noise as it is.
        generator: the random numbers' source.
    """
    if offset == 0:
        return noise
    return noise + offset * torch.randn(noise.shape[0], noise.shape[1], 1, 1, generator=generator)
