"""Samplers of flows, beside diffusers' and k-diffusion's."""

import itertools
import math
from collections.abc import Callable, Sequence

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from trainer.families.flow_matching import SAMPLERS
from trainer.grid.samplers import sampler_named
from trainer.models.flow_samplers import (
    ErSde,
    Euler,
    FlowSampler,
    Heun,
    UniPC,
    er_sde_excess,
    flow_sampler,
    flow_sigmas,
)

Velocity = Callable[[Tensor, float], Tensor]

SHAPE = (2, 3, 16, 16)


def noise() -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))


def picture() -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(2))


def bent(sample: Tensor, sigma: float) -> Tensor:
    """A velocity that no straight line has."""
    return torch.sin(3 * sample) + sigma * sample


def to_the_picture(sample: Tensor, sigma: float) -> Tensor:
    """The velocity of a model that knows the picture."""
    return (sample - picture()) / sigma


def run(name: str, velocity: Velocity, steps: int = 8, shift: float = 3.0, seed: int = 5) -> list[Tensor]:
    """Return the latents after each pass."""
    return through(
        flow_sampler(name, flow_sigmas(steps, shift)), velocity, noise(), seed, draws=sampler_named(name).ancestral
    )


def through(
    sampler: FlowSampler | UniPC, velocity: Velocity, sample: Tensor, seed: int = 5, *, draws: bool
) -> list[Tensor]:
    generators = [torch.Generator().manual_seed(seed + row) for row in range(len(sample))]
    options = {"generator": generators} if draws else {}
    found = []
    for sigma in sampler.times:
        seen = sampler.scale_model_input(sample, sigma)
        sample = sampler.step(velocity(seen, sigma), sigma, sample, **options, return_dict=False)[0]
        found.append(sample)
    return found


@pytest.mark.parametrize(("steps", "shift"), [(1, 3.0), (12, 1.0), (30, 3.0)])
def test_the_shares_of_noise_are_those_of_diffusers_with_even_steps_given(steps: int, shift: float) -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=[1 - step / steps for step in range(steps)])
    assert flow_sigmas(steps, shift) == pytest.approx(scheduler.sigmas.tolist(), abs=1e-6)


def test_a_shift_of_3_ends_thirty_steps_where_comfyui_does() -> None:
    assert flow_sigmas(30, 3)[-2] == pytest.approx(0.094, abs=5e-4)


def test_euler_is_diffusers_euler() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3)
    scheduler.set_timesteps(sigmas=[1 - step / 8 for step in range(8)])
    sample = noise()
    for time in scheduler.timesteps:
        sample = scheduler.step(bent(sample, float(time) / 1000), time, sample, return_dict=False)[0]
    assert torch.allclose(run("Euler", bent)[-1], sample, atol=1e-5)


def test_dpm_2m_is_k_diffusions_with_the_shares_of_noise_as_sigmas() -> None:
    """Step by step in its own form: x = (s'/s) x - (e^-h - 1) ((1 + 1/2r) d - (1/2r) d')."""
    sigmas, sample, last = flow_sigmas(8, 3), noise().double(), None
    found = run("DPM++ 2M", bent)
    for place, (now, after) in enumerate(itertools.pairwise(sigmas)):
        denoised = sample - now * bent(sample, now)
        if after == 0:
            sample = denoised
        else:
            step = -math.log(after) + math.log(now)
            ahead = denoised
            if last is not None:
                ratio = (-math.log(now) + math.log(sigmas[place - 1])) / step
                ahead = (1 + 1 / (2 * ratio)) * denoised - last / (2 * ratio)
            sample = after / now * sample - math.expm1(-step) * ahead
        last = denoised
        assert torch.allclose(found[place].double(), sample, atol=1e-5)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 25])
def test_a_model_that_knows_the_picture_gets_there(name: str, steps: int) -> None:
    found = run(name, to_the_picture, steps)
    assert len(found) == sampler_named(name).evaluations(steps)
    assert torch.allclose(found[-1], picture(), atol=1e-3)


