"""A seed means the same noise on every machine and in every company."""

import torch

from trainer.sampling.noise import noise_and_generators


def test_a_seeds_noise_is_the_cpu_stream_of_the_webui() -> None:
    torch.manual_seed(1234)
    (noise,), _ = noise_and_generators([1234], 8, 12)
    assert torch.equal(noise, torch.randn((4, 8, 12)))


def test_a_picture_has_the_same_noise_in_any_company() -> None:
    noise, _ = noise_and_generators([5, 6, 7], 8, 12)
    assert torch.equal(noise, torch.cat([noise_and_generators([seed], 8, 12)[0] for seed in (5, 6, 7)]))


def test_later_noise_continues_in_the_stream_of_the_picture() -> None:
    _, (_, second) = noise_and_generators([5, 6], 8, 12)
    stream = torch.Generator().manual_seed(6)
    torch.randn((1, 4, 8, 12), generator=stream)
    assert torch.equal(torch.randn(16, generator=second), torch.randn(16, generator=stream))


def test_the_largest_seed_can_be_drawn_from() -> None:
    noise, _ = noise_and_generators([2**32 - 1], 8, 8)
    assert noise.isfinite().all()
