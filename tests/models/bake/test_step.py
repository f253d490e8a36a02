"""One training step: what it computes, against the same computed another way."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from counted_steps import saved_bytes
from encode_text import encode_tokens
from small_base import UNET_LORAS
from torch import Tensor

from trainer.bake.batch import Batch, StepBatches
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import encode_pictures
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step
from trainer.jobs.preflight import PlannedBake
from trainer.settings.model import Settings

OpenSession = Callable[[Settings], AbstractContextManager[tuple[TrainingSession, PlannedBake]]]


def works(session: TrainingSession, planned: PlannedBake) -> list[StepBatches]:
    latents = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 4))
    with BatchLoader(session, planned.data, latents, pin=False) as feed:
        return list(feed)


def weights(session: TrainingSession) -> dict[str, Tensor]:
    return {f"{each.name}.{key}": value.clone() for each in session.network for key, value in each.state_dict().items()}


def together(batches: list[Batch]) -> Batch:
    names = ("latents", "target_noise", "input_noise", "timesteps", "input_ids", "weights", "time_ids")
    joined: dict[str, Any] = {name: torch.cat([getattr(batch, name) for batch in batches]) for name in names}
    folders = torch.cat([batch.folder_of for batch in batches], dim=1)
    captions = tuple(caption for batch in batches for caption in batch.captions)
    return Batch(**joined, folder_of=folders, masks=None, captions=captions)


def square(session: TrainingSession, planned: PlannedBake) -> list[Batch]:
    """Full batches of one shape, so that they can be joined."""
    batches = [batch for work in works(session, planned) for batch in work.batches]
    return [batch for batch in batches if batch.latents.shape == (2, 4, 16, 16)]


def test_accumulated_batches_are_one_larger_batch(make_settings: Any, open_session: OpenSession) -> None:
    settings = make_settings(gradient_accumulation_steps=2)
    ended = []
    for join in (False, True):
        with open_session(settings) as (session, planned):
            batches = square(session, planned)[:2]
            given = (together(batches),) if join else tuple(batches)
            results = [train_step(session, StepBatches(step, 1, False, given, {})) for step in (1, 2)]
            ended.append((weights(session), results[1].loss, results[1].grad_norm, results[1].folder_losses))
    (apart, *apart_results), (joined, *joined_results) = ended
    for one, other in zip(apart_results, joined_results, strict=True):
        assert torch.allclose(one, other, rtol=1e-4)
    assert max((apart[name] - joined[name]).abs().max().item() for name in apart) < 1e-4


def test_a_leftover_group_is_averaged_over_what_it_has(make_settings: Any, open_session: OpenSession) -> None:
    norms = []
    for accumulation in (1, 3):
        with open_session(make_settings(gradient_accumulation_steps=accumulation)) as (session, planned):
            given = tuple(square(session, planned)[:1])
            norms.append(float(train_step(session, StepBatches(1, 1, True, given, {})).grad_norm))
    assert norms[0] == pytest.approx(norms[1], rel=1e-6)


def weights_and_passes(settings: Settings, open_session: OpenSession) -> tuple[dict[str, Tensor], int]:
    """Return the weights after three steps, and how often two layers ran: one of the U-Net, one of the text encoder.

    Both are first in their checkpointed block: computing one again ends as soon as everything needed is there.
    """
    seen: list[int] = []
    with open_session(settings) as (session, planned):
        watched = (
            session.model.unet.mid_block.resnets[1].conv1,
            session.model.text_encoder.encoder.layers[0].layer_norm1,
        )
        for layer in watched:
            layer.register_forward_hook(lambda *_: seen.append(1))
        for work in works(session, planned)[:3]:
            train_step(session, work)
        return weights(session), len(seen)


def test_checkpointing_gives_the_same_steps(make_settings: Any, open_session: OpenSession) -> None:
    plain, once = weights_and_passes(make_settings(clip_skip=2), open_session)
    checkpointed, twice = weights_and_passes(make_settings(clip_skip=2, gradient_checkpointing=True), open_session)
    assert max((plain[name] - checkpointed[name]).abs().max().item() for name in plain) < 1e-6
    assert (once, twice) == (6, 12)


def test_a_higher_rank_keeps_no_more_for_the_backward_pass(make_settings: Any, open_session: OpenSession) -> None:
    kept = []
    for rank in (2, 64):
        with open_session(make_settings(network_dim=rank, conv_dim=rank)) as (session, planned):
            kept.append(saved_bytes(session, works(session, planned)[0]))
    assert kept[0] == kept[1] > 0


def test_min_snr_weighs_the_loss(make_settings: Any, open_session: OpenSession) -> None:
    with open_session(make_settings(min_snr_gamma=5.0)) as (session, planned):
        work = works(session, planned)[0]
        batch, model = work.batches[0], session.model
        with torch.no_grad():
            text = encode_tokens(model, batch.input_ids, 1)
            predicted = model.predict(
                model.schedule.add_noise(batch.latents, batch.target_noise, batch.timesteps), batch.timesteps, text
            )
        signal = model.schedule.alphas_cumprod[batch.timesteps]
        snr = signal / (1 - signal)
        by_picture = (predicted - batch.target_noise).square().mean(dim=(1, 2, 3)) * snr.clamp(max=5) / snr
        result = train_step(session, work)
    assert float(result.loss) == pytest.approx(float(by_picture.mean()), rel=1e-5)
    assert float(result.folder_losses.sum()) == pytest.approx(float(by_picture.sum()), rel=1e-5)
    assert not torch.allclose(snr.clamp(max=5) / snr, torch.ones(2))


def test_noise_offset_reaches_the_step(make_settings: Any, open_session: OpenSession) -> None:
    noises = []
    for offset in (0.0, 0.2):
        with open_session(make_settings(noise_offset=offset)) as (session, planned):
            noises.append(works(session, planned)[0].batches[0].target_noise)
    shift = noises[1] - noises[0]
    assert shift.abs().max() > 0.01
    assert torch.allclose(shift, shift.mean(dim=(2, 3), keepdim=True), atol=1e-6)


def test_gradients_are_clipped_over_all_weights(make_settings: Any, open_session: OpenSession) -> None:
    """AdamW's first moment after one step is (1 - beta1) times the gradient it was given."""
    with open_session(make_settings(max_grad_norm=1e-3)) as (session, planned):
        result = train_step(session, works(session, planned)[0])
        moments = [state["exp_avg"] for state in session.optimizer.state.values()]
    assert float(result.grad_norm) > 1e-3
    assert float(torch.cat([moment.flatten() for moment in moments]).norm()) == pytest.approx(1e-4, rel=1e-3)