@pytest.mark.parametrize("name", SAMPLERS)
def test_on_the_way_there_is_as_much_noise_as_the_model_is_told(name: str) -> None:
    """Ancestral samplers too: what is left after the picture's share has the variance of the next share of noise."""
    times = flow_sampler(name, flow_sigmas(8, 3)).times
    for sigma, sample in zip(times[1:], run(name, to_the_picture)[:-1], strict=True):
        left = (sample - (1 - sigma) * picture()) / sigma
        assert float(left.std()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", ["Heun", "DPM++ 2M", "UniPC"])
def test_one_of_second_order_comes_nearer_than_euler_in_as_many_steps(name: str) -> None:
    exact = run("Euler", bent, 2000)[-1]
    assert float((run(name, bent, 40)[-1] - exact).norm()) < 0.5 * float((run("Euler", bent, 40)[-1] - exact).norm())


@pytest.mark.parametrize("name", ["Euler a", "ER SDE", "LCM"])
def test_one_that_draws_draws_each_picture_from_its_own_stream(name: str) -> None:
    first, again, other = (run(name, bent, seed=seed)[-1] for seed in (5, 5, 6))
    assert torch.equal(first, again)
    # The second picture's stream of one run is the first's of the other.
    assert not torch.equal(first[1], other[1]) and not torch.equal(first[0], other[0])


# A flow to pictures of independent numbers of this mean and spread has a known velocity and a known end.
MEAN, SPREAD = 0.7, 0.5


def spread_at(sigma: float) -> float:
    return math.hypot((1 - sigma) * SPREAD, sigma)


def to_gaussian_pictures(sample: Tensor, sigma: float) -> Tensor:
    """The velocity of the flow to them: what the picture is on the average behind a sample (Tweedie)."""
    behind = MEAN + (1 - sigma) * SPREAD**2 / spread_at(sigma) ** 2 * (sample - (1 - sigma) * MEAN)
    return (sample - behind) / sigma


def gaussian_start(sigma: float, count: int = 512) -> Tensor:
    drawn = torch.randn((2, 1, count, 8), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return (1 - sigma) * MEAN + spread_at(sigma) * drawn


def without_noise(sigmas: Sequence[float]) -> ErSde:
    return ErSde(sigmas, lambda ratio: 1.0)


def distance(of: Callable[[list[float]], FlowSampler], steps: int) -> float:
    """Return how far a sampler ends from where the flow's ODE leads, from nine tenths of noise to one tenth."""
    sigmas = [0.9 - 0.8 * step / steps for step in range(steps + 1)]
    start = gaussian_start(sigmas[0])
    found = through(of([*sigmas, 0.0]), to_gaussian_pictures, start, draws=False)
    # The last step gives the picture; where it began is the pass before it.
    exact = (1 - sigmas[-1]) * MEAN + spread_at(sigmas[-1]) / spread_at(sigmas[0]) * (start - (1 - sigmas[0]) * MEAN)
    return float((found[-2] - exact).abs().max())


@pytest.mark.parametrize(
    ("of", "order"), [(Euler, 1), (Heun, 2), (without_noise, 2)], ids=["Euler", "Heun", "ER SDE without noise"]
)
def test_halving_the_steps_brings_a_sampler_nearer_by_its_order(
    of: Callable[[list[float]], FlowSampler], order: int
) -> None:
    assert math.log2(distance(of, 40) / distance(of, 80)) == pytest.approx(order, abs=0.3)


def test_heun_goes_through_the_model_twice_but_for_the_last_step() -> None:
    sampler = flow_sampler("Heun", [1.0, 0.5, 0.25, 0.0])
    assert sampler.times == [1.0, 0.5, 0.5, 0.25, 0.25]
    velocities = dict(zip([1.0, 0.5, 0.25], torch.tensor([[1.0], [3.0], [7.0]]).view(3, 1, 1, 1, 1), strict=True))
    found = through(sampler, lambda _, sigma: velocities[sigma], torch.zeros(1, 1, 1, 1), draws=False)
    assert [float(each) for each in found] == [-0.5, -1.0, -1.75, -2.25, -4.0]


def test_er_sde_draws_pictures_of_the_right_mean_and_spread() -> None:
    found = through(
        flow_sampler("ER SDE", flow_sigmas(60, 3)), to_gaussian_pictures, gaussian_start(1.0, 4096), draws=True
    )
    for sigma, sample in zip([*flow_sigmas(60, 3)[1:-1], 0.0], found, strict=True):
        if sigma:
            assert float(sample.mean()) == pytest.approx((1 - sigma) * MEAN, abs=0.02)
            assert float(sample.std()) == pytest.approx(spread_at(sigma), rel=0.02)
    # What began it is forgotten: another seed's noise leads elsewhere.
    other = through(
        flow_sampler("ER SDE", flow_sigmas(60, 3)), to_gaussian_pictures, gaussian_start(1.0, 4096), 99, draws=True
    )
    assert abs(float(torch.corrcoef(torch.stack([found[-1].flatten(), other[-1].flatten()]))[0, 1])) < 0.05


def test_er_sde_is_the_authors_with_their_noise_scale() -> None:
    """Step by step in their own form, by the ratio of noise to picture, with integrals of many values: algorithm 3 of the paper."""
    sigmas, sample = [0.97, 0.9, 0.8, 0.6, 0.4, 0.2, 0.1, 0.0], gaussian_start(0.97)
    found = through(ErSde(sigmas), to_gaussian_pictures, sample, draws=True)
    generators = [torch.Generator().manual_seed(5 + row) for row in range(2)]
    ratios = [sigma / (1 - sigma) for sigma in sigmas]
    pictures: list[Tensor] = []
    slopes: list[Tensor] = []
    for place, (now, after) in enumerate(itertools.pairwise(sigmas[:-1])):
        high, low = ratios[place], ratios[place + 1]
        pictures.append(sample - now * to_gaussian_pictures(sample, now))
        scale = {ratio: ratio * (math.exp(ratio**0.3) + 10) for ratio in (high, low)}
        kept, alpha = scale[low] / scale[high], 1 - after
        sample = alpha / (1 - now) * kept * sample + alpha * (1 - kept) * pictures[-1]
        ratio = torch.linspace(low, high, 20_001, dtype=torch.float64)
        of_each = 1 / (ratio * ((ratio**0.3).exp() + 10))
        if place:
            slopes.append((pictures[-1] - pictures[-2]) / (high - ratios[place - 1]))
            sample = sample + alpha * (low - high + scale[low] * torch.trapezoid(of_each, ratio)) * slopes[-1]
        if place > 1:
            bend = (slopes[-1] - slopes[-2]) / ((high - ratios[place - 2]) / 2)
            changes = torch.trapezoid((ratio - high) * of_each, ratio)
            sample = sample + alpha * ((low - high) ** 2 / 2 + scale[low] * changes) * bend
        drawn = torch.cat([torch.randn((1, *sample.shape[1:]), generator=each) for each in generators])
        sample = sample + alpha * math.sqrt(low**2 - high**2 * kept**2) * drawn
        assert torch.allclose(found[place], sample, atol=1e-6)


def test_from_nothing_but_noise_er_sde_forgets_where_it_began() -> None:
    assert er_sde_excess(math.inf) == math.inf
    starts = noise(), torch.zeros(SHAPE)
    first, other = (
        through(flow_sampler("ER SDE", [1.0, 0.6, 0.0]), lambda x, s: (x - picture()) / s, start, draws=True)[0]
        for start in starts
    )
    assert torch.allclose(first, other, atol=1e-6)


@pytest.mark.parametrize("shift", [0.1, 1.0, 12.0, 100.0])
@pytest.mark.parametrize("steps", [2, 3, 100])
def test_er_sde_is_finite_at_every_shift(shift: float, steps: int) -> None:
    assert run("ER SDE", to_the_picture, steps, shift)[-1].isfinite().all()
