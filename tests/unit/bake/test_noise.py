import math

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.bake.noise import DrawnNoise, draw, multires
from trainer.families.stable_diffusion import alphas_cumprod
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule
from trainer.network.draws import generator_for
from trainer.plan.timesteps import timestep_probabilities
from trainer.settings.model import Settings

LATENTS = torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def drawn(*, latents: Tensor = LATENTS, step: int = 1, micro_batch: int = 0, **chosen: object) -> DrawnNoise:
    settings = Settings.model_validate({"seed": 1, **chosen})
    return draw(latents, settings, NoiseSchedule().time_sampler(settings), step=step, micro_batch=micro_batch)


def numbers(*, step: int = 1, micro_batch: int = 0) -> torch.Generator:
    """Return the generator of a step as it stands once noise and times are drawn."""
    generator = generator_for(1, "noise", step, micro_batch)
    torch.randn(LATENTS.shape, generator=generator)
    torch.randint(0, 1000, (len(LATENTS),), generator=generator)
    return generator


def fraction(generator: torch.Generator) -> float:
    return float(torch.rand((), generator=generator))


def test_without_options_noise_and_times_are_the_first_numbers_of_the_steps_generator() -> None:
    generator = generator_for(1, "noise", 7, 2)
    noise = torch.randn(LATENTS.shape, generator=generator)
    times = torch.randint(0, 1000, (4,), generator=generator)
    found = drawn(step=7, micro_batch=2)
    assert torch.equal(found.target_noise, noise)
    assert torch.equal(found.timesteps, times)
    assert found.input_noise is found.target_noise


def test_the_latents_decide_nothing_but_the_shape() -> None:
    assert torch.equal(drawn().target_noise, drawn(latents=torch.zeros_like(LATENTS)).target_noise)


def test_offset_adds_one_number_per_picture_and_channel() -> None:
    """By hand: the next 16 normal numbers of the same generator, times the offset."""
    shift = torch.randn(4, 4, 1, 1, generator=numbers())
    assert torch.equal(drawn(noise_offset=0.1).target_noise, drawn().target_noise + 0.1 * shift)


def test_a_random_offset_is_one_share_of_it_for_the_batch() -> None:
    generator = numbers()
    shift = torch.randn(4, 4, 1, 1, generator=generator)
    found = drawn(noise_offset=0.1, noise_offset_random_strength=True).target_noise
    assert torch.equal(found, drawn().target_noise + 0.1 * fraction(generator) * shift)


def test_an_adaptive_offset_grows_with_the_distance_of_the_latents_mean_from_0() -> None:
    """By hand: means 2, -2 and 0 with scale 0.5 on an offset of 0.1 give 1.1, 1.1 and 0.1."""
    latents = torch.zeros(3, 4, 8, 8)
    latents[0], latents[1] = 2.0, -2.0
    chosen = {"latents": latents, "noise_offset": 0.1}
    plain = drawn(latents=latents).target_noise
    ratio = (drawn(**chosen, adaptive_noise_scale=0.5).target_noise - plain) / (drawn(**chosen).target_noise - plain)
    assert ratio.mean(dim=(1, 2, 3)).tolist() == pytest.approx([11, 11, 1], rel=1e-3)


def test_an_adaptive_offset_never_falls_below_0() -> None:
    latents = torch.full((2, 4, 8, 8), 3.0)
    found = drawn(latents=latents, noise_offset=0.1, adaptive_noise_scale=-1)
    assert torch.equal(found.target_noise, drawn(latents=latents).target_noise)


def test_multires_adds_layers_by_its_formula() -> None:
    """By hand from the same numbers: layer i at 1/r^i of the size, enlarged, times 0.5^i; then a standard deviation of 1."""
    generator = torch.Generator().manual_seed(3)
    expected = LATENTS.clone()
    for layer in range(2):
        factor = (fraction(generator) * 2 + 2) ** layer
        side = int(8 / factor)
        coarse = torch.randn(4, 4, side, side, generator=generator)
        expected += torch.nn.Upsample(size=(8, 8), mode="bilinear")(coarse) * 0.5**layer
    expected /= expected.std()
    assert torch.equal(multires(LATENTS, 2, 0.5, torch.Generator().manual_seed(3)), expected)


