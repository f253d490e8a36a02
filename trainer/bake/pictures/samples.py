"""Sample pictures of a bake, made between two steps with the LoRA as it stands; a failure never ends the bake."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.atomic_file import write_atomically
from trainer.bake.batch import StepBatches
from trainer.bake.live_settings import LiveSettings
from trainer.bake.pictures.compute_setup import session_compute_setup
from trainer.bake.pictures.lend_model import lend_model
from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.errors import as_bake_failure
from trainer.exchange.cell_text import cell_text
from trainer.formats.generator_table import KEY
from trainer.formats.infotext import Infotext, parse_infotext, write_infotext
from trainer.formats.picture_text import png_bytes
from trainer.grid.cost import pictures_at_once, speed_class, unet_passes
from trainer.grid.recipe import LoraUse, Recipe
from trainer.grid.sample_prompts import SamplePicture, sample_pictures
from trainer.grid.sampling_order import batch_key
from trainer.journal.records import Stage
from trainer.journal.sample_files import SAMPLES_FOLDER, sample_name
from trainer.models.identify import Base
from trainer.models.prediction_type import PredictionDecision
from trainer.sampling.in_batches import sampled_in_batches
from trainer.sampling.sampler import GridSampler
from trainer.text import plural

_TIMED_SAMPLING_STEPS = 4
_log = logging.getLogger(__name__)


class Samples:
    """The samples of one bake.

    Args:
        session: whose LoRA is shown.
        folder: the bake's.
        base: of the bake.
        decision: what the base predicts.
        report: knows the journal and the bake.
        live: the settings in force.
        stop_requested: whether the bake was ordered to end; asked at every sampling step.
    """

    def __init__(
        self,
        session: TrainingSession,
        folder: Path,
        base: Base,
        decision: PredictionDecision,
        report: Reporter,
        live: LiveSettings,
        stop_requested: Callable[[], bool],
    ) -> None:
        self._session, self._folder, self._base, self._decision = session, folder, base, decision
        self._report, self._live, self._stop_requested = report, live, stop_requested
        self._reported = False

    def due(self, work: StepBatches) -> bool:
        """Return whether samples are wanted after this step."""
        settings = self._live.settings
        epochs, steps = settings.sample_every_n_epochs, settings.sample_every_n_steps
        at_epoch = epochs is not None and work.ends_epoch and work.epoch % epochs == 0
        at_step = steps is not None and work.step % steps == 0
        at_end = work.step == self._session.plan.total_steps and (epochs or steps) is not None
        return at_epoch or at_step or at_end

    def expected_seconds(self) -> float | None:
        """Return how long the samples of one step take: by the grids made here, else by a few sampling steps of the first ones.

        None where the bake was ordered to end, or they cannot be made: the bake says why when it is time for them.
        """
        try:
            return self._seconds_by_grids() or self._seconds_by_first()
        except Exception:
            _log.exception("the time of samples is not known")
            return None

    def _seconds_by_grids(self) -> float | None:
        seconds, setup = 0.0, session_compute_setup(self._session)
        for picture in self._wanted():
            per_pass = self._report.journal.grids.seconds_per_unet_pass(speed_class(picture.recipe, setup))
            if per_pass is None:
                return None
            seconds += per_pass * unet_passes(picture.recipe)
        return seconds

    def _seconds_by_first(self) -> float | None:
        pictures = self._wanted()
        alike = list(next(groupby(pictures, key=lambda picture: batch_key(picture.recipe)))[1])
        first = alike[: pictures_at_once(alike[0].recipe, session_compute_setup(self._session))]
        short = [replace(picture.recipe, steps=min(_TIMED_SAMPLING_STEPS, picture.recipe.steps)) for picture in first]
        taken = 0.0
        with lend_model(self._session, base_alone=False), GridSampler(self._session.model) as sampler:
            # The first time compiles and allocates.
            for _ in range(2):
                began = time.perf_counter()
                if sampler.sample(short, stop=self._stop_requested) is None:
                    return None
                taken = time.perf_counter() - began
        per_pass = taken / sum(unet_passes(recipe) for recipe in short)
        return per_pass * sum(unet_passes(picture.recipe) for picture in pictures)

    def make(self, step: int, file: str = "") -> None:
        """Make the samples of this step; a failure is logged, and the bake continues.

        Args:
            step: optimizer steps done.
            file: the LoRA that was saved at this very step, "" if none was.
        """
        with self._report.during(Stage.SAMPLE):
            try:
                self._make(step, file)
            except Exception as error:
                _log.exception("samples of step %d", step)
                line = f"no samples made at step {step}: {as_bake_failure('sample', error).line()}"
                self._report.log(line, level="warning")
                if not self._reported:
                    # Once: the same will happen at every further epoch.
                    self._report.trouble(line)
                self._reported = True

    def _make(self, step: int, file: str) -> None:
        pictures = self._wanted()
        (self._folder / SAMPLES_FOLDER).mkdir(exist_ok=True)
        self._report.stage(Stage.SAMPLE, 0, len(pictures))
        done = 0
        not_finite: list[str] = []
        with lend_model(self._session, base_alone=False), GridSampler(self._session.model) as sampler:
            for picture, pixels in self._pictures(sampler, pictures):
                if pixels is None:
                    not_finite.append(picture.name)
                    continue
                path = self._folder / SAMPLES_FOLDER / sample_name(step, picture.name)
                write_atomically(path, png_bytes(pixels, {KEY: self._text(picture.recipe, step, file)}))
                done += 1
                self._report.stage(Stage.SAMPLE, done, len(pictures))
        if not_finite:
            line = f"not written, values are NaN or infinite: sample {', '.join(not_finite)} of step {step}"
            self._report.log(line, level="warning")
        of = "" if done == len(pictures) else f" of {len(pictures)}"
        self._report.log(f"{plural(done, 'sample')}{of} after step {step} in {SAMPLES_FOLDER}/")

    def _wanted(self) -> tuple[SamplePicture, ...]:
        return sample_pictures(
            self._live.settings,
            self._folder / "settings.toml",
            self._base,
            self._decision.prediction,
            zero_terminal_snr=self._decision.zero_terminal_snr,
        )

    def _pictures(
        self, sampler: GridSampler, pictures: Sequence[SamplePicture]
    ) -> Iterator[tuple[SamplePicture, NDArray[np.uint8] | None]]:
        """Yield each picture as it is made, None for one that is not finite; none after the bake was ordered to end."""
        recipes = [picture.recipe for picture in pictures]
        for index, made in sampled_in_batches(
            sampler, recipes, session_compute_setup(self._session), self._stop_requested
        ):
            yield pictures[index], made.pixels

    def _text(self, recipe: Recipe, step: int, file: str) -> str:
        """Return the infotext: with the LoRA of this step where it was saved, else with the step alone."""
        # What a folder is known by means nothing to other programs.
        hashes = {place: found.sha256 for place, found in self._session.contents().items() if not found.parts}
        loras = (LoraUse(self._folder / file),) if file else ()
        info = parse_infotext(cell_text(replace(recipe, loras=loras), hashes))
        about = {"Bake": str(self._report.number), "Step": str(step)}
        return write_infotext(Infotext(info.prompt, info.negative_prompt, {**info.fields, **about}))
