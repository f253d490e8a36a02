import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.bake.batch import StepBatches
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import PreparedPicture, encode_pictures


def zeros(planned: Any) -> dict[int, PreparedPicture]:
    """Stand-ins for latents that tell which picture they are."""
    found = {}
    for index, placement in enumerate(planned.plan.placements):
        width, height = placement.bucket
        latents = torch.full((4, height // 4, width // 4), float(index))
        found[index] = PreparedPicture(latents, None, (height, width, 0, 0, height, width))
    return found


@pytest.fixture
def feed_all(make_settings: Any, open_session: Callable[..., Any]) -> Callable[..., list[StepBatches]]:
    def run(**changes: object) -> list[StepBatches]:
        with (
            open_session(make_settings(**changes)) as (session, planned),
            BatchLoader(session, planned.data, zeros(planned), pin=False) as feed,
        ):
            return list(feed)

    return run


def test_steps_and_epochs_are_counted_as_planned(feed_all: Callable[..., list[StepBatches]]) -> None:
    """Three pictures twice in one bucket, two once in another: 3 + 1 batches of two an epoch."""
    works = feed_all(max_train_steps=6)
    assert [work.step for work in works] == [1, 2, 3, 4, 5, 6]
    assert [work.epoch for work in works] == [1, 1, 1, 1, 2, 2]
    assert [work.ends_epoch for work in works] == [False, False, False, True, False, False]


@pytest.mark.parametrize("after", [1, 4, 5])
def test_started_later_it_gives_the_same_steps(
    make_settings: Any, open_session: Callable[..., Any], feed_all: Callable[..., list[StepBatches]], after: int
) -> None:
    changes = {"max_train_steps": 6, "shuffle_caption": True}
    whole = feed_all(**changes)
    with (
        open_session(make_settings(**changes)) as (session, planned),
        BatchLoader(session, planned.data, zeros(planned), pin=False, after=after) as feed,
    ):
        rest = list(feed)
    assert [work.step for work in rest] == [work.step for work in whole[after:]]
    for one, other in zip(rest, whole[after:], strict=True):
        assert one.pictures == other.pictures
        for mine, its in zip(one.batches, other.batches, strict=True):
            assert all(
                torch.equal(getattr(mine, name), getattr(its, name))
                for name in ("latents", "target_noise", "timesteps", "input_ids")
            )


def test_the_leftover_of_an_epoch_is_a_step_of_its_own(feed_all: Callable[..., list[StepBatches]]) -> None:
    works = feed_all(gradient_accumulation_steps=3, max_train_steps=4)
    assert [len(work.batches) for work in works] == [3, 1, 3, 1]
    assert [work.ends_epoch for work in works] == [False, True, False, True]


def test_every_picture_comes_as_often_as_its_folder_says(feed_all: Callable[..., list[StepBatches]]) -> None:
    epoch = [work for work in feed_all() if work.epoch == 1]
    seen = [int(latent[0, 0, 0]) for work in epoch for batch in work.batches for latent in batch.latents]
    assert sorted(seen) == [0, 1, 2, 2, 3, 3, 4, 4]
    assert sorted(index for work in epoch for index in work.pictures) == [0, 1, 2, 2, 3, 3, 4, 4]


def test_folder_of_marks_each_picture(feed_all: Callable[..., list[StepBatches]]) -> None:
    for work in feed_all():
        for batch in work.batches:
            pictures = [int(latent[0, 0, 0]) for latent in batch.latents]
            assert batch.folder_of.tolist() == [
                [float(index < 2) for index in pictures],
                [float(index >= 2) for index in pictures],
            ]


def test_order_and_noise_have_seeds_of_their_own_and_blank_ones_are_that_of_the_bake(
    feed_all: Callable[..., list[StepBatches]],
) -> None:
    """How captions are shuffled and dropped belongs to the order, the times to the noise."""

    def fed(**seeds: int) -> tuple[object, list[tuple[torch.Size, list[int]]]]:
        works = feed_all(shuffle_caption=True, caption_dropout_rate=0.3, max_train_steps=8, **seeds)
        batches = [batch for work in works for batch in work.batches]
        shown = [work.pictures for work in works], [batch.captions for batch in batches]
        return shown, [(batch.latents.shape, batch.timesteps.tolist()) for batch in batches]

    seven, nine = fed(seed=7), fed(seed=9)
    assert seven[0] != nine[0] and seven[1] != nine[1]
    assert fed(seed=3, order_seed=7, noise_seed=7) == fed(seed=7, init_seed=9) == seven
    assert fed(seed=3, order_seed=0, noise_seed=0) == fed(seed=0)
    ordered, noised = fed(seed=7, order_seed=9), fed(seed=7, noise_seed=9)
    assert (ordered[0], noised[0]) == (nine[0], seven[0])
    # Larger pictures take more of a step's numbers, so only those of one size have the same times.
    alike = [(mine, its) for mine, its in zip(ordered[1], seven[1], strict=True) if mine[0] == its[0]]
    assert len(alike) > 2 and all(mine == its for mine, its in alike)
    assert noised[1] != seven[1]


def test_the_same_settings_feed_the_same_bits(feed_all: Callable[..., list[StepBatches]]) -> None:
    first = feed_all(shuffle_caption=True)
    torch.manual_seed(1)
    again, other = feed_all(shuffle_caption=True), feed_all(shuffle_caption=True, seed=4)

    def tensors(works: list[StepBatches]) -> list[torch.Tensor]:
        return [
            getattr(batch, name)
            for work in works
            for batch in work.batches
            for name in ("target_noise", "timesteps", "input_ids")
        ]

    assert all(torch.equal(*pair) for pair in zip(tensors(first), tensors(again), strict=True))
    assert not any(torch.equal(*pair) for pair in zip(tensors(first)[::3], tensors(other)[::3], strict=True))


def test_shuffled_captions_differ_from_showing_to_showing(feed_all: Callable[..., list[StepBatches]]) -> None:
    def captions(works: list[StepBatches]) -> set[tuple[int, ...]]:
        epoch = [work for work in works if work.epoch == 1]
        return {tuple(row) for work in epoch for batch in work.batches for row in batch.input_ids.flatten(1).tolist()}

    assert len(captions(feed_all())) == 2 < len(captions(feed_all(shuffle_caption=True)))


def test_leaving_early_ends_the_thread(make_settings: Any, open_session: Callable[..., Any]) -> None:
    settings = make_settings(max_train_steps=1000)
    with (
        open_session(settings) as (session, planned),
        BatchLoader(session, planned.data, zeros(planned), pin=False) as feed,
    ):
        next(iter(feed))
    assert "feed" not in {thread.name for thread in threading.enumerate()}


def test_what_breaks_in_the_thread_is_raised_in_the_loop(make_settings: Any, open_session: Callable[..., Any]) -> None:
    with open_session(make_settings()) as (session, planned):
        latents = zeros(planned)
        del latents[4]
        with pytest.raises(KeyError), BatchLoader(session, planned.data, latents, pin=False) as feed:
            list(feed)


def test_regularisation_pictures_come_with_their_weight(
    feed_all: Callable[..., list[StepBatches]], tmp_path: Path, pictures: Path
) -> None:
    shutil.copytree(pictures / "held_out", tmp_path / "reg" / "1_girl")
    works = feed_all(reg_data_dir=str(tmp_path / "reg"), prior_loss_weight=0.25, max_train_epochs=1)
    weights = torch.cat([batch.weights for work in works for batch in work.batches]).tolist()
    # Eight training pictures as shown, and as many of the three others, padded.
    assert (weights.count(1.0), weights.count(0.25)) == (8, 8)


def test_sdxls_sizes_show_the_crop_as_it_is(make_settings: Any, open_session: Callable[..., Any]) -> None:
    """A picture of 64×96 in the bucket 64×64 is cut at top and bottom."""
    with open_session(make_settings(enable_bucket=False)) as (session, planned):
        prepared = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 4))
    tall = next(index for index, picture in enumerate(planned.data.pictures) if picture.height == 96)
    assert prepared[tall].time_ids == (96, 64, 16, 0, 64, 64)


def test_masks_reach_the_batch(
    feed_all: Callable[..., list[StepBatches]], open_session: Any, make_settings: Any
) -> None:
    with open_session(make_settings()) as (session, planned):
        found = zeros(planned)
        found[0] = replace(found[0], mask=torch.zeros(1, *found[0].latents.shape[1:]))
        with BatchLoader(session, planned.data, found, pin=False) as feed:
            batches = [batch for work in feed for batch in work.batches]
    masked = [batch.masks for batch in batches if batch.masks is not None]
    assert masked
    assert all(set(masks.amax(dim=(1, 2, 3)).tolist()) <= {0.0, 1.0} for masks in masked)
    assert any(batch.masks is None for batch in batches)
