"""One optimizer step, from pictures' latents to changed LoRA weights."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.bake.feeding import StepWork
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
    """

    rates: dict[Part, float]
    loss: Tensor
    grad_norm: Tensor
    folder_losses: Tensor
    folder_pictures: Tensor


def train_step(bench: Workbench, work: StepWork) -> StepResult:
    """Take one optimizer step over the work's batches. Nothing in here waits for the card.

    Args:
        bench: the base, the LoRA and the optimizer.
        work: the step's number and batches.
    """
    settings, model, accelerator = bench.settings, bench.model, bench.accelerator
    schedule = model.schedule
    # A part that has stopped has the rate 0: its curve goes on to the end.
    stopped: dict[Part, float] = dict.fromkeys(bench.training.begun, 0.0)
    rates = stopped | set_rates(bench.optimizer, settings, bench.plan, work.step)
    batch_losses: list[Tensor] = []
    folder_losses: list[Tensor] = []
    folder_pictures: list[Tensor] = []
    for position, waiting in enumerate(work.batches):
        batch = waiting.on(model.device)
        bench.network.begin(settings.seed, work.step, position)
        text = bench.texts.of(batch.captions, batch.tokens)
        noisy = schedule.add_noise(batch.latents, batch.seen, batch.times)
        predicted = model.predict(noisy, batch.times, text, batch.sizes)
        target = schedule.target(batch.latents, batch.noise, batch.times)
        losses = picture_losses(predicted, target, batch.times, settings, schedule, batch.masks)
        losses = losses * loss_weights(batch.times, settings, schedule) * batch.weights
        # The leftover group at an epoch's end is a smaller step of its own, averaged over the batches it has (sd-scripts divides
        # it by the full count, which makes it a weaker one).
        accelerator.backward(losses.mean() / len(work.batches))
        batch_losses.append(losses.detach().mean())
        folder_losses.append(batch.folder_of @ losses.detach())
        folder_pictures.append(batch.folder_of.sum(dim=1))
    # An infinite limit leaves the gradient as it is and still measures it.
    grad_norm = accelerator.clip_grad_norm_(bench.network.parameters(), settings.max_grad_norm or math.inf)
    skip_unless_finite(bench, grad_norm)
    bench.optimizer.step()
    bench.optimizer.zero_grad()
    if settings.scale_weight_norms is not None:
        bench.network.limit_norms(settings.scale_weight_norms)
    return StepResult(
        rates,
        torch.stack(batch_losses).mean(),
        grad_norm,
        torch.stack(folder_losses).sum(dim=0),
        torch.stack(folder_pictures).sum(dim=0),
    )
