"""Samplers of flows, beside diffusers' and k-diffusion's."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from trainer.families.flow_matching import SAMPLERS
from trainer.models.flow_samplers import flow_sampler, flow_sigmas

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
    """Return the latents after each step."""
    sigmas = flow_sigmas(steps, shift)
    sampler, sample = flow_sampler(name, sigmas), noise()
    generators = [torch.Generator().manual_seed(seed + row) for row in range(SHAPE[0])]
    draws = {"generator": generators} if name in ("Euler a", "LCM") else {}
    found = []
    for sigma in sigmas[:-1]:
        seen = sampler.scale_model_input(sample, sigma)
        sample = sampler.step(velocity(seen, sigma), sigma, sample, **draws, return_dict=False)[0]
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
    assert len(found) == steps
    assert torch.allclose(found[-1], picture(), atol=1e-3)


@pytest.mark.parametrize("name", SAMPLERS)
def test_on_the_way_there_is_as_much_noise_as_the_model_is_told(name: str) -> None:
    """Ancestral samplers too: what is left after the picture's share has the variance of the next share of noise."""
    sigmas = flow_sigmas(8, 3)
    for sigma, sample in zip(sigmas[1:-1], run(name, to_the_picture)[:-1], strict=True):
        left = (sample - (1 - sigma) * picture()) / sigma
        assert float(left.std()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("name", ["DPM++ 2M", "UniPC"])
def test_one_of_second_order_comes_nearer_than_euler_in_as_many_steps(name: str) -> None:
    exact = run("Euler", bent, 2000)[-1]
    assert float((run(name, bent, 40)[-1] - exact).norm()) < 0.5 * float((run("Euler", bent, 40)[-1] - exact).norm())


@pytest.mark.parametrize("name", ["Euler a", "LCM"])
def test_one_that_draws_draws_each_picture_from_its_own_stream(name: str) -> None:
    first, again, other = (run(name, bent, seed=seed)[-1] for seed in (5, 5, 6))
    assert torch.equal(first, again)
    # The second picture's stream of one run is the first's of the other.
    assert not torch.equal(first[1], other[1]) and not torch.equal(first[0], other[0])
