import pytest
import torch
from diffusers import DDPMScheduler

from trainer.families.stable_diffusion import TIMESTEPS
from trainer.models.prediction_markers import Prediction
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule

ALL = torch.arange(TIMESTEPS)


def diffusers_scheduler(zero_terminal_snr: bool) -> DDPMScheduler:
    return DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        num_train_timesteps=1000,
        clip_sample=False,
        rescale_betas_zero_snr=zero_terminal_snr,
    )


def latents_and_noise() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(2, 4, 4, 8, 8, generator=generator)
    return latents, noise, torch.tensor([0, 400, 998, 999])


def test_the_plain_schedule_is_diffusers_to_the_bit() -> None:
    assert torch.equal(NoiseSchedule().alphas_cumprod, diffusers_scheduler(False).alphas_cumprod)


def test_zero_terminal_snr_is_algorithm_1() -> None:
    """By the paper's steps in fp64: square roots shifted and scaled, betas of them, products of the betas."""
    roots = NoiseSchedule().alphas_cumprod.double().sqrt()
    moved = (roots - roots[-1]) * (roots[0] / (roots[0] - roots[-1]))
    products = moved**2
    betas = 1 - torch.cat([products[:1], products[1:] / products[:-1]])
    expected = torch.cumprod(1 - betas, dim=0)
    found = NoiseSchedule("v", zero_terminal_snr=True).alphas_cumprod
    assert torch.allclose(found.double(), expected, rtol=1e-6, atol=0)
    # diffusers does the same in fp32 and loses digits on the way.
    assert torch.allclose(found, diffusers_scheduler(True).alphas_cumprod, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_with_zero_terminal_snr_the_last_time_is_noise_and_every_number_finite(prediction: Prediction) -> None:
    schedule = NoiseSchedule(prediction, zero_terminal_snr=True)
    snr = schedule.snr(ALL)
    latents, noise, times = latents_and_noise()
    assert snr[-1] == 0 and bool((snr[:-1] > 0).all())
    assert bool(torch.isfinite(snr).all())
    assert torch.equal(schedule.add_noise(latents, noise, times)[3], noise[3])
    assert bool(torch.isfinite(schedule.target(latents, noise, times)).all())


@pytest.mark.parametrize("zero_terminal_snr", [False, True])
def test_noise_and_v_are_as_diffusers_scheduler_makes_them(zero_terminal_snr: bool) -> None:
    scheduler = diffusers_scheduler(zero_terminal_snr)
    schedule = NoiseSchedule("v", zero_terminal_snr)
    latents, noise, times = latents_and_noise()
    added = scheduler.add_noise(latents, noise, times), schedule.add_noise(latents, noise, times)
    wanted = scheduler.get_velocity(latents, noise, times), schedule.target(latents, noise, times)
    for theirs, ours in (added, wanted):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_noise_prediction_is_asked_for_the_noise_itself() -> None:
    latents, noise, times = latents_and_noise()
    assert NoiseSchedule().target(latents, noise, times) is noise


def test_the_snr_from_before_the_fix_can_be_asked_for() -> None:
    fixed, plain = NoiseSchedule("v", zero_terminal_snr=True), NoiseSchedule("v")
    assert torch.equal(fixed.snr(ALL, plain=True), plain.snr(ALL))
    assert not torch.allclose(fixed.snr(ALL), plain.snr(ALL), rtol=1e-2)


def test_a_schedule_keeps_what_it_is_on_another_device() -> None:
    moved = NoiseSchedule("v", zero_terminal_snr=True).to("meta")
    assert (moved.prediction, moved.zero_terminal_snr, moved.alphas_cumprod.device.type) == ("v", True, "meta")
