"""What stopping a part saves, and what it leaves alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from counted_steps import flops, saved_bytes

from trainer.bake.feeding import Feed, StepWork
from trainer.bake.latents import Prepared
from trainer.bake.step import train_step
from trainer.bake.workbench import Workbench


def prepared(ground: Any) -> dict[int, Prepared]:
    """Return latents of noise, as the VAE would shape them."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for index, placement in enumerate(ground.plan.placements):
        width, height = placement.bucket
        latents = torch.randn((4, height // 4, width // 4), generator=generator)
        found[index] = Prepared(latents, None, (height, width, 0, 0, height, width))
    return found


@pytest.fixture
def at_work(make_settings: Any, open_bench: Callable[..., Any]) -> Iterator[tuple[Workbench, StepWork]]:
    """A workbench whose text encoder may stop after the first step, and the work of a step."""
    settings = make_settings(text_encoder_stop="1", max_train_steps=4)
    with open_bench(settings) as (bench, ground):
        bench.texts.know([picture.caption for picture in ground.data.pictures])
        with Feed(bench, ground.data, prepared(ground), pin=False) as feed:
            work = next(iter(feed))
        yield bench, work


def test_a_step_computes_and_keeps_less_once_the_encoder_stopped(at_work: tuple[Workbench, StepWork]) -> None:
    bench, work = at_work
    before = flops(bench, work), saved_bytes(bench, work)
    assert bench.training.settle(bench.settings, bench.plan, 1) == ["text_encoder"]
    after = flops(bench, work), saved_bytes(bench, work)
    assert bench.texts.is_kept("text_encoder")
    assert after[0] < before[0]
    assert after[1] < before[1]


def test_without_kept_outputs_the_encoder_still_keeps_nothing_for_the_backward_pass(
    at_work: tuple[Workbench, StepWork],
) -> None:
    bench, work = at_work
    bench.texts.know(())
    before = saved_bytes(bench, work)
    bench.training.settle(bench.settings, bench.plan, 1)
    assert not bench.texts.is_kept("text_encoder")
    assert saved_bytes(bench, work) < before


def test_gradients_and_moments_of_a_stopped_part_go(at_work: tuple[Workbench, StepWork]) -> None:
    bench, work = at_work
    train_step(bench, work)
    encoder = bench.network.parameters("text_encoder")
    assert all(weight in bench.optimizer.state for weight in encoder)
    bench.training.settle(bench.settings, bench.plan, 1)
    train_step(bench, work)
    assert not any(weight in bench.optimizer.state or weight.grad is not None for weight in encoder)
    assert bench.training.parts == {"unet"}


def test_gone_back_to_before_its_stop_a_part_trains_again(at_work: tuple[Workbench, StepWork]) -> None:
    bench, work = at_work
    bench.training.settle(bench.settings, bench.plan, 1)
    bench.training.settle(bench.settings, bench.plan, 0)
    before = [weight.detach().clone() for weight in bench.network.parameters("text_encoder")]
    train_step(bench, work)
    train_step(bench, work)
    assert bench.training.parts == {"unet", "text_encoder"}
    after = bench.network.parameters("text_encoder")
    assert any(not torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_kept_outputs_are_what_the_encoder_gives_for_each_caption_alone(at_work: tuple[Workbench, StepWork]) -> None:
    bench, work = at_work
    train_step(bench, work)
    captions = work.batches[0].captions
    with torch.no_grad():
        alone = [bench.model.encode_text([caption], 1).embeddings for caption in captions]
    bench.training.settle(bench.settings, bench.plan, 1)
    kept = bench.texts.of(captions, work.batches[0].tokens).embeddings
    assert torch.equal(kept, torch.cat(alone))


def test_the_base_alone_is_without_what_was_kept_of_the_lora(at_work: tuple[Workbench, StepWork]) -> None:
    bench, work = at_work
    batch = work.batches[0]
    with bench.base_alone(), torch.no_grad():
        plain = bench.texts.of(batch.captions, batch.tokens).embeddings
    for _ in range(2):
        train_step(bench, work)
    bench.training.settle(bench.settings, bench.plan, 1)
    with bench.base_alone(), torch.no_grad():
        assert torch.equal(bench.texts.of(batch.captions, batch.tokens).embeddings, plain)
    assert not torch.equal(bench.texts.of(batch.captions, batch.tokens).embeddings, plain)


def test_a_picture_counts_as_its_weight_says(at_work: tuple[Workbench, StepWork]) -> None:
    bench, work = at_work

    def loss(weight: float) -> float:
        # With up weights of zero the LoRA changes nothing, whatever the step before did.
        with torch.no_grad():
            for layer in bench.network:
                layer.up.zero_()
        batch = work.batches[0]
        return float(train_step(bench, replace(work, batches=(replace(batch, weights=batch.weights * weight),))).loss)

    assert loss(0.25) == pytest.approx(0.25 * loss(1.0), rel=1e-5)
