"""The probe by pictures: the subject's prompts with the LoRA as it stands, beside the base's pictures of the same seeds."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.grid.probe_pictures import ProbeSet
from trainer.grid.recipe import ComputeSetup
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_pictures import OF_PICTURES, PICTURE_SET
from trainer.measures.picture_values import LookedAt, PictureMeasures, TrainingPicture
from trainer.models.base_model import BaseModel
from trainer.models.latent_files import LatentFiles
from trainer.probes.probe import Progress
from trainer.sampling.decode import Pixels, decode
from trainer.sampling.in_batches import sampled_in_batches
from trainer.sampling.sampler import GridSampler
from trainer.text import plural

# Training pictures that are decoded: enough to know how fine and colourful they are, of each outfit enough for a mean.
_DECODED, _DECODED_OF_OUTFIT, _MOST_DECODED = 16, 8, 64
# Hexadecimal digits of a number that a float holds exactly.
_EXACT_DIGITS = 13


@dataclass(frozen=True)
class ProbedModel:
    """The model whose LoRA is probed.

    Attributes:
        model: the base, the LoRA on it.
        without_lora: lets the LoRA change nothing while its block lasts.
        compute_setup: how it computes.
    """

    model: BaseModel
    without_lora: Callable[[], AbstractContextManager[None]]
    compute_setup: ComputeSetup


class PictureProbe:
    """Makes the pictures of a set with the LoRA in training, and measures them.

    The base's pictures are made when they are first needed, and found by their fingerprints after that.

    Args:
        probed: the model.
        wanted: the pictures.
        marks: the fingerprint of each, as the base makes it.
        kept: where the base's latents are kept, by fingerprint.
        training: folder -> latents of the subject's training pictures, fp32 [channels, height/f, width/f], on the CPU.
        say: takes a line for the log.
    """

    title = "measuring test pictures"
    names = tuple(record.key for record in OF_PICTURES)

    def __init__(
        self,
        probed: ProbedModel,
        wanted: ProbeSet,
        marks: Sequence[str],
        kept: LatentFiles,
        training: Mapping[str, Sequence[Tensor]],
        say: Callable[[str], None],
    ) -> None:
        self._probed, self._wanted, self._marks, self._kept = probed, wanted, marks, kept
        self._training, self._say = training, say
        self._measures: PictureMeasures | None = None

    def measure(self, step: int, progress: Progress, stop: Callable[[], bool]) -> Sequence[MeasuredValue]:
        """Return the values after `step` steps, the first time those of the base too; none where `stop` became true."""
        values: list[MeasuredValue] = []
        count = len(self._wanted.pictures)
        before = 0
        if self._measures is None:
            base = self._base(lambda done: progress(done, 2 * count), stop)
            before = count
            training = None if base is None else self._training_pictures(stop)
            if base is None or training is None:
                return ()
            self._measures = PictureMeasures.of(self._wanted, base, training, self._probed.model.latent_factor)
            values += self._measures.values_of_base(base)
            values.append(self._set(0))
        if step == 0:
            return values
        made = self._sampled(range(count), lambda done: progress(before + done, before + count), stop)
        if made is None:
            return ()
        of_step = self._measures.values(step, [_looked_at(*made[index]) for index in range(count)])
        self._say(f"pictures after step {step}: {self._measures.line(of_step)}")
        return [*values, *of_step, self._set(step)]

    def _set(self, step: int) -> MeasuredValue:
        """Return what tells these pictures from those of a bake with other prompts, seeds or sampling steps."""
        digest = hashlib.sha256("".join(self._marks).encode()).hexdigest()
        return MeasuredValue(step=step, name=PICTURE_SET, value=float(int(digest[:_EXACT_DIGITS], 16)))

    def _base(self, progress: Callable[[int], None], stop: Callable[[], bool]) -> list[LookedAt] | None:
        """Return the base's pictures, those made that are not kept; None where it was stopped."""
        model, pictures = self._probed.model, self._wanted.pictures
        found: dict[int, tuple[Tensor, Pixels | None]] = {}
        for index, (picture, mark) in enumerate(zip(pictures, self._marks, strict=True)):
            if stop():
                return None
            latents = self._kept.find(mark, model.latent_shape(picture.recipe.height, picture.recipe.width))
            if latents is not None:
                found[index] = (latents, decode(model, latents[None].to(model.device))[0])
                progress(len(found))
        self._kept.report_damaged("made again")
        missing = [index for index in range(len(pictures)) if index not in found]
        if missing:
            with self._probed.without_lora():
                made = self._sampled(missing, lambda done: progress(len(pictures) - len(missing) + done), stop)
            if made is None:
                return None
            for index, (latents, pixels) in made.items():
                if pixels is None:
                    found[index] = (latents, None)
                    continue
                self._kept.keep(self._marks[index], latents)
                # Alone, as those that are found: together with others the last bits differ.
                found[index] = (latents, decode(model, latents[None].to(model.device))[0])
        self._say(
            f"{plural(len(pictures), 'picture')} of the base to compare with: "
            f"{len(missing)} made, {len(pictures) - len(missing)} found"
        )
        return [_looked_at(*found[index]) for index in range(len(pictures))]

    def _sampled(
        self, which: Sequence[int], progress: Callable[[int], None], stop: Callable[[], bool]
    ) -> dict[int, tuple[Tensor, Pixels | None]] | None:
        """Return latents and pixels of some of the pictures with the LoRA as it is in force now; None where it was stopped."""
        recipes = [self._wanted.pictures[index].recipe for index in which]
        made: dict[int, tuple[Tensor, Pixels | None]] = {}
        # A new one each time: what it keeps of prompts is as the LoRA was.
        with GridSampler(self._probed.model) as sampler:
            for place, picture in sampled_in_batches(sampler, recipes, self._probed.compute_setup, stop):
                made[which[place]] = (picture.latents, picture.pixels)
                progress(len(made))
        return made if len(made) == len(recipes) else None

    def _training_pictures(self, stop: Callable[[], bool]) -> list[TrainingPicture] | None:
        """Return the training pictures, a part of them decoded; None where it was stopped."""
        model = self._probed.model
        chosen = set(self._decoded())
        pictures: list[TrainingPicture] = []
        for folder, of_folder in self._training.items():
            for place, latents in enumerate(of_folder):
                if stop():
                    return None
                pixels = None
                if (folder, place) in chosen:
                    pixels = decode(model, latents[None].to(model.device))[0]
                pictures.append(TrainingPicture(folder, latents.numpy(), None if pixels is None else _planes(pixels)))
        return pictures

    def _decoded(self) -> Iterator[tuple[str, int]]:
        """Yield (folder, place) of the pictures that are decoded: the same ones each time, spread evenly over every folder."""
        outfits = [folder for folder in self._wanted.outfits if folder in self._training]
        folders = outfits or list(self._training)
        most = min(_MOST_DECODED, max(_DECODED, _DECODED_OF_OUTFIT * len(outfits)))
        for folder in folders[:most]:
            there = len(self._training[folder])
            count = min(there, max(1, most // len(folders)))
            for place in np.linspace(0, there - 1, count).round().astype(int).tolist():
                yield folder, place


def _looked_at(latents: Tensor, pixels: Pixels | None) -> LookedAt:
    finite = bool(torch.isfinite(latents).all())
    return LookedAt(latents.numpy() if finite else None, None if pixels is None else _planes(pixels))


def _planes(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))
