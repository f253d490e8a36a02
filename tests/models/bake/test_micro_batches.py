"""A batch in parts learns what the whole batch does, and memory that runs out makes parts of it in the middle of a step."""

import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import trainer.bake.loop
from trainer.bake.batch import StepBatches
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import encode_pictures
from trainer.bake.micro_batches import BatchShare, MicroBatches, is_out_of_memory
from trainer.bake.session import TrainingSession
from trainer.bake.step import StepResult, train_step
from trainer.jobs.preflight import PlannedBake
from trainer.journal.records import BakeState, MarkKind
from trainer.models.stable_diffusion.model import StableDiffusion
from trainer.settings.model import Settings

OpenSession = Callable[[Settings], AbstractContextManager[tuple[TrainingSession, PlannedBake]]]
DROPOUTS = {"network_dropout": 0.2, "rank_dropout": 0.2, "module_dropout": 0.2}
EVERYTHING = {
    "network_alpha": 2,
    "min_snr_gamma": 5.0,
    "prior_loss_weight": 0.5,
    "conv_dim": 2,
    "max_grad_norm": 0,
    "train_batch_size": 3,
}


def first_work(session: TrainingSession, planned: PlannedBake) -> StepBatches:
    """Return a step of two accumulated batches, one of three pictures and one of two."""
    latents = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 4))
    with BatchLoader(session, planned.data, latents, pin=False) as feed:
        batches = [batch for work in feed for batch in work.batches]
    by_size = {len(batch.timesteps): batch for batch in batches}
    return StepBatches(1, 1, False, (by_size[3], by_size[2]), ())


def gradients_of(session: TrainingSession, work: StepBatches) -> tuple[dict[str, Tensor], StepResult]:
    """Return every gradient as the optimizer gets it, and the step's result; the weights are afterwards as they were."""
    found: dict[str, Tensor] = {}
    before = [weight.detach().clone() for weight in session.network.parameters()]
    steps = 0

    def look(*_: Any) -> None:
        nonlocal steps
        steps += 1
        for layer in session.network:
            for way, weight in (("down", layer.down), ("up", layer.up)):
                if weight.grad is not None:
                    found[f"{layer.name} {way}"] = weight.grad.clone()

    hook = session.optimizer.optimizer.register_step_pre_hook(look)
    result = train_step(session, work)
    hook.remove()
    assert steps == 1
    for weight, was in zip(session.network.parameters(), before, strict=True):
        weight.data.copy_(was)
    return found, result


def trained_a_little(session: TrainingSession) -> None:
    """Give every up weight numbers, or no down weight would have a gradient."""
    generator = torch.Generator().manual_seed(4)
    for layer in session.network:
        layer.up.data.normal_(std=0.05, generator=generator)


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    """See that two gradients are one: 1e-5 of its length apart at most; that of a single weight, which may be small, 1e-4."""
    assert one.keys() == other.keys() and one
    lengths = torch.stack([gradient.norm() for gradient in one.values()])
    apart = torch.stack([(one[name] - other[name]).norm() for name in one])
    assert int((lengths > 0).sum()) > 0.7 * len(one)
    assert float(apart.norm() / lengths.norm()) < 1e-5
    assert float((apart[lengths > 0] / lengths[lengths > 0]).max()) < 1e-4
    assert float(apart[lengths == 0].sum()) == 0


@pytest.mark.parametrize("dropouts", [{}, DROPOUTS])
def test_a_batch_in_parts_learns_what_the_whole_does(
    dropouts: Any, make_settings: Any, open_session: OpenSession
) -> None:
    with open_session(make_settings(**EVERYTHING, **dropouts)) as (session, planned):
        trained_a_little(session)
        work = first_work(session, planned)
        whole, whole_result = gradients_of(session, work)
        for size in (1, 2):
            session.micro_batches.size = size
            parts, result = gradients_of(session, work)
            assert_same(whole, parts)
            assert result.reduced_micro_batch is None
            assert torch.allclose(result.loss, whole_result.loss, rtol=1e-5)
            assert torch.allclose(result.folder_losses, whole_result.folder_losses, rtol=1e-5)
            assert torch.equal(result.folder_pictures, whole_result.folder_pictures)


