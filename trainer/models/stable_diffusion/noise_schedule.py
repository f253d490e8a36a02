"""The discrete noise schedule of SD1.x and SDXL: 1000 times, noise or v as the target."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainer.families.record import Prediction
from trainer.families.stable_diffusion import BETA_END, BETA_START, TIMESTEPS
from trainer.models.stable_diffusion.diffusion_samplers import scheduler_for, set_steps
from trainer.models.time_schedule import SamplingScheduler, TimeSampler, TimeSchedule
from trainer.plan.timesteps import timestep_probabilities
from trainer.settings.model import Settings

_FIRST_TIME, _LAST_TIME = 50, 900


class NoiseSchedule(TimeSchedule):
    """The shares of signal and noise at each time, and the target that belongs to a kind of prediction.

    Attributes:
        prediction: what the U-Net gives.
        zero_terminal_snr: whether the last time is nothing but noise.
        alphas_cumprod: the schedule in use, fp32 [1000]: the share of signal (as variance) left at each time.
        plain_alphas_cumprod: the one before the zero-SNR fix; the same tensor where there is none.
    """

    def __init__(
        self,
        prediction: Prediction = "epsilon",
        zero_terminal_snr: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        self.prediction = prediction
        self.zero_terminal_snr = zero_terminal_snr
        plain = scaled_linear_alphas_cumprod()
        self.plain_alphas_cumprod = plain.to(device)
        self.alphas_cumprod = (
            without_terminal_signal(plain).to(device) if zero_terminal_snr else self.plain_alphas_cumprod
        )

    def progress(self, times: Tensor) -> Tensor:
        """Return the share of all times that come before, fp32 [batch]."""
        return times.float() / TIMESTEPS

    def clearness(self, times: Tensor) -> Tensor:
        """Return 1 / (1 + sigma) with sigma² = (1 - a) / a, finite where a is 0."""
        signal = self.alphas_cumprod[times]
        return signal.sqrt() / (signal.sqrt() + (1 - signal).sqrt())

    def time_sampler(self, settings: Settings) -> TimeSampler:
        """Return what draws times, int64 from 0 to 999, by their probabilities; see plan.timesteps."""
        shares = timestep_probabilities(settings, self.alphas_cumprod.cpu().double().numpy())
        bounded = settings.min_timestep > 0 or settings.max_timestep < TIMESTEPS
        if settings.timestep_sampling == "uniform" and not bounded:
            return lambda count, generator: torch.randint(0, TIMESTEPS, (count,), generator=generator)
        below = torch.from_numpy(shares).cumsum(dim=0)
        # The sum may round to a little less than 1, and a time that is never drawn must not stand in for it.
        below[int(np.flatnonzero(shares)[-1]) :] = 1

        def drawn(count: int, generator: torch.Generator) -> Tensor:
            return torch.searchsorted(below, torch.rand(count, dtype=torch.float64, generator=generator), right=True)

        return drawn

    def spread_times(self, count: int) -> Tensor:
        """Return times, int64, without the ends, which say little.

        Near 0 every model is wrong about noise it can hardly see, near 1000 every model is right.
        """
        return torch.linspace(_FIRST_TIME, _LAST_TIME, count).long()

    def sampling(self, sampler: str, steps: int, shift: float | None = None) -> tuple[SamplingScheduler, Tensor]:
        """Return diffusers' scheduler as the webui means the sampler's name, and its times; there is no shift."""
        scheduler = scheduler_for(sampler, self.prediction, self.zero_terminal_snr)
        return scheduler, set_steps(scheduler, steps)

    def to(self, device: torch.device | str) -> NoiseSchedule:
        """Return the same schedule with its tables on `device`."""
        return NoiseSchedule(self.prediction, self.zero_terminal_snr, device)

    def add_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return sqrt(a) latents + sqrt(1 - a) noise with a = alphas_cumprod at each picture's time (Ho et al. 2020, eq. 4).

        Args:
            latents, noise: [batch, 4, height/f, width/f], fp32.
            times: int64 [batch], 0 to 999, on the schedule's device.
        """
        signal = self.alphas_cumprod[times].view(-1, 1, 1, 1)
        return signal.sqrt() * latents + (1 - signal).sqrt() * noise

    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return what the U-Net is to predict, of the latents' shape: the noise itself, or v = sqrt(a) noise - sqrt(1 - a) latents.

        v is the velocity of Salimans and Ho 2022, section 4.

        Args:
            latents, noise, times: as for add_noise.
        """
        if self.prediction == "epsilon":
            return noise
        signal = self.alphas_cumprod[times].view(-1, 1, 1, 1)
        return signal.sqrt() * noise - (1 - signal).sqrt() * latents

    def snr(self, times: Tensor, *, plain: bool = False) -> Tensor:
        """Return a / (1 - a) at each time, fp32 [batch], always finite: 0 at the last time with zero terminal SNR.

        Args:
            times: int64 [batch].
            plain: take the schedule before the zero-SNR fix, as sd-scripts does for its loss weights.
        """
        signal = (self.plain_alphas_cumprod if plain else self.alphas_cumprod)[times]
        return signal / (1 - signal)


def scaled_linear_alphas_cumprod() -> Tensor:
    """Return the cumulated products of 1 - beta, fp32 [1000], betas linear in their square root."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TIMESTEPS, dtype=torch.float32) ** 2
    return torch.cumprod(1 - betas, dim=0)


def without_terminal_signal(alphas_cumprod: Tensor) -> Tensor:
    """Return the schedule shifted and scaled so that nothing of the signal is left at the last time (Lin et al. 2023, algorithm 1).

    The square roots are moved down by the last one and stretched so that the first keeps its value.

    Args:
        alphas_cumprod: fp32 [1000].
    """
    # The paper goes on to betas and back; their product is these numbers again. In fp64, or the small differences near the
    # end would lose three digits.
    roots = alphas_cumprod.double().sqrt()
    first, last = roots[0], roots[-1]
    return ((roots - last) * (first / (first - last))).square().float()