def test_without_a_limit_the_gradient_is_measured_and_left_alone(make_settings: Any, open_session: OpenSession) -> None:
    with open_session(make_settings(max_grad_norm=0)) as (session, planned):
        result = train_step(session, works(session, planned)[0])
        moments = [state["exp_avg"] for state in session.optimizer.state.values()]
    length = float(torch.cat([moment.flatten() for moment in moments]).norm())
    assert length == pytest.approx(0.1 * float(result.grad_norm), rel=1e-4)


def test_a_part_of_rate_0_stays_as_it_was(make_settings: Any, open_session: OpenSession) -> None:
    for off, still in (("text_encoder_lr", "lora_te_"), ("unet_lr", "lora_unet_")):
        with open_session(make_settings(**{off: 0})) as (session, planned):
            before = weights(session)
            for work in works(session, planned)[:2]:
                train_step(session, work)
            moved = {name for name, value in weights(session).items() if not torch.equal(value, before[name])}
        assert moved and not any(name.startswith(still) for name in moved)


def test_with_clip_skip_2_the_last_text_layer_learns_nothing(make_settings: Any, open_session: OpenSession) -> None:
    with open_session(make_settings(clip_skip=2)) as (session, planned):
        for work in works(session, planned)[:2]:
            train_step(session, work)
        ups = {layer.name: bool(layer.up.any()) for layer in session.network.layers("text_encoder")}
    assert {name for name, moved in ups.items() if not moved} == {name for name in ups if "layers_1_" in name}


def test_only_the_lora_has_gradients_and_the_base_stays(make_settings: Any, open_session: OpenSession) -> None:
    with open_session(make_settings()) as (session, planned):
        parts = (session.model.unet, session.model.text_encoder)
        before = [weight.clone() for part in parts for weight in part.parameters()]
        train_step(session, works(session, planned)[0])
        after = [weight for part in parts for weight in part.parameters()]
        assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
        assert not any(weight.requires_grad for weight in after)


def test_closing_the_session_removes_the_lora(make_settings: Any, open_session: OpenSession) -> None:
    with open_session(make_settings()) as (session, _):
        modules = list(session.model.unet.modules())
        assert sum("forward" in module.__dict__ for module in modules) == UNET_LORAS
    assert sum("forward" in module.__dict__ for module in modules) == 0


def test_bf16_keeps_base_in_bf16_and_lora_in_fp32(make_settings: Any, open_session: OpenSession) -> None:
    with open_session(make_settings(mixed_precision="bf16")) as (session, planned):
        result = train_step(session, works(session, planned)[0])
        assert session.model.unet.dtype == session.model.text_encoder.dtype == torch.bfloat16
        assert {weight.dtype for weight in session.network.parameters()} == {torch.float32}
        assert torch.isfinite(result.loss)


def test_the_seed_of_the_start_alone_decides_how_the_lora_starts(make_settings: Any, open_session: OpenSession) -> None:
    def start(**seeds: int) -> dict[str, Tensor]:
        with open_session(make_settings(**seeds)) as (session, _):
            return weights(session)

    def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
        return all(torch.equal(one[name], other[name]) for name in one)

    seven, nine = start(seed=7), start(seed=9)
    assert not same(seven, nine)
    assert same(start(seed=7, init_seed=9), nine)
    assert same(start(seed=9, init_seed=7, order_seed=3, noise_seed=4), seven)


def test_what_layers_leave_out_is_drawn_with_the_noise(make_settings: Any, open_session: OpenSession) -> None:
    def step(**seeds: int) -> float:
        options = {"seed": 7, "network_dropout": 0.5, "module_dropout": 0.3}
        with open_session(make_settings(**options)) as (session, planned):
            work = works(session, planned)[0]
        # The same batch with the same noise: what is left out is all that can differ.
        with open_session(make_settings(**options | seeds)) as (session, _):
            return float(train_step(session, work).grad_norm)

    assert step() == step(order_seed=9) == step(seed=3, init_seed=7, noise_seed=7)
    assert step() != step(noise_seed=9)
