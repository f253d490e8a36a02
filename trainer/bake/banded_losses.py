"""The loss of pictures in every band of noise, at fixed times and with fixed noise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.bake.latents import PreparedPicture
from trainer.bake.session import TrainingSession
from trainer.families.registry import family_record
from trainer.measures.bands import BANDS, TIMES_PER_BAND, band_at
from trainer.models.base_model import BaseModel
from trainer.network.draws import generator_for
from trainer.probes.batches import batches_of_one_shape

# Far more than are taken, so that every band has some in its middle.
_FINE = 301


@dataclass(frozen=True)
class BandTimes:
    """Times of all bands, the same for every picture.

    Attributes:
        bands: key of the band of each time.
        times: as the schedule has them, [times], on the CPU.
    """

    bands: tuple[str, ...]
    times: Tensor

    @classmethod
    def of(cls, model: BaseModel) -> Self:
        """Return TIMES_PER_BAND times evenly spread over each band, among those that tell models apart."""
        schedule, times = model.schedule, family_record(model.family).times
        fine = schedule.spread_times(_FINE)
        progress = schedule.progress(fine.to(model.device)).tolist()
        bands: list[str] = []
        chosen: list[int] = []
        for band in BANDS:
            inside = [place for place, each in enumerate(progress) if band_at(each, times) is band]
            if inside:
                bands += [band.key] * TIMES_PER_BAND
                chosen += [
                    inside[(2 * number + 1) * len(inside) // (2 * TIMES_PER_BAND)] for number in range(TIMES_PER_BAND)
                ]
        return cls(tuple(bands), fine[chosen])


class BandedLosses:
    """Pictures with their fixed noise at the times of every band.

    Args:
        session: model and LoRA as they stand when `measure` is called.
        pictures: as the model takes them.
        captions: of these, parallel.
        times: at which each is measured.
        name: tells their noise from that of other pictures; the noise follows from it, the validation seed and a picture's place.
    """

    def __init__(
        self,
        session: TrainingSession,
        pictures: Sequence[PreparedPicture],
        captions: Sequence[str],
        times: BandTimes,
        name: str,
    ) -> None:
        self._session, self._pictures, self._captions = session, pictures, list(captions)
        self._times, self._name = times.times, name
        self._without = [""] * len(captions)

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._pictures)

    @property
    def passes(self) -> int:
        """How many forward passes of a single picture `measure` takes."""
        return len(self._pictures) * len(self._times)

    def measure(
        self, *, captions: bool, passed: Callable[[int], None], stop: Callable[[], bool]
    ) -> NDArray[np.float64] | None:
        """Return the unweighted loss of each picture at each time, [pictures, times]; None where `stop` became true.

        No gradients, no dropouts and the weights to be measured are the caller's to see to.

        Args:
            captions: whether with the pictures' captions, else with empty ones.
            passed: takes how many passes were done since it was last told.
            stop: asked between two batches.
        """
        words = self._captions if captions else self._without
        tokens = self._session.text_embeddings.tokenize(words)
        losses = torch.zeros(len(self._pictures), len(self._times), dtype=torch.float64)
        for batch in self._batches():
            if stop():
                return None
            pictures, times = (list(each) for each in zip(*batch, strict=True))
            losses[pictures, times] = self._losses(pictures, times, [words[index] for index in pictures], tokens)
            passed(len(batch))
        return losses.numpy()

    def _losses(self, pictures: list[int], places: list[int], words: list[str], tokens: Tensor) -> Tensor:
        """Return the loss of each picture at its time, float64 [batch], on the CPU."""
        model = self._session.model
        schedule, device = model.schedule, model.device
        latents = torch.stack([self._pictures[index].latents for index in pictures]).to(device)
        noise = torch.stack([self._noise(index, place) for index, place in zip(pictures, places, strict=True)]).to(
            device
        )
        times = self._times[places].to(device)
        sizes = torch.tensor([self._pictures[index].time_ids for index in pictures], device=device)
        text = self._session.text_embeddings.of(words, tokens[pictures], apart=True)
        predicted = model.predict(schedule.add_noise(latents, noise, times), times, text, sizes)
        errors = (predicted.float() - schedule.target(latents, noise, times)).square()
        return errors.mean(dim=(1, 2, 3)).double().cpu()

    def _noise(self, index: int, place: int) -> Tensor:
        # Made anew for each pass: of many large pictures it would fill the memory.
        generator = generator_for(self._session.settings.validation_seed, "bands", self._name, index, place)
        return torch.randn(self._pictures[index].latents.shape, generator=generator)

    def _batches(self) -> list[list[tuple[int, int]]]:
        """Return (picture, place of its time) in batches of one shape, always the same."""
        passes = product(range(len(self._pictures)), range(len(self._times)))
        return batches_of_one_shape(
            passes, lambda each: self._pictures[each[0]].latents.shape, self._session.predicted_at_once
        )
