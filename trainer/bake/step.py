"""One optimizer step, from pictures' latents to changed LoRA weights."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.bake.batch import Batch, StepBatches
from trainer.bake.loss import loss_weights, picture_losses
from trainer.bake.optimizer import rest_groups_at_0, set_learning_rates, skip_unless_finite
from trainer.bake.session import TrainingSession
from trainer.bake.step_timing import StepTiming
from trainer.measures.curve_records import StepPhase
from trainer.settings.parts import Part
from trainer.settings.random_numbers import RandomSource


@dataclass(frozen=True)
class StepResult:
    """What a step leaves to read; the tensors lie on the device and may not be computed yet.

    Attributes:
        rates: of each trained part.
        loss: mean of the batches' mean losses, scalar.
        grad_norm: length of the gradient before clipping, scalar.
        folder_losses: sum of the pictures' losses by folder, [folders].
        folder_pictures: pictures by folder, [folders].
        reduced_micro_batch: pictures at once that memory had room for, where it ran out on the way; None where it did not.
        timing: where its time went; None where nobody asked.
    """

    rates: dict[Part, float]
    loss: Tensor
    grad_norm: Tensor
    folder_losses: Tensor
    folder_pictures: Tensor
    reduced_micro_batch: int | None = None
    timing: StepTiming | None = None


@dataclass(frozen=True)
class _Learned:
    """What a batch's forward and backward passes return beside the gradients.

    Attributes:
        losses: of its pictures, fp32 [batch]; 0 where another process has them.
        folder_of: as in Batch, on the device.
    """

    losses: Tensor
    folder_of: Tensor


def train_step(session: TrainingSession, work: StepBatches) -> StepResult:
    """Take one optimizer step over the work's batches. Nothing in here waits for the card.

    Where memory runs out on the way to the gradients they are made again with fewer pictures at once; see bake.micro_batches.

    Args:
        session: the base, the LoRA and the optimizer.
        work: the step's number and batches.

    Raises:
        torch.OutOfMemoryError: one picture is too many, or the optimizer found no room.
    """
    settings, ranks = session.settings, session.ranks
    timing = StepTiming(session.model.device)
    if ranks is not None:
        ranks.start_step(work)
    # A part that has stopped has the rate 0: its curve continues to the end.
    stopped: dict[Part, float] = dict.fromkeys(session.trained_parts.initial, 0.0)
    rates = stopped | set_learning_rates(session.optimizer, settings, session.plan, work.step)
    learned, fewer = session.micro_batches.run_with_oom_retry(
        lambda: _learn(session, work, timing),
        largest=max(_at_once(session, batch) for batch in work.batches),
        undo=lambda: _forget(session, timing),
    )
    losses = [of_batch.losses for of_batch in learned]
    if ranks is not None:
        losses = ranks.add_up(session.network.parameters(), losses)
        fewer = ranks.reduced(fewer)
    # An infinite limit leaves the gradient as it is and still measures it.
    grad_norm = session.accelerator.clip_grad_norm_(session.network.parameters(), settings.max_grad_norm or math.inf)
    skip_unless_finite(session.optimizer.optimizer, session.accelerator.scaler, grad_norm)
    rest_groups_at_0(session.optimizer)
    session.optimizer.step()
    session.optimizer.zero_grad()
    if settings.scale_weight_norms is not None:
        session.network.limit_norms(settings.scale_weight_norms)
    timing.end(StepPhase.OPTIMIZER)
    return StepResult(
        rates,
        torch.stack([each.mean() for each in losses]).mean(),
        grad_norm,
        torch.stack([each.folder_of @ loss for each, loss in zip(learned, losses, strict=True)]).sum(dim=0),
        torch.stack([each.folder_of.sum(dim=1) for each in learned]).sum(dim=0),
        fewer,
        timing,
    )


def _at_once(session: TrainingSession, batch: Batch) -> int:
    """Return how many pictures of a batch pass through the model in this process."""
    first, last = session.micro_batches.rows(len(batch.timesteps))
    return last - first


def _learn(session: TrainingSession, work: StepBatches, timing: StepTiming) -> list[_Learned]:
    """Add up the gradients of the mean of the batches' mean losses."""
    learned: list[_Learned] = []
    # What a layer leaves out is drawn anew in every step, as the noise is.
    noise_seed = session.settings.seed_of(RandomSource.NOISE)
    for position, waiting in enumerate(work.batches):
        batch = waiting.on(session.model.device)
        pictures = len(batch.timesteps)
        of_parts: list[Tensor] = []
        timing.end(StepPhase.DATA)
        for rows, part in session.micro_batches.split(batch):
            session.network.start_pass(noise_seed, work.step, position, rows=rows)
            losses = _losses(session, part)
            # The leftover group at an epoch's end is a smaller step of its own, averaged over the batches it has (sd-scripts
            # divides it by the full count, which makes it a weaker one).
            loss = losses.sum() / pictures / len(work.batches)
            timing.end(StepPhase.FORWARD)
            session.accelerator.backward(loss if session.micro_batches.counts(pictures) else loss * 0.0)
            timing.end(StepPhase.BACKWARD)
            of_parts.append(losses.detach())
        of_batch = session.micro_batches.whole(torch.cat(of_parts), pictures)
        learned.append(_Learned(of_batch, batch.folder_of))
    return learned


def _losses(session: TrainingSession, batch: Batch) -> Tensor:
    """Return what each picture's prediction costs, weighted, fp32 [batch]."""
    settings, model, schedule = session.settings, session.model, session.model.schedule
    text = session.text_embeddings.of(batch.captions, batch.input_ids)
    noisy = schedule.add_noise(batch.latents, batch.input_noise, batch.timesteps)
    predicted = model.predict(noisy, batch.timesteps, text, batch.time_ids)
    target = schedule.target(batch.latents, batch.target_noise, batch.timesteps)
    losses = picture_losses(predicted, target, batch.timesteps, settings, schedule, batch.masks)
    return losses * loss_weights(batch.timesteps, settings, schedule) * batch.weights


def _forget(session: TrainingSession, timing: StepTiming) -> None:
    """Discard the gradients and the times of a step that was interrupted."""
    timing.start_again()
    for weight in session.network.parameters():
        weight.grad = None