@pytest.mark.parametrize("processes", [2, 4])
def test_what_several_processes_learn_of_their_shares_adds_up_to_what_one_does(
    processes: int, make_settings: Any, open_session: OpenSession
) -> None:
    with open_session(make_settings(**EVERYTHING, **DROPOUTS)) as (session, planned):
        trained_a_little(session)
        work = first_work(session, planned)
        whole, whole_result = gradients_of(session, work)
        shares: list[tuple[dict[str, Tensor], StepResult]] = []
        for rank in range(processes):
            # Of four processes one has nothing of a batch of three pictures, and two have nothing of one of two.
            session.micro_batches.share = BatchShare(rank, processes)
            shares.append(gradients_of(session, work))
        session.micro_batches.share = None
        # The same weights have a gradient in each, or their sums would be of different weights.
        assert all(gradients.keys() == whole.keys() for gradients, _ in shares)
        assert_same(whole, {name: sum(gradients[name] for gradients, _ in shares) for name in whole})  # type: ignore[misc]
        losses = torch.stack([result.folder_losses for _, result in shares]).sum(dim=0)
        assert torch.allclose(losses, whole_result.folder_losses, rtol=1e-5)


@pytest.mark.parametrize("dropouts", [{}, DROPOUTS])
@pytest.mark.parametrize("checkpointing", [False, pytest.param(True, marks=pytest.mark.long)])
def test_a_step_that_ran_out_of_memory_learns_what_it_would_have(
    dropouts: Any, checkpointing: bool, make_settings: Any, open_session: OpenSession
) -> None:
    settings = make_settings(**EVERYTHING, **dropouts, gradient_checkpointing=checkpointing)
    with open_session(settings) as (session, planned):
        trained_a_little(session)
        work = first_work(session, planned)
        whole, whole_result = gradients_of(session, work)
        assert whole_result.reduced_micro_batch is None
        visits: list[int] = []

        def out_of_memory(gradient: Tensor) -> None:
            visits.append(1)
            # The second batch of the step, when half the layers have their gradients.
            if len(visits) == 2:
                raise torch.OutOfMemoryError("injected")

        layers = session.network.layers("unet")
        dropped = left_out(session)
        middle = next(layer for layer in layers[len(layers) // 2 :] if layer.name not in dropped)
        middle.up.register_hook(out_of_memory)
        again, again_result = gradients_of(session, work)
        # Three pictures in two parts, and two in one, after the two of the attempt.
        assert len(visits) == 2 + 3
        assert (again_result.reduced_micro_batch, session.micro_batches.size) == (2, 2)
    assert_same(whole, again)
    assert torch.allclose(whole_result.loss, again_result.loss, rtol=1e-5)
    assert torch.allclose(whole_result.folder_losses, again_result.folder_losses, rtol=1e-5)


def left_out(session: TrainingSession) -> set[str]:
    """Return the layers that module dropout leaves out of the first step's batches."""
    found: set[str] = set()
    for position in (0, 1):
        session.network.start_pass(session.settings.seed, 1, position)
        found |= {layer.name for layer in session.network if layer.dropped}
    return found


def test_a_single_picture_that_does_not_fit_is_an_error(make_settings: Any, open_session: OpenSession) -> None:
    passed: list[int] = []
    with open_session(make_settings(train_batch_size=3)) as (session, planned):
        work = first_work(session, planned)
        predict = session.model.predict

        def too_large(noisy: Tensor, *rest: Any) -> Tensor:
            passed.append(len(noisy))
            predict(noisy, *rest)
            raise torch.OutOfMemoryError("injected")

        session.model.predict = too_large  # type: ignore[method-assign]  # the model ends with the test
        try:
            with pytest.raises(torch.OutOfMemoryError, match="injected"):
                train_step(session, work)
        finally:
            del session.model.predict
    assert passed == [3, 2, 1]


def test_another_error_is_not_tried_again() -> None:
    tries = []

    def attempt() -> None:
        tries.append(1)
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        MicroBatches().run_with_oom_retry(attempt, largest=8, undo=lambda: tries.append(9))
    assert tries == [1]


def test_what_an_attempt_held_is_free_before_the_next() -> None:
    sizes: list[int | None] = []
    held: list[weakref.ref[Tensor]] = []
    micro_batches = MicroBatches()

    def attempt() -> str:
        assert all(each() is None for each in held)
        large = torch.ones(3)
        held.append(weakref.ref(large))
        sizes.append(micro_batches.size)
        if len(sizes) < 4:
            raise torch.OutOfMemoryError("injected")
        return "done"

    assert micro_batches.run_with_oom_retry(attempt, largest=5, undo=lambda: None) == ("done", 1)
    assert sizes == [None, 3, 2, 1]


def test_a_size_above_the_batch_is_halved_from_the_batch() -> None:
    micro_batches = MicroBatches(64)
    tries: list[int | None] = []

    def attempt() -> None:
        tries.append(micro_batches.size)
        if len(tries) == 1:
            raise MemoryError

    micro_batches.run_with_oom_retry(attempt, largest=4, undo=lambda: None)
    assert tries == [64, 2]


def test_the_computers_own_want_of_memory_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("expected all tensors to be on the same device"))
    assert not is_out_of_memory(KeyError("DefaultCPUAllocator: can't allocate memory"))


class Room:
    """Memory for so many pictures at once in the backward pass, from a step on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pictures: int, from_step: int, breaks_at: int = 0) -> None:
        self.pictures, self.from_step, self.breaks_at = pictures, from_step, breaks_at
        self.at_once: dict[int, list[int]] = {}
        self._step = 0
        predict = StableDiffusion.predict
        monkeypatch.setattr(trainer.bake.loop, "train_step", self.train_step)
        monkeypatch.setattr(StableDiffusion, "predict", lambda *given: self.watched(predict(*given)))

    def train_step(self, session: TrainingSession, work: StepBatches) -> StepResult:
        if work.step == self.breaks_at:
            raise KeyError("the process was killed")
        self._step = work.step
        return train_step(session, work)

    def watched(self, predicted: Tensor) -> Tensor:
        if predicted.requires_grad:
            self.at_once.setdefault(self._step, []).append(len(predicted))
            predicted.register_hook(self.look)
        return predicted

    def look(self, gradient: Tensor) -> None:
        if len(gradient) > self.pictures and self._step >= self.from_step:
            raise torch.OutOfMemoryError("injected")


def test_a_bake_that_runs_out_of_memory_continues_to_its_end(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(monkeypatch, pictures=1, from_step=3)
    settings = make_settings(gradient_accumulation_steps=2)
    bake = runner.queue(settings)
    assert runner.run(bake, settings) is BakeState.DONE
    marks = [(mark.step, mark.text) for mark in runner.journal.results.marks(bake.number) if mark.kind is MarkKind.SET]
    assert marks == [(2, "micro_batch_size=1")]
    assert max(room.at_once[2]) == 2 and room.at_once[3][0] == 2
    assert {size for step in (4, 5, 6) for size in room.at_once[step]} == {1}
    (line,) = [line for line in runner.journal.log.read(0, bake=bake.number) if "ran out of memory" in line.text]
    assert line.level == "warning"
    assert line.text.startswith("step 3 ran out of memory and was repeated with 1 picture at once")
    assert "gradient_checkpointing" in line.text
    losses = runner.journal.curves.read(bake.number, "loss", 100)
    assert list(losses.steps) == [1, 2, 3, 4, 5, 6]


@pytest.mark.long
@pytest.mark.parametrize(("runs_out", "breaks"), [(3, 4), (1, 2)])
def test_resumed_it_has_the_size_from_the_same_step_on(
    runs_out: int, breaks: int, runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(save_state_every_n_steps=2, **DROPOUTS)
    with monkeypatch.context() as patch:
        Room(patch, pictures=1, from_step=runs_out)
        whole = runner.bake(settings)
    bake = runner.queue(settings)
    with monkeypatch.context() as patch:
        Room(patch, pictures=1, from_step=runs_out, breaks_at=breaks)
        with pytest.raises(KeyError, match="killed"):
            runner.run(bake, settings)
    # With room for all again: only what was kept of the change makes the steps the same.
    room = Room(monkeypatch, pictures=9, from_step=1)
    assert runner.run(replace(bake, attempt=2), settings) is BakeState.DONE
    assert set(room.at_once) == set(range(runs_out, 7))
    assert {size for sizes in room.at_once.values() for size in sizes} == {1}
    one, other = (load_file(folder / "x.safetensors") for folder in (whole, runner.root / bake.folder))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
