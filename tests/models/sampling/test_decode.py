"""Latents become pictures one by one, in tiles where memory is short, and in a wider type where half precision overflows."""

import copy
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainer.demo.figure import random_figure
from trainer.demo.render import render
from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.sampling import decode as decoding
from trainer.sampling.decode import decode
from trainer.settings.subject import DEMO_BASE

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def demo() -> StableDiffusion:
    return load_base(identify_base(DEMO_BASE), device="cpu", dtype=torch.float32)


@pytest.fixture
def seen(demo: StableDiffusion) -> Iterator[list[tuple[int, ...]]]:
    """Shapes of what the decoder is given."""
    shapes: list[tuple[int, ...]] = []
    hook = demo.vae.decoder.register_forward_pre_hook(lambda _, given: shapes.append(tuple(given[0].shape)))
    yield shapes
    hook.remove()


@pytest.fixture
def loud(demo: StableDiffusion) -> StableDiffusion:
    """The demo base with a VAE in fp16 whose decoder begins so loud that large latents overflow."""
    model = copy.deepcopy(demo)
    weight = model.vae.decoder.conv_in.weight
    weight.mul_(3e4 / weight.abs().max())
    model.vae.to(torch.float16)
    return model


def drawn(height: int, width: int) -> Tensor:
    """Return latents that are as smooth as those of pictures."""
    rows, columns = torch.linspace(-2, 2, height)[:, None], torch.linspace(-1, 3, width)[None]
    return torch.stack(
        [rows.sin() * columns.cos(), rows * columns / 4, rows.cos() + columns * 0, columns.sin() + rows * 0]
    )[None]


def test_a_picture_comes_back_as_it_was_encoded(demo: StableDiffusion) -> None:
    rng = random.Random(3)
    drawing = np.asarray(render(random_figure(rng), rng))
    (picture,) = decode(demo, demo.encode_pictures(torch.from_numpy(drawing.copy())[None]))
    assert (picture.shape, picture.dtype) == (drawing.shape, np.uint8)
    assert np.abs(picture.astype(int) - drawing).mean() < 12


def test_small_pictures_are_decoded_together_and_large_ones_one_at_a_time(
    demo: StableDiffusion, seen: list[tuple[int, ...]]
) -> None:
    assert len(decode(demo, drawn(16, 16).repeat(10, 1, 1, 1))) == 10
    assert len(decode(demo, drawn(48, 48).repeat(2, 1, 1, 1))) == 2
    assert seen == [(8, 4, 16, 16), (2, 4, 16, 16), (1, 4, 48, 48), (1, 4, 48, 48)]


def test_pictures_decoded_together_are_those_alone(demo: StableDiffusion) -> None:
    latents = torch.stack([drawn(16, 16)[0] * factor for factor in (0.5, 1.0, -1.0)])
    for together, one in zip(decode(demo, latents), latents, strict=True):
        (alone,) = decode(demo, one[None])
        assert np.abs(together.astype(int) - alone.astype(int)).max() <= 1


def test_small_pictures_are_decoded_one_at_a_time_where_there_is_room_for_one(
    demo: StableDiffusion, seen: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "free_memory", lambda _: 2 * demo.decoding_bytes(64, 64) - 1)
    decode(demo, drawn(16, 16).repeat(2, 1, 1, 1))
    assert seen == [(1, 4, 16, 16)] * 2


def test_one_that_overflows_is_none_and_the_others_of_its_group_are_pictures(demo: StableDiffusion) -> None:
    latents = drawn(16, 16).repeat(3, 1, 1, 1)
    latents[1] *= 1e38
    first, broken, last = decode(demo, latents)
    assert broken is None
    assert first is not None and last is not None and np.array_equal(first, last)


def test_what_fits_is_decoded_whole(
    demo: StableDiffusion, seen: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "free_memory", lambda _: demo.decoding_bytes(288, 272))
    decode(demo, drawn(72, 68))
    assert seen == [(1, 4, 72, 68)]


def test_what_does_not_fit_is_decoded_in_the_largest_tiles_that_do(
    demo: StableDiffusion, seen: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = drawn(72, 68)
    (whole,) = decode(demo, latents)
    seen.clear()
    monkeypatch.setattr(decoding, "free_memory", lambda _: demo.decoding_bytes(288, 272) - 1)
    (tiled,) = decode(demo, latents)
    assert max(max(shape[2:]) for shape in seen) == 64
    assert tiled.shape == whole.shape
    assert np.abs(tiled.astype(int) - whole.astype(int)).mean() < 4


def test_a_full_card_at_the_whole_gives_tiles_a_try(
    demo: StableDiffusion, seen: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    latents = drawn(72, 68)

    def full(_: nn.Module, given: tuple[Tensor]) -> None:
        if given[0].shape[2] > 64:
            raise torch.OutOfMemoryError("full")

    hook = demo.vae.decoder.register_forward_pre_hook(full)
    (tiled,) = decode(demo, latents)
    hook.remove()
    assert tiled.shape == (288, 272, 3)
    assert not demo.vae.use_tiling


def test_a_picture_that_overflows_half_precision_is_decoded_wider_and_reported(loud: StableDiffusion) -> None:
    exact = copy.deepcopy(loud)
    exact.vae.to(torch.float32)
    latents = drawn(16, 16) * 20
    (picture,) = decode(loud, latents)
    assert loud.vae.dtype == torch.bfloat16
    assert loud.vae_notes == ["the VAE overflows in fp16 on 1 picture: this and all after decoded in bf16"]
    assert np.abs(picture.astype(int) - decode(exact, latents)[0].astype(int)).mean() < 8


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_latents_that_are_no_numbers_are_no_picture_and_say_nothing_of_the_vae(
    loud: StableDiffusion, value: float
) -> None:
    latents = torch.zeros(1, 4, 8, 8)
    latents[0, 1, 2, 3] = value
    assert decode(loud, latents) == [None]
    assert (loud.vae.dtype, loud.vae_notes) == (torch.float16, [])


def test_the_others_of_its_batch_are_pictures(demo: StableDiffusion) -> None:
    latents = drawn(8, 8).repeat(3, 1, 1, 1)
    latents[1, 2, 3, 4] = torch.nan
    first, broken, last = decode(demo, latents)
    assert broken is None
    assert first is not None and last is not None and np.array_equal(first, last)


def test_a_picture_that_is_not_finite_in_fp32_is_none(demo: StableDiffusion) -> None:
    hook = demo.vae.decoder.register_forward_hook(lambda *_: torch.full((1, 3, 64, 64), torch.nan))
    try:
        assert decode(demo, torch.zeros(1, 4, 8, 8)) == [None]
    finally:
        hook.remove()
