"""One optimizer step, from pictures' latents to changed LoRA weights."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.bake.feeding import StepWork, TrainBatch
from trainer.bake.loss import loss_weights, picture_losses
from trainer.bake.optimizer import skip_unless_finite
from trainer.bake.schedule import set_rates
from trainer.bake.workbench import Workbench
from trainer.settings.parts import Part


@dataclass(frozen=True)
class StepResult:
    """What a step leaves to read; the tensors lie on the device and may not be computed yet.

    Attributes:
        rates: of each trained part.
        loss: mean of the batches' mean losses, scalar.
        grad_norm: length of the gradient before clipping, scalar.
        folder_losses: sum of the pictures' losses by folder, [folders].
        folder_pictures: pictures by folder, [folders].
        fewer: pictures at once that memory had room for, where it ran out on the way; None where it did not.
    """

    rates: dict[Part, float]
    loss: Tensor
    grad_norm: Tensor
    folder_losses: Tensor
    folder_pictures: Tensor
    fewer: int | None = None


@dataclass(frozen=True)
class _Learned:
    """What passing a step's batches through the model leaves besides the gradients; see StepResult."""

    loss: Tensor
    folder_losses: Tensor
    folder_pictures: Tensor


def train_step(bench: Workbench, work: StepWork) -> StepResult:
    """Take one optimizer step over the work's batches. Nothing in here waits for the card.

    Where memory runs out on the way to the gradients they are made again with fewer pictures at once; see bake.micro_batches.

    Args:
        bench: the base, the LoRA and the optimizer.
        work: the step's number and batches.

    Raises:
        torch.OutOfMemoryError: one picture is too many, or the optimizer found no room.
    """
    settings = bench.settings
    # A part that has stopped has the rate 0: its curve goes on to the end.
    stopped: dict[Part, float] = dict.fromkeys(bench.training.begun, 0.0)
    rates = stopped | set_rates(bench.optimizer, settings, bench.plan, work.step)
    learned, fewer = bench.micro_batches.that_fit(
        lambda: _learn(bench, work),
        largest=max(len(batch.times) for batch in work.batches),
        undo=lambda: _forget(bench),
    )
    # An infinite limit leaves the gradient as it is and still measures it.
    grad_norm = bench.accelerator.clip_grad_norm_(bench.network.parameters(), settings.max_grad_norm or math.inf)
    skip_unless_finite(bench, grad_norm)
    bench.optimizer.step()
    bench.optimizer.zero_grad()
    if settings.scale_weight_norms is not None:
        bench.network.limit_norms(settings.scale_weight_norms)
    return StepResult(rates, learned.loss, grad_norm, learned.folder_losses, learned.folder_pictures, fewer)


def _learn(bench: Workbench, work: StepWork) -> _Learned:
    """Add up the gradients of the mean of the batches' mean losses."""
    batch_losses: list[Tensor] = []
    folder_losses: list[Tensor] = []
    folder_pictures: list[Tensor] = []
    for position, waiting in enumerate(work.batches):
        batch = waiting.on(bench.model.device)
        of_parts: list[Tensor] = []
        for rows, part in bench.micro_batches.of(batch):
            bench.network.begin(bench.settings.seed, work.step, position, rows=rows)
            losses = _losses(bench, part)
            # The leftover group at an epoch's end is a smaller step of its own, averaged over the batches it has (sd-scripts
            # divides it by the full count, which makes it a weaker one).
            bench.accelerator.backward(losses.sum() / len(batch.times) / len(work.batches))
            of_parts.append(losses.detach())
        of_batch = torch.cat(of_parts)
        batch_losses.append(of_batch.mean())
        folder_losses.append(batch.folder_of @ of_batch)
        folder_pictures.append(batch.folder_of.sum(dim=1))
    return _Learned(
        torch.stack(batch_losses).mean(),
        torch.stack(folder_losses).sum(dim=0),
        torch.stack(folder_pictures).sum(dim=0),
    )


def _losses(bench: Workbench, batch: TrainBatch) -> Tensor:
    """Return what each picture's prediction costs, weighted, fp32 [batch]."""
    settings, model, schedule = bench.settings, bench.model, bench.model.schedule
    text = bench.texts.of(batch.captions, batch.tokens)
    noisy = schedule.add_noise(batch.latents, batch.seen, batch.times)
    predicted = model.predict(noisy, batch.times, text, batch.sizes)
    target = schedule.target(batch.latents, batch.noise, batch.times)
    losses = picture_losses(predicted, target, batch.times, settings, schedule, batch.masks)
    return losses * loss_weights(batch.times, settings, schedule) * batch.weights


def _forget(bench: Workbench) -> None:
    """Throw away the gradients of a step that was cut off."""
    for weight in bench.network.parameters():
        weight.grad = None
