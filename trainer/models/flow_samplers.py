"""Samplers of a flow, each as ComfyUI and the webui's forks mean its name.

A flow's latents are x = (1 - sigma) picture + sigma noise, and the model gives noise - picture. So what it takes for the picture is
x - sigma * velocity, and every sampler here goes from sigma to the next lower one of the list that it was given.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from diffusers import UniPCMultistepScheduler
from torch import Tensor

from trainer.models.time_schedule import SamplingScheduler


def flow_sigmas(steps: int, shift: float) -> list[float]:
    """Return the shares of noise that a run goes through, falling from 1 to 0, [steps + 1].

    Even steps t, each shifted to shift·t / (1 + (shift - 1)·t) (Esser et al. 2024, eq. 23): the schedule `simple` of ComfyUI.

    Args:
        steps: 1 or more.
        shift: above 1 for more steps at much noise.
    """
    even = [1 - step / steps for step in range(steps + 1)]
    return [shift * time / (1 + (shift - 1) * time) for time in even]


def flow_sampler(name: str, sigmas: Sequence[float]) -> SamplingScheduler:
    """Return the sampler of that name for one run.

    Args:
        name: one of families.flow_matching.SAMPLERS.
        sigmas: from flow_sigmas.
    """
    match name:
        case "Euler":
            return Euler(sigmas)
        case "Euler a":
            return EulerAncestral(sigmas)
        case "DPM++ 2M":
            return DpmSolver2M(sigmas)
        case "UniPC":
            return UniPC(sigmas)
        case "LCM":
            return Lcm(sigmas)
        case _:
            raise AssertionError(f"no sampler of flows {name}")


class FlowSampler(ABC):
    """One run through a list of falling shares of noise.

    Args:
        sigmas: from 1 to 0, [steps + 1].
    """

    init_noise_sigma = 1.0

    def __init__(self, sigmas: Sequence[float]) -> None:
        self._sigmas = list(sigmas)
        self._done = 0

    def scale_model_input(self, sample: Tensor, timestep: Any) -> Tensor:
        """Return the latents as they are."""
        return sample

    def step(self, model_output: Tensor, timestep: Any, sample: Tensor, **options: Any) -> tuple[Tensor]:
        """Return the latents of the next share of noise.

        Args:
            model_output: the velocity, of the sample's shape.
            timestep: not read: steps are counted.
            sample: [batch, channels, height/f, width/f].
            options: `generator` has a generator of each picture's noise, for samplers that draw.
        """
        now, after = self._sigmas[self._done], self._sigmas[self._done + 1]
        picture = sample - now * model_output
        # At the last step every sampler gives what the model takes for the picture.
        generators: Sequence[torch.Generator] = options.get("generator", ())
        moved = self.moved(sample, picture, now, after, generators) if after > 0 else picture
        self._done += 1
        return (moved,)

    @abstractmethod
    def moved(
        self, sample: Tensor, picture: Tensor, now: float, after: float, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Return the latents at the share of noise `after`, above 0.

        Args:
            sample: at the share `now`.
            picture: what the model takes for the picture there.
            now, after: shares of noise.
            generators: of each picture's noise.
        """


class Euler(FlowSampler):
    """Straight along the velocity (Euler's method)."""

    def moved(
        self, sample: Tensor, picture: Tensor, now: float, after: float, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Return the point between sample and picture."""
        return torch.lerp(picture, sample, after / now)


class EulerAncestral(FlowSampler):
    """Euler's method to less noise than asked for, and new noise to make up for it.

    With a flow the picture's share falls as the noise's rises, so both are brought to what they are at the next sigma; eta is 1.
    """

    def moved(
        self, sample: Tensor, picture: Tensor, now: float, after: float, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Return the point at the lower share of noise, scaled to the picture's share at `after`, with noise added."""
        down = after * after / now
        scale = (1 - after) / (1 - down)
        added = math.sqrt(after**2 - (down * scale) ** 2)
        return torch.lerp(picture, sample, down / now) * scale + added * _drawn(sample, generators)


class DpmSolver2M(FlowSampler):
    """DPM-Solver++ of second order with several steps (Lu et al. 2022, algorithm 2), in the time -log(sigma).

    That is k-diffusion's, which ComfyUI and the forks use for flows as well; in diffusers' the time is log((1 - sigma) / sigma).
    """

    def __init__(self, sigmas: Sequence[float]) -> None:
        super().__init__(sigmas)
        self._last: Tensor | None = None

    def moved(
        self, sample: Tensor, picture: Tensor, now: float, after: float, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Return the point between sample and the picture continued from the one before it."""
        ahead = picture
        if self._last is not None:
            before = self._sigmas[self._done - 1]
            ratio = math.log(now / after) / math.log(before / now)
            ahead = torch.lerp(self._last, picture, 1 + ratio / 2)
        self._last = picture
        return torch.lerp(ahead, sample, after / now)


class Lcm(FlowSampler):
    """The picture with new noise at each step (Luo et al. 2023), for bases that were distilled to few steps."""

    def moved(
        self, sample: Tensor, picture: Tensor, now: float, after: float, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Return the picture with as much new noise as there is at `after`."""
        return torch.lerp(picture, _drawn(sample, generators), after)


class UniPC:
    """diffusers' UniPC of second order (Zhao et al. 2023) over the same shares of noise.

    Args:
        sigmas: from 1 to 0, [steps + 1].
    """

    init_noise_sigma = 1.0

    def __init__(self, sigmas: Sequence[float]) -> None:
        self._solver: Any = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True)
        # They are shifted, so its own shift stays 1. It takes a little off a first sigma of 1, for the logarithm.
        self._solver.set_timesteps(sigmas=np.array(sigmas[:-1]))
        # Or each step is looked up by its time, of which whole numbers are kept.
        self._solver.set_begin_index(0)

    def scale_model_input(self, sample: Tensor, timestep: Any) -> Tensor:
        """Return the latents as they are."""
        return sample

    def step(self, model_output: Tensor, timestep: Any, sample: Tensor, **options: Any) -> Any:
        """Return the latents of the next share of noise, as a tuple of one."""
        return self._solver.step(model_output, timestep, sample, **options)


def _drawn(sample: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Return noise of the sample's shape, each picture's from its own stream, drawn on the CPU as the start noise is."""
    shape = (1, *sample.shape[1:])
    return torch.cat([torch.randn(shape, generator=generator) for generator in generators]).to(sample.device)