def test_multires_ends_with_the_layer_that_is_one_number_wide() -> None:
    generators = [torch.Generator().manual_seed(3) for _ in range(2)]
    noise = torch.randn(1, 4, 8, 64, generator=torch.Generator().manual_seed(1))
    # The shorter side is 1 after at most three halvings.
    found = [
        multires(noise, iterations, 0.3, generator) for iterations, generator in zip((32, 4), generators, strict=True)
    ]
    assert torch.equal(*found)


def test_multires_noise_is_smoother_and_as_strong() -> None:
    """Neighbours become alike; the spread stays 1."""
    latents = torch.zeros(8, 4, 32, 32)
    plain = drawn(latents=latents).target_noise
    coarse = drawn(latents=latents, multires_noise_iterations=6, multires_noise_discount=0.9).target_noise

    def alike(noise: Tensor) -> float:
        return float((noise[..., 1:] * noise[..., :-1]).mean())

    assert abs(alike(plain)) < 0.05
    assert alike(coarse) > 0.3
    assert float(coarse.std()) == pytest.approx(1, abs=1e-4)


def test_multires_comes_after_the_offset() -> None:
    generator = numbers()
    shift = torch.randn(4, 4, 1, 1, generator=generator)
    expected = multires(drawn().target_noise + 0.1 * shift, 3, 0.3, generator)
    assert torch.equal(drawn(noise_offset=0.1, multires_noise_iterations=3).target_noise, expected)


def test_input_noise_is_seen_and_not_to_be_predicted() -> None:
    found = drawn(ip_noise_gamma=0.1)
    assert torch.equal(found.target_noise, drawn().target_noise)
    assert torch.equal(found.input_noise, found.target_noise + 0.1 * torch.randn(LATENTS.shape, generator=numbers()))


def test_random_input_noise_is_one_share_of_it_for_the_batch() -> None:
    generator = numbers()
    more = torch.randn(LATENTS.shape, generator=generator)
    found = drawn(ip_noise_gamma=0.1, ip_noise_gamma_random_strength=True)
    assert torch.equal(found.input_noise, found.target_noise + 0.1 * fraction(generator) * more)


EVERYTHING = {
    "timestep_sampling": "laplace",
    "noise_offset": 0.1,
    "noise_offset_random_strength": True,
    "adaptive_noise_scale": 0.1,
    "multires_noise_iterations": 4,
    "ip_noise_gamma": 0.1,
    "ip_noise_gamma_random_strength": True,
}


@pytest.mark.parametrize("chosen", [{}, EVERYTHING], ids=["plain", "everything on"])
def test_a_step_draws_the_same_whatever_ran_before(chosen: dict[str, object]) -> None:
    first = drawn(step=7, **chosen)
    torch.manual_seed(99)
    drawn(step=6, **chosen)
    again = drawn(step=7, **chosen)
    assert torch.equal(first.target_noise, again.target_noise)
    assert torch.equal(first.input_noise, again.input_noise)
    assert torch.equal(first.timesteps, again.timesteps)


@pytest.mark.parametrize("other", [{"seed": 2}, {"step": 2}, {"micro_batch": 1}])
def test_seed_step_and_micro_batch_each_give_other_noise(other: dict[str, int]) -> None:
    assert not torch.equal(drawn().target_noise, drawn(**other).target_noise)


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"min_timestep": 100, "max_timestep": 110},
        {"timestep_sampling": "logit_normal"},
        {"timestep_sampling": "laplace", "laplace_mean": 2},
        {"timestep_sampling": "logit_normal", "min_timestep": 990},
    ],
)
def test_times_come_as_often_as_their_shares_say(chosen: dict[str, object]) -> None:
    """The largest distance of 40,000 draws from their distribution (Kolmogorov-Smirnov) stays in what chance allows."""
    times = drawn(latents=torch.zeros(40_000, 1, 1, 1), **chosen).timesteps
    shares = timestep_probabilities(Settings.model_validate(chosen), alphas_cumprod(False))
    counts = np.bincount(times.numpy(), minlength=1000)
    assert counts[shares == 0].sum() == 0
    distance = np.abs(counts.cumsum() / 40_000 - shares.cumsum()).max()
    assert distance < 1.95 / math.sqrt(40_000)
