"""The schedule of a flow: noise, target, and the times that are drawn."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainer.families.flow_matching import TIMES
from trainer.models.flow_schedule import FlowSchedule
from trainer.plan.timesteps import timestep_probabilities
from trainer.settings.model import Settings

FLOW = FlowSchedule()


def drawn(count: int = 20_000, **chosen: object) -> torch.Tensor:
    sampler = FLOW.time_sampler(Settings.model_validate(chosen))
    return sampler(count, torch.Generator().manual_seed(0))


def test_noise_and_target_lie_on_the_line_from_picture_to_noise() -> None:
    latents, noise = torch.randn(2, 3, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    times = torch.tensor([0.0, 0.25, 1.0])
    noisy, target = FLOW.add_noise(latents, noise, times), FLOW.target(latents, noise, times)
    assert torch.equal(noisy[0], latents[0]) and torch.equal(noisy[2], noise[2])
    assert torch.allclose(noisy[1], 0.75 * latents[1] + 0.25 * noise[1], atol=1e-6)
    # The picture is what is left of the noisy latents without the time's share of the velocity.
    assert torch.allclose(noisy - times.view(-1, 1, 1, 1) * target, latents, atol=1e-6)


def test_signal_by_noise_is_finite_at_both_ends() -> None:
    times = torch.tensor([0.0, 0.5, 1.0])
    assert FLOW.snr(times)[1:].tolist() == [1, 0] and bool(torch.isfinite(FLOW.snr(times)).all())
    assert (FLOW.progress(times).tolist(), FLOW.clearness(times).tolist()) == ([0, 0.5, 1], [1, 0.5, 0])


def test_times_are_the_sigmoid_of_a_normal_number() -> None:
    logits = drawn(timestep_sampling="logit_normal", logit_mean=0.5, logit_std=2).logit()
    assert (float(logits.mean()), float(logits.std())) == pytest.approx((0.5, 2), abs=0.05)


def test_a_shift_moves_each_time_that_would_have_been_drawn() -> None:
    """The table moves the distribution, so that numbers of one seed are moved by the formula."""
    for sampling in ("uniform", "logit_normal"):
        plain = drawn(timestep_sampling=sampling)
        shifted = drawn(timestep_sampling=sampling, discrete_flow_shift=3)
        assert torch.allclose(shifted, 3 * plain / (1 + 2 * plain), atol=2e-3)


@given(
    st.sampled_from(["uniform", "logit_normal", "laplace"]),
    st.floats(0.01, 100),
    st.integers(0, 999).flatmap(lambda low: st.tuples(st.just(low), st.integers(low + 1, 1000))),
)
def test_times_keep_to_their_bounds_and_to_the_histogram(sampling: str, shift: float, bounds: tuple[int, int]) -> None:
    low, high = bounds
    chosen = {"timestep_sampling": sampling, "min_timestep": low, "max_timestep": high, "discrete_flow_shift": shift}
    times = drawn(2000, **chosen)
    assert times.dtype == torch.float32
    assert low / 1000 - 1e-6 <= float(times.min()) <= float(times.max()) <= high / 1000 + 1e-6
    shares = timestep_probabilities(Settings.model_validate(chosen), TIMES.signal(False), shift)
    middle = float((times * 1000).median())
    # The median of 2,000 draws lies within the middle eighth.
    assert shares[: int(middle) + 1].sum() > 0.44 and shares[: int(middle)].sum() < 0.56


def test_those_of_the_validation_are_spread_over_every_band() -> None:
    times = FLOW.spread_times(7).tolist()
    assert times == sorted(times) and 0 < times[0] < 0.45 and 0.7 < times[-1] < 1
