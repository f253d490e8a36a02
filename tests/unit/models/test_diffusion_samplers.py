"""Every sampler finds the picture that a U-Net which knows it points to, whatever that U-Net predicts and by which schedule."""

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.families.record import Prediction
from trainer.families.stable_diffusion import SAMPLERS
from trainer.grid.samplers import Sampler, sampler_named
from trainer.models.stable_diffusion.diffusion_samplers import scheduler_for, set_steps
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule

PICTURE = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
NOISE = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(2))

each_sampler = pytest.mark.parametrize(
    "sampler", [sampler_named(name) for name in SAMPLERS], ids=lambda sampler: sampler.name
)


def noise_level(schedule: NoiseSchedule, time: float) -> float:
    """Return noise by signal at a time, between two whole ones as the schedulers take it."""
    alphas = schedule.alphas_cumprod.double().clamp(min=2**-24)
    return float(np.interp(time, np.arange(1000), ((1 - alphas) / alphas).sqrt().numpy()))


def answer(schedule: NoiseSchedule, seen: Tensor, time: float) -> Tensor:
    """Return what a U-Net predicts that knows PICTURE is behind the noise."""
    level = noise_level(schedule, time)
    signal = 1 / (1 + level**2) ** 0.5
    noise = (seen - signal * PICTURE) / (level * signal)
    return noise if schedule.prediction == "epsilon" else signal * noise - level * signal * PICTURE


@each_sampler
@pytest.mark.parametrize(
    ("prediction", "zero_terminal_snr"), [("epsilon", False), ("v", False), ("v", True), ("epsilon", True)]
)
@pytest.mark.parametrize("steps", [2, 7, 20])
def test_a_sampler_ends_at_the_picture_the_unet_knows(
    sampler: Sampler, prediction: Prediction, zero_terminal_snr: bool, steps: int
) -> None:
    schedule = NoiseSchedule(prediction, zero_terminal_snr)
    scheduler = scheduler_for(sampler.name, prediction, zero_terminal_snr)
    times = set_steps(scheduler, steps)
    draws = {"generator": [torch.Generator().manual_seed(3)] * 2} if sampler.ancestral else {}
    latents = NOISE * scheduler.init_noise_sigma
    for time in times:
        predicted = answer(schedule, scheduler.scale_model_input(latents, time), float(time))
        latents = scheduler.step(predicted, time, latents, **draws, return_dict=False)[0]
    # UniPC and DDIM leave the schedule's least noise, as the webui's do; LCM mixes in what it sees at the end.
    assert (latents - PICTURE).abs().max() < (0.2 if sampler.name in ("UniPC", "DDIM", "LCM") else 0.01)


@each_sampler
@pytest.mark.parametrize("zero_terminal_snr", [False, True])
def test_a_sampler_takes_as_many_steps_as_asked_for(sampler: Sampler, zero_terminal_snr: bool) -> None:
    scheduler = scheduler_for(sampler.name, "v", zero_terminal_snr)
    for steps in (*range(1, 61), 100, 150, 333, 999, 1000):
        times = set_steps(scheduler, steps)
        assert len(times) == sampler.evaluations(steps)
        assert (times >= 0).all()


@each_sampler
def test_with_zero_terminal_snr_the_first_step_sees_nothing_but_noise(sampler: Sampler) -> None:
    assert set_steps(scheduler_for(sampler.name, "v", True), 20)[0] == 999


@pytest.mark.parametrize("name", ["Euler", "Euler a", "DPM++ 2M", "DDIM", "UniPC"])
def test_with_zero_terminal_snr_times_are_spaced_from_the_last_one_down(name: str) -> None:
    times = set_steps(scheduler_for(name, "v", True), 4)
    assert times.tolist() == [999, 749, 499, 249]


@pytest.mark.parametrize("name", ["Euler", "Euler a", "DPM++ 2M"])
def test_without_it_both_ends_of_the_schedule_are_among_the_times(name: str) -> None:
    times = set_steps(scheduler_for(name, "epsilon", False), 4)
    assert times.tolist() == [999, 666, 333, 0]


def test_ddim_takes_every_nth_time_counted_from_one() -> None:
    times = set_steps(scheduler_for("DDIM", "epsilon", False), 4)
    assert times.tolist() == [751, 501, 251, 1]


def test_karras_noise_levels_fall_as_the_paper_has_them() -> None:
    scheduler = scheduler_for("DPM++ 2M Karras", "epsilon", False)
    set_steps(scheduler, 5)
    schedule = NoiseSchedule("epsilon", False)
    most, least = noise_level(schedule, 999), noise_level(schedule, 0)
    share = torch.linspace(0, 1, 5)
    expected = (most ** (1 / 7) + share * (least ** (1 / 7) - most ** (1 / 7))) ** 7
    assert torch.allclose(scheduler.sigmas, torch.cat([expected, torch.zeros(1)]), rtol=1e-4)
