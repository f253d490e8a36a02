import pytest
import torch
from torch import Tensor

from trainer.bake.noise import draw_noise, with_offset

SHAPE = torch.Size((4, 4, 8, 8))


def draw(*, seed: int = 1, step: int = 1, micro_batch: int = 0, offset: float = 0.0) -> tuple[Tensor, Tensor]:
    return draw_noise(SHAPE, seed=seed, step=step, micro_batch=micro_batch, offset=offset)


def test_offset_adds_one_number_per_picture_and_channel() -> None:
    """By hand: the next 16 normal numbers of the same generator, times the offset."""
    noise = torch.zeros(SHAPE)
    found = with_offset(noise, 0.1, torch.Generator().manual_seed(5))
    expected = 0.1 * torch.randn(4, 4, 1, 1, generator=torch.Generator().manual_seed(5))
    assert torch.equal(found, expected.expand(SHAPE))


def test_the_setting_reaches_the_noise() -> None:
    plain, shifted = draw()[0], draw(offset=0.5)[0]
    shift = shifted - plain
    assert torch.allclose(shift, shift.mean(dim=(2, 3), keepdim=True), atol=1e-6)
    assert 0.2 < shift.mean(dim=(2, 3)).std() < 1.0


def test_offset_0_changes_nothing() -> None:
    noise = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    assert with_offset(noise, 0.0, torch.Generator()) is noise


def test_a_step_draws_the_same_whatever_ran_before() -> None:
    first = draw(step=7)
    torch.manual_seed(99)
    draw(step=6)
    assert all(torch.equal(*pair) for pair in zip(first, draw(step=7), strict=True))


@pytest.mark.parametrize("other", [{"seed": 2}, {"step": 2}, {"micro_batch": 1}])
def test_seed_step_and_micro_batch_each_give_other_noise(other: dict[str, int]) -> None:
    assert not torch.equal(draw()[0], draw(**other)[0])


def test_times_cover_the_whole_range() -> None:
    times = torch.cat([draw(step=step)[1] for step in range(1000)])
    assert (int(times.min()), int(times.max())) == (0, 999)
    assert abs(float(times.float().mean()) - 499.5) < 15
