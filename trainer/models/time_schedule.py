"""Noise over time as bakes and grids see it, whatever a base's family: how it is added, what is predicted of it, which times are drawn."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from trainer.families.record import Prediction
from trainer.settings.model import Settings

TimeSampler = Callable[[int, torch.Generator], Tensor]
"""Draws as many times as asked for, [batch], on the CPU."""


class SamplingScheduler(Protocol):
    """What takes a picture from noise step by step: diffusers' schedulers, or a family's own."""

    init_noise_sigma: Any

    def scale_model_input(self, sample: Tensor, timestep: Any) -> Tensor:
        """Return the latents as the model takes them at this time."""

    def step(self, model_output: Tensor, timestep: Any, sample: Tensor, **options: Any) -> Any:
        """Return the latents of the next time, as a tuple of one; `generator` is among the options of an ancestral sampler."""


class TimeSchedule(ABC):
    """How noise is added over time, what is to be predicted of it, and how times are drawn and gone through.

    Attributes:
        prediction: what the model gives.
        zero_terminal_snr: whether the last time is nothing but noise.
        weighs_by_snr: whether the loss weights of diffusion models (Min-SNR and its like) apply.
    """

    prediction: Prediction
    zero_terminal_snr: bool
    weighs_by_snr: bool = True

    @abstractmethod
    def add_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return the latents with as much noise as there is at each picture's time.

        Args:
            latents, noise: [batch, channels, height/f, width/f], fp32.
            times: [batch], on the latents' device.
        """

    @abstractmethod
    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return what the model is to predict, of the latents' shape; arguments as for add_noise."""

    @abstractmethod
    def snr(self, times: Tensor, *, plain: bool = False) -> Tensor:
        """Return signal by noise, as variances, at each time, fp32 [batch], always finite.

        Args:
            times: [batch].
            plain: without a fix of the schedule's end, as sd-scripts weighs losses.
        """

    @abstractmethod
    def progress(self, times: Tensor) -> Tensor:
        """Return how far each time is on the way from picture (0) to noise (1), fp32 [batch]."""

    @abstractmethod
    def clearness(self, times: Tensor) -> Tensor:
        """Return the signal's share of signal and noise, as standard deviations, fp32 [batch]: 1 / (1 + noise / signal)."""

    @abstractmethod
    def time_sampler(self, settings: Settings) -> TimeSampler:
        """Return what draws a batch's times as the settings of section Noise say."""

    @abstractmethod
    def spread_times(self, count: int) -> Tensor:
        """Return times evenly spread over those that tell models apart, [count], on the CPU: the validation's."""

    @abstractmethod
    def sampling(self, sampler: str, steps: int, shift: float | None = None) -> tuple[SamplingScheduler, Tensor]:
        """Return a scheduler ready for one run of that many steps, and the times that it goes through, [steps], on the CPU.

        Args:
            sampler: name of one of those that the family's record allows.
            steps: 1 to 1000.
            shift: of the times, on bases whose record has one; None elsewhere.
        """
