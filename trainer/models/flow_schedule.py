"""The schedule of a flow: straight lines from picture to noise in continuous time, whose velocity is the target."""

import torch
from torch import Tensor

from trainer.families.flow_matching import TIMES
from trainer.families.record import Prediction
from trainer.models.flow_samplers import flow_sampler, flow_sigmas
from trainer.models.time_schedule import SamplingScheduler, TimeSampler, TimeSchedule
from trainer.plan.timesteps import timestep_probabilities
from trainer.settings.model import Settings

_FIRST_TIME, _LAST_TIME = 0.05, 0.95

# Below it the signal by noise is no longer a finite number that means anything.
_LEAST_NOISE = 1e-4


class FlowSchedule(TimeSchedule):
    """x_t = (1 - t) latents + t noise, of which noise - latents is predicted (Lipman et al. 2023; Liu et al. 2023).

    A time is its share of noise, often called sigma: 0 is the picture, 1 nothing but noise.
    """

    prediction: Prediction = "flow"
    zero_terminal_snr = False
    weighs_by_snr = False

    def add_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return (1 - t) latents + t noise."""
        return torch.lerp(latents, noise, times.view(-1, 1, 1, 1))

    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """Return noise - latents, the same at every time."""
        return noise - latents

    def snr(self, times: Tensor, *, plain: bool = False) -> Tensor:
        """Return ((1 - t) / t)²."""
        return ((1 - times) / times.clamp(min=_LEAST_NOISE)).square()

    def progress(self, times: Tensor) -> Tensor:
        """Return the times themselves."""
        return times

    def clearness(self, times: Tensor) -> Tensor:
        """Return 1 - t."""
        return 1 - times

    def time_sampler(self, settings: Settings) -> TimeSampler:
        """Return what draws times, fp32 from 0 to 1, by the probabilities of their pieces, evenly within each.

        See plan.timesteps; discrete_flow_shift is in the probabilities.
        """
        found = timestep_probabilities(settings, TIMES.signal(False), settings.discrete_flow_shift)
        shares = torch.from_numpy(found)
        below = torch.cat([torch.zeros(1, dtype=torch.float64), shares.cumsum(dim=0)])
        last = int(shares.nonzero()[-1])

        def drawn(count: int, generator: torch.Generator) -> Tensor:
            numbers = torch.rand(count, dtype=torch.float64, generator=generator)
            # The sum may round to a little less than 1, and a piece that is never drawn must not stand in for it.
            pieces = torch.searchsorted(below[1:], numbers, right=True).clamp(max=last)
            within = ((numbers - below[pieces]) / shares[pieces]).clamp(max=1)
            return ((pieces + within) / len(shares)).float()

        return drawn

    def spread_times(self, count: int) -> Tensor:
        """Return times, fp32, without the ends: near 0 what is left of the noise can hardly be seen, near 1 nothing of the picture."""
        return torch.linspace(_FIRST_TIME, _LAST_TIME, count)

    def sampling(self, sampler: str, steps: int, shift: float | None = None) -> tuple[SamplingScheduler, Tensor]:
        """Return a sampler of flows and the time of each of its passes through the model, fp32.

        Args:
            sampler: one of families.flow_matching.SAMPLERS.
            steps: 1 to 1000.
            shift: of the times; None for none.
        """
        found = flow_sampler(sampler, flow_sigmas(steps, 1.0 if shift is None else shift))
        return found, torch.tensor(found.times, dtype=torch.float32)
