"""What stopping a part saves, and what it leaves alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from counted_steps import flops, saved_bytes
from encode_text import encode_text

from trainer.bake.batch import StepBatches
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import PreparedPicture
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step


def prepared(planned: Any) -> dict[int, PreparedPicture]:
    """Return latents of noise, as the VAE would shape them."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for index, placement in enumerate(planned.plan.placements):
        width, height = placement.bucket
        latents = torch.randn((4, height // 4, width // 4), generator=generator)
        found[index] = PreparedPicture(latents, None, (height, width, 0, 0, height, width))
    return found


@pytest.fixture
def at_work(make_settings: Any, open_session: Callable[..., Any]) -> Iterator[tuple[TrainingSession, StepBatches]]:
    """A session whose text encoder may stop after the first step, and the work of a step."""
    settings = make_settings(text_encoder_stop="1", max_train_steps=4)
    with open_session(settings) as (session, planned):
        session.text_embeddings.cache_for([picture.caption for picture in planned.data.pictures])
        with BatchLoader(session, planned.data, prepared(planned), pin=False) as feed:
            work = next(iter(feed))
        yield session, work


def test_a_step_computes_and_keeps_less_once_the_encoder_stopped(at_work: tuple[TrainingSession, StepBatches]) -> None:
    session, work = at_work
    before = flops(session, work), saved_bytes(session, work)
    assert session.trained_parts.update(session.settings, session.plan, 1) == ["text_encoder"]
    after = flops(session, work), saved_bytes(session, work)
    assert session.text_embeddings.is_cached("text_encoder")
    assert after[0] < before[0]
    assert after[1] < before[1]


def test_without_kept_outputs_the_encoder_still_keeps_nothing_for_the_backward_pass(
    at_work: tuple[TrainingSession, StepBatches],
) -> None:
    session, work = at_work
    session.text_embeddings.cache_for(())
    before = saved_bytes(session, work)
    session.trained_parts.update(session.settings, session.plan, 1)
    assert not session.text_embeddings.is_cached("text_encoder")
    assert saved_bytes(session, work) < before


def test_gradients_and_moments_of_a_stopped_part_go(at_work: tuple[TrainingSession, StepBatches]) -> None:
    session, work = at_work
    train_step(session, work)
    encoder = session.network.parameters("text_encoder")
    assert all(weight in session.optimizer.state for weight in encoder)
    session.trained_parts.update(session.settings, session.plan, 1)
    train_step(session, work)
    assert not any(weight in session.optimizer.state or weight.grad is not None for weight in encoder)
    assert session.trained_parts.parts == {"unet"}


def test_no_gradient_reaches_a_part_whose_rate_was_set_to_0(at_work: tuple[TrainingSession, StepBatches]) -> None:
    session, work = at_work
    train_step(session, work)
    encoder = session.network.parameters("text_encoder")
    for group in session.trained_parts.groups:
        if group["part"] == "text_encoder":
            group["base_lr"] = 0.0
    weights = [weight.detach().clone() for weight in encoder]
    moments = [session.optimizer.state[weight]["exp_avg"].clone() for weight in encoder]
    unet = [weight.detach().clone() for weight in session.network.ups("unet")]
    train_step(session, work)
    assert all(map(torch.equal, encoder, weights))
    assert all(
        torch.equal(session.optimizer.state[weight]["exp_avg"], old)
        for weight, old in zip(encoder, moments, strict=True)
    )
    assert not any(map(torch.equal, session.network.ups("unet"), unet))


def test_gone_back_to_before_its_stop_a_part_trains_again(at_work: tuple[TrainingSession, StepBatches]) -> None:
    session, work = at_work
    session.trained_parts.update(session.settings, session.plan, 1)
    session.trained_parts.update(session.settings, session.plan, 0)
    before = [weight.detach().clone() for weight in session.network.parameters("text_encoder")]
    train_step(session, work)
    train_step(session, work)
    assert session.trained_parts.parts == {"unet", "text_encoder"}
    after = session.network.parameters("text_encoder")
    assert any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_kept_outputs_are_what_the_encoder_gives_for_each_caption_alone(
    at_work: tuple[TrainingSession, StepBatches],
) -> None:
    session, work = at_work
    train_step(session, work)
    captions = work.batches[0].captions
    with torch.no_grad():
        alone = [encode_text(session.model, [caption], 1).embeddings for caption in captions]
    session.trained_parts.update(session.settings, session.plan, 1)
    kept = session.text_embeddings.of(captions, work.batches[0].input_ids).embeddings
    assert torch.equal(kept, torch.cat(alone))


def test_the_base_alone_is_without_what_was_kept_of_the_lora(at_work: tuple[TrainingSession, StepBatches]) -> None:
    session, work = at_work
    batch = work.batches[0]
    with session.base_alone(), torch.no_grad():
        plain = session.text_embeddings.of(batch.captions, batch.input_ids).embeddings
    for _ in range(2):
        train_step(session, work)
    session.trained_parts.update(session.settings, session.plan, 1)
    with session.base_alone(), torch.no_grad():
        assert torch.equal(session.text_embeddings.of(batch.captions, batch.input_ids).embeddings, plain)
    assert not torch.equal(session.text_embeddings.of(batch.captions, batch.input_ids).embeddings, plain)


def test_a_picture_counts_as_its_weight_says(at_work: tuple[TrainingSession, StepBatches]) -> None:
    session, work = at_work

    def loss(weight: float) -> float:
        # With up weights of zero the LoRA changes nothing, whatever the step before did.
        with torch.no_grad():
            for layer in session.network:
                layer.up.zero_()
        batch = work.batches[0]
        return float(train_step(session, replace(work, batches=(replace(batch, weights=batch.weights * weight),))).loss)

    assert loss(0.25) == pytest.approx(0.25 * loss(1.0), rel=1e-5)
