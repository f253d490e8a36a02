"""The loss on pictures kept out of training, at fixed noise and fixed times."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.bake.batch import StepBatches
from trainer.bake.latents import PreparedPicture
from trainer.bake.session import TrainingSession
from trainer.dataset.records import Picture
from trainer.network.draws import generator_for
from trainer.probes.batches import batches_of_one_shape


@dataclass(frozen=True)
class ValidationResult:
    """One validation.

    Attributes:
        step: optimizer steps before it.
        loss: mean over the pictures.
        change: mean difference to the untrained base, picture by picture.
        error: standard error of that mean; None for a single picture.
    """

    step: int
    loss: float
    change: float
    error: float | None


class Validation:
    """The validation pictures with their fixed noise and times.

    Args:
        session: the model and the LoRA as they stand when `measure` is called.
        pictures: in a fixed order.
        prepared: by index in `pictures`.
    """

    def __init__(
        self, session: TrainingSession, pictures: tuple[Picture, ...], prepared: Mapping[int, PreparedPicture]
    ) -> None:
        self._session = session
        seed = session.settings.validation_seed
        self._latents = [prepared[index].latents for index in range(len(pictures))]
        self._sizes = torch.tensor([prepared[index].time_ids for index in range(len(pictures))])
        self._noise = [
            torch.randn(latent.shape, generator=generator_for(seed, "validation", index))
            for index, latent in enumerate(self._latents)
        ]
        self._times = session.model.schedule.spread_times(len(pictures))
        self._captions = [picture.caption for picture in pictures]
        self._tokens = session.text_embeddings.tokenize(self._captions)
        self._untrained: Tensor | None = None

    def keep(self) -> dict[str, Tensor]:
        """Return what a state needs: the losses of the untrained base, float64 [pictures]; nothing before they are measured."""
        return {} if self._untrained is None else {"untrained": self._untrained}

    def restore(self, kept: Mapping[str, Tensor]) -> None:
        """Be where a state was; losses of other pictures than these are not taken."""
        untrained = kept.get("untrained")
        self._untrained = untrained if untrained is not None and len(untrained) == len(self._latents) else None

    @property
    def knows_the_base(self) -> bool:
        """Whether the untrained base was measured."""
        return self._untrained is not None

    def measure_base(self, progress: Callable[[int, int], None]) -> None:
        """Measure the untrained base under a LoRA that is trained already, with its strengths at 0 meanwhile."""
        with self._session.base_alone():
            self._untrained = self._losses(progress)

    def due(self, work: StepBatches, every: int | None) -> bool:
        """Return whether to measure after this step: at an epoch's end, every `every` steps, at the bake's end."""
        at_end = work.ends_epoch or work.step == self._session.plan.total_steps
        return at_end or (every is not None and work.step % every == 0)

    def measure(self, step: int, progress: Callable[[int, int], None]) -> ValidationResult:
        """Return the validation after `step` steps; the first call, before any training, measures the base.

        Args:
            step: optimizer steps done.
            progress: takes (pictures done, pictures).
        """
        with self._session.averaged_weights():
            losses = self._losses(progress)
        if self._untrained is None:
            self._untrained = losses
        difference = losses - self._untrained
        count = len(losses)
        error = float(difference.std()) / math.sqrt(count) if count > 1 else None
        return ValidationResult(step, float(losses.mean()), float(difference.mean()), error)

    @torch.no_grad()
    def _losses(self, progress: Callable[[int, int], None]) -> Tensor:
        """Return the loss of each picture, float64 [pictures], on the CPU."""
        losses = torch.zeros(len(self._latents), dtype=torch.float64)
        model, device = self._session.model, self._session.model.device
        schedule = model.schedule
        done = 0
        for chosen in self._batches():
            latents, noise = (
                torch.stack([of_each[index] for index in chosen]).to(device) for of_each in (self._latents, self._noise)
            )
            times = self._times[chosen].to(device)
            with self._session.network.without_dropout():
                text = self._session.text_embeddings.of(
                    [self._captions[index] for index in chosen], self._tokens[chosen], apart=True
                )
                noisy = schedule.add_noise(latents, noise, times)
                predicted = model.predict(noisy, times, text, self._sizes[chosen].to(device))
            # Squared and unweighted whatever the bake's loss is, so that bakes can be compared.
            errors = (predicted.float() - schedule.target(latents, noise, times)).square()
            losses[chosen] = errors.mean(dim=(1, 2, 3)).double().cpu()
            done += len(chosen)
            progress(done, len(losses))
        return losses

    def _batches(self) -> list[list[int]]:
        """Return the pictures in batches of one shape, always the same."""
        places = range(len(self._latents))
        return batches_of_one_shape(places, lambda index: self._latents[index].shape, self._session.predicted_at_once)
