"""Samplers of a flow, each as ComfyUI and the webui's forks mean its name.

A flow's latents are x = (1 - sigma) picture + sigma noise, and the model gives noise - picture. So what it takes for the picture is
x - sigma * velocity, and every sampler here goes from sigma to the next lower one of the list that it was given.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from diffusers import UniPCMultistepScheduler
from torch import Tensor

# Of twelve points on -1 to 1.
_NODES, _WEIGHTS = (numbers.tolist() for numbers in np.polynomial.legendre.leggauss(12))


def flow_sigmas(steps: int, shift: float) -> list[float]:
    """Return the shares of noise that a run goes through, falling from 1 to 0, [steps + 1].

    Even steps t, each shifted to shift·t / (1 + (shift - 1)·t) (Esser et al. 2024, eq. 23): the schedule `simple` of ComfyUI.

    Args:
        steps: 1 or more.
        shift: above 1 for more steps at much noise.
    """
    even = [1 - step / steps for step in range(steps + 1)]
    return [shift * time / (1 + (shift - 1) * time) for time in even]


def flow_sampler(name: str, sigmas: Sequence[float]) -> "FlowSampler | UniPC":
    """Return the sampler of that name for one run.

    Args:
        name: one of families.flow_matching.SAMPLERS.
        sigmas: from flow_sigmas.
    """
    return _BY_NAME[name](sigmas)


class FlowSampler(ABC):
    """One run through a list of falling shares of noise.

    Args:
        sigmas: from 1 to 0, [steps + 1].
    """

    init_noise_sigma = 1.0

    def __init__(self, sigmas: Sequence[float]) -> None:
        self._sigmas = list(sigmas)
        self._done = 0

    @property
    def times(self) -> list[float]:
        """The share of noise at each pass through the model, in their order."""
        return self._sigmas[:-1]

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
        generators: Sequence[torch.Generator] = options.get("generator", ())
        # At the last step every sampler gives what the model takes for the picture.
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


class Heun(Euler):
    """Along the mean of the velocities here and where the one here leads (Heun's method): two passes for each step but the last.

    That is k-diffusion's without its churn, with which a flow's shares would not add up.
    """

    def __init__(self, sigmas: Sequence[float]) -> None:
        super().__init__(sigmas)
        self._here: tuple[Tensor, Tensor] | None = None

    @property
    def times(self) -> list[float]:
        """The share of noise at each pass through the model, in their order."""
        steps = list(pairwise(self._sigmas))
        return [sigma for step in steps[:-1] for sigma in step] + [self._sigmas[-2]]

    def step(self, model_output: Tensor, timestep: Any, sample: Tensor, **options: Any) -> tuple[Tensor]:
        """Return where the velocity leads, and after the second pass the latents of the next share of noise; see FlowSampler."""
        now, after = self._sigmas[self._done], self._sigmas[self._done + 1]
        if after > 0 and self._here is None:
            self._here = sample, model_output
            return (sample + (after - now) * model_output,)
        if self._here is None:
            return super().step(model_output, timestep, sample, **options)
        (start, velocity), self._here = self._here, None
        self._done += 1
        return (start + (after - now) * (velocity + model_output) / 2,)


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


def er_sde_excess(ratio: float) -> float:
    """Return by how much more than the ratio of noise to picture ER SDE's noise scale is there: the authors' choice (appendix A.8).

    Args:
        ratio: share of noise by share of picture; infinite at nothing but noise.
    """
    return math.exp(ratio**0.3) + 10


class ErSde(FlowSampler):
    """The extended reverse-time SDE solver of three stages (Cui et al. 2023, arXiv:2309.06169, algorithm 3), as ComfyUI's er_sde.

    With the ratio r = sigma / (1 - sigma) and the noise scale phi(r) = r * excess(r) latents x go from r to the lower r' by

        x' / (1 - sigma') = phi' / phi * x / (1 - sigma) + (1 - phi' / phi) * picture + noise of variance r'^2 - r^2 (phi' / phi)^2

    and two terms for how the picture changes with r, of which the integrals over 1 / phi are taken by Gauss and Legendre's rule
    (the authors and ComfyUI add up 200 values). With an excess of 1 everywhere nothing is drawn: it is the flow's own ODE.

    Args:
        sigmas: as for FlowSampler.
        excess: phi(r) / r, rising with r, of an infinite ratio too.
    """

    def __init__(self, sigmas: Sequence[float], excess: Callable[[float], float] = er_sde_excess) -> None:
        super().__init__(sigmas)
        self._excess = excess
        self._pictures: list[Tensor] = []
        self._slope: Tensor | None = None

    def moved(
        self, sample: Tensor, picture: Tensor, now: float, after: float, generators: Sequence[torch.Generator]
    ) -> Tensor:
        """Return the point between sample and picture, the picture continued from the two before it, with noise added."""
        left = self._excess(_ratio(after)) / self._excess(_ratio(now))
        share = left * after / now
        found = share * sample + (1 - after - share * (1 - now)) * picture
        if self._done > 0:
            first, second = self._terms(now, after)
            before = [_ratio(sigma) for sigma in self._sigmas[max(0, self._done - 2) : self._done]]
            slope = (picture - self._pictures[-1]) / (_ratio(now) - before[-1])
            found = found + first * slope
            if self._slope is not None:
                found = found + second * (slope - self._slope) / ((_ratio(now) - before[0]) / 2)
            self._slope = slope
        self._pictures = [picture]
        added = after * math.sqrt(max(0.0, 1 - left**2))
        return found + added * _drawn(sample, generators) if added else found

    def _terms(self, now: float, after: float) -> tuple[float, float]:
        """Return what the picture's first and second derivative by the ratio count."""
        high, low = _ratio(now), _ratio(after)
        # In the logarithm, in which 1 / phi is nearly even.
        half = math.log(high / low) / 2
        ratios = [low * math.exp(half * (1 + node)) for node in _NODES]
        weights = [half * weight / self._excess(ratio) for weight, ratio in zip(_WEIGHTS, ratios, strict=True)]
        scale = after * self._excess(low)
        first = (1 - after) * (low - high) + scale * sum(weights)
        changes = sum(weight * (ratio - high) for weight, ratio in zip(weights, ratios, strict=True))
        return first, (1 - after) * (low - high) ** 2 / 2 + scale * changes


def _ratio(sigma: float) -> float:
    return sigma / (1 - sigma) if sigma < 1 else math.inf


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

    Attributes:
        times: as FlowSampler's.
    """

    init_noise_sigma = 1.0

    def __init__(self, sigmas: Sequence[float]) -> None:
        self.times = list(sigmas[:-1])
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


_BY_NAME: Mapping[str, Callable[[Sequence[float]], FlowSampler | UniPC]] = {
    "Euler": Euler,
    "Euler a": EulerAncestral,
    "Heun": Heun,
    "DPM++ 2M": DpmSolver2M,
    "ER SDE": ErSde,
    "UniPC": UniPC,
    "LCM": Lcm,
}


def _drawn(sample: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Return noise of the sample's shape, each picture's from its own stream, drawn on the CPU as the start noise is."""
    shape = (1, *sample.shape[1:])
    return torch.cat([torch.randn(shape, generator=generator) for generator in generators]).to(sample.device)
