"""The batches of each step, prepared by a thread, in an order that seed and epoch alone decide."""

import queue
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import torch

from trainer.bake.batch import Batch, StepBatches
from trainer.bake.latents import PreparedPicture, masks_of
from trainer.bake.noise import draw
from trainer.bake.session import TrainingSession
from trainer.dataset.batches import BucketBatch, epoch_batches
from trainer.dataset.captions import caption_for
from trainer.dataset.records import DataSet
from trainer.settings.in_effect import settings_in_effect
from trainer.settings.random_numbers import RandomSource

# Steps made ready ahead: one that is waited for and one in the making.
_AHEAD = 2
_POLL_SECONDS = 0.1


class BatchLoader:
    """The steps of a bake, made ready in a thread; iterate over it inside `with`.

    Args:
        session: settings, plan and the tokenizer.
        data: what is trained on.
        pictures: latents, masks and sizes by picture index.
        pin: whether the batches go to a card.
        after: steps done already; the first work is that of the next one.
    """

    def __init__(
        self,
        session: TrainingSession,
        data: DataSet,
        pictures: Mapping[int, PreparedPicture],
        *,
        pin: bool,
        after: int = 0,
    ) -> None:
        self._settings = session.settings
        self._noise_settings = settings_in_effect(session.settings, session.model.family)
        self._plan = session.plan
        self._texts = session.text_embeddings
        self._micro_batches = session.micro_batches
        self._draw_times = session.model.schedule.time_sampler(session.settings)
        self._data = data
        self._prepared = pictures
        self._pin = pin
        self._after = after
        self._folders = [folder.name for folder in data.folders]
        self._ready: queue.Queue[StepBatches | BaseException | None] = queue.Queue(maxsize=_AHEAD)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread, wherever it is."""
        self._ended.set()
        self._thread.join()

    def __iter__(self) -> Iterator[StepBatches]:
        """Yield every step's work in order; what broke in the thread is raised here."""
        while True:
            work = self._ready.get()
            if work is None:
                return
            if isinstance(work, BaseException):
                raise work
            yield work

    def _run(self) -> None:
        try:
            for work in self._works():
                if not self._offer(work):
                    return
            self._offer(None)
        except BaseException as error:
            self._offer(error)

    def _offer(self, work: StepBatches | BaseException | None) -> bool:
        """Put `work` where the loop takes it; return False when the bake ended in between."""
        while not self._ended.is_set():
            try:
                self._ready.put(work, timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def _works(self) -> Iterator[StepBatches]:
        step = 0
        together = self._settings.gradient_accumulation_steps
        seed = self._settings.seed_of(RandomSource.ORDER)
        for epoch in range(self._plan.epochs):
            batches = epoch_batches(self._data, self._plan.placements, seed=seed, epoch=epoch)
            seen = 0
            for start in range(0, len(batches), together):
                step += 1
                group = batches[start : start + together]
                # Each step's draws are its own, so those done already are only counted.
                if step > self._after:
                    yield self._work(step, epoch, start + together >= len(batches), group, seen)
                seen += sum(len(batch.pictures) for batch in group)
                if step == self._plan.total_steps:
                    return

    def _work(self, step: int, epoch: int, ends_epoch: bool, group: list[BucketBatch], seen: int) -> StepBatches:
        batches: list[Batch] = []
        for position, batch in enumerate(group):
            made = self._batch(batch, step, epoch, position, seen)
            batches.append(made.pinned() if self._pin else made)
            seen += len(batch.pictures)
        pictures = tuple(index for batch in group for index in batch.pictures)
        return StepBatches(step, epoch + 1, ends_epoch, tuple(batches), pictures)

    def _batch(self, batch: BucketBatch, step: int, epoch: int, position: int, seen: int) -> Batch:
        settings = self._settings
        pictures = [self._data.pictures[index] for index in batch.pictures]
        prepared = [self._prepared[index] for index in batch.pictures]
        latents = torch.stack([each.latents for each in prepared])
        drawn = draw(latents, self._noise_settings, self._draw_times, step=step, micro_batch=position)
        captions = tuple(
            caption_for(
                picture,
                seed=settings.seed_of(RandomSource.ORDER),
                epoch=epoch,
                occurrence=seen + place,
                step=step,
                total_steps=self._plan.total_steps,
            )
            for place, picture in enumerate(pictures)
        )
        tokens = self._texts.tokenize(captions)
        here = slice(*self._micro_batches.rows(len(captions)))
        self._texts.compute_ahead(captions[here], tokens[here])
        return Batch(
            latents=latents,
            target_noise=drawn.target_noise,
            input_noise=drawn.input_noise,
            timesteps=drawn.timesteps,
            input_ids=tokens,
            weights=torch.tensor([settings.prior_loss_weight if picture.is_reg else 1.0 for picture in pictures]),
            folder_of=torch.tensor([[float(picture.folder == name) for picture in pictures] for name in self._folders]),
            time_ids=torch.tensor([each.time_ids for each in prepared]),
            masks=masks_of(prepared),
            captions=captions,
        )
