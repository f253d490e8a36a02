"""Noise and times of a batch: those of its step, whatever ran before."""

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.models.time_schedule import TimeSampler
from trainer.network.draws import generator_for
from trainer.settings.model import Settings
from trainer.settings.random_numbers import RandomSource


@dataclass(frozen=True)
class DrawnNoise:
    """What a batch draws, on the CPU.

    Attributes:
        noise: what is to be predicted, fp32 [batch, 4, height/f, width/f].
        seen: the noise put on the latents, same shape; another one with ip_noise_gamma only.
        times: [batch], as the schedule has them.
    """

    target_noise: Tensor
    input_noise: Tensor
    timesteps: Tensor


def draw(latents: Tensor, settings: Settings, draw_times: TimeSampler, *, step: int, micro_batch: int) -> DrawnNoise:
    """Return the noise and the times of a batch.

    Seed, step and micro-batch alone decide them, so any step can be done again. Each option draws after those before it, and only
    when it is on.

    Args:
        latents: [batch, 4, height/f, width/f], scaled.
        settings: the section Noise.
        draw_times: from the schedule in use; see TimeSchedule.time_sampler.
        step: optimizer step, from 1.
        micro_batch: position in the step's accumulated batches.
    """
    generator = generator_for(settings.seed_of(RandomSource.NOISE), "noise", step, micro_batch)
    noise = torch.randn(latents.shape, generator=generator)
    times = draw_times(len(latents), generator)
    noise = _with_offset(noise, latents, settings, generator)
    if settings.multires_noise_iterations is not None:
        noise = multires(noise, settings.multires_noise_iterations, settings.multires_noise_discount, generator)
    return DrawnNoise(noise, _seen(noise, settings, generator), times)


def multires(noise: Tensor, iterations: int, discount: float, generator: torch.Generator) -> Tensor:
    """Return noise with coarser and coarser noise added, at a standard deviation of 1 (Whitaker 2023; sd-scripts: multires_noise_*).

    The i-th layer, from 0, is r^i times coarser, r drawn between 2 and 4, and counts discount^i. A layer one number wide or high is
    the last.

    Args:
        noise: [batch, channels, height, width].
        iterations: layers at most.
        discount: what a layer counts of the one before.
        generator: the random numbers' source.
    """
    batch, channels, height, width = noise.shape
    for layer in range(iterations):
        coarser = (2 + 2 * _fraction(generator)) ** layer
        size = max(1, int(height / coarser)), max(1, int(width / coarser))
        coarse = torch.randn(batch, channels, *size, generator=generator)
        noise = noise + torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear") * discount**layer
        if 1 in size:
            break
    return noise / noise.std()


def _with_offset(noise: Tensor, latents: Tensor, settings: Settings, generator: torch.Generator) -> Tensor:
    """Return noise + offset · one random number per picture and channel (sd-scripts: noise_offset, adaptive_noise_scale)."""
    offset, adaptive = settings.noise_offset, settings.adaptive_noise_scale
    if offset == 0 and adaptive is None:
        return noise
    shift = torch.randn(noise.shape[0], noise.shape[1], 1, 1, generator=generator)
    if settings.noise_offset_random_strength:
        offset *= _fraction(generator)
    if adaptive is None:
        return noise + offset * shift
    brightness = latents.mean(dim=(2, 3), keepdim=True).abs()
    return noise + (offset + adaptive * brightness).clamp(min=0) * shift


def _seen(noise: Tensor, settings: Settings, generator: torch.Generator) -> Tensor:
    """Return what the U-Net gets to see for `noise` (Ning et al. 2023, section 4; sd-scripts: ip_noise_gamma)."""
    gamma = settings.ip_noise_gamma
    if gamma is None:
        return noise
    more = torch.randn(noise.shape, generator=generator)
    if settings.ip_noise_gamma_random_strength:
        gamma *= _fraction(generator)
    return noise + gamma * more


def _fraction(generator: torch.Generator) -> float:
    """Return a random number from 0 to below 1."""
    return float(torch.rand((), generator=generator))
