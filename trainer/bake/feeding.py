"""What does each step get? Batches made ready by a thread, in an order that seed and epoch alone decide."""

import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from trainer.bake.noise import draw_noise
from trainer.bake.workbench import Workbench
from trainer.dataset.batches import Batch, epoch_batches
from trainer.dataset.captions import caption_for
from trainer.dataset.scan import DataSet

# Steps made ready ahead: one that is waited for and one in the making.
_AHEAD = 2
_LOOK_EVERY = 0.1


@dataclass(frozen=True)
class TrainBatch:
    """One pass through the model.

    Attributes:
        latents, noise: fp32 [batch, 4, height/f, width/f].
        times: int64 [batch].
        tokens: int64 [batch, 77].
        folder_of: fp32 [folders, batch], 1 where the picture is of the folder.
    """

    latents: Tensor
    noise: Tensor
    times: Tensor
    tokens: Tensor
    folder_of: Tensor

    def on(self, device: torch.device) -> "TrainBatch":
        """Return the batch on `device`; the copy runs while the caller goes on."""
        return TrainBatch(*(tensor.to(device, non_blocking=True) for tensor in self._tensors()))

    def pinned(self) -> "TrainBatch":
        """Return the batch in memory that a card can copy from by itself."""
        return TrainBatch(*(tensor.pin_memory() for tensor in self._tensors()))

    def _tensors(self) -> tuple[Tensor, ...]:
        return (self.latents, self.noise, self.times, self.tokens, self.folder_of)


@dataclass(frozen=True)
class StepWork:
    """One optimizer step.

    Attributes:
        step: from 1.
        epoch: from 1.
        ends_epoch: whether it is the epoch's last.
        batches: the accumulated ones; fewer at an epoch's end where they do not divide.
        pictures: their indexes in the data, in order.
    """

    step: int
    epoch: int
    ends_epoch: bool
    batches: tuple[TrainBatch, ...]
    pictures: tuple[int, ...]


class Feed:
    """The steps of a bake, made ready in a thread; iterate over it inside `with`.

    Args:
        bench: settings, plan and the tokenizer.
        data: what is trained on.
        latents: by picture index.
        pin: whether the batches go to a card.
        after: steps done already; the first work is that of the next one.
    """

    def __init__(
        self, bench: Workbench, data: DataSet, latents: Mapping[int, Tensor], *, pin: bool, after: int = 0
    ) -> None:
        """Make nothing ready yet."""
        self._settings = bench.settings
        self._plan = bench.plan
        self._model = bench.model
        self._data = data
        self._latents = latents
        self._pin = pin
        self._after = after
        self._folders = [folder.name for folder in data.folders]
        self._ready: queue.Queue[StepWork | BaseException | None] = queue.Queue(maxsize=_AHEAD)
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

    def __iter__(self) -> Iterator[StepWork]:
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

    def _offer(self, work: StepWork | BaseException | None) -> bool:
        """Put `work` where the loop takes it; return False when the bake ended in between."""
        while not self._ended.is_set():
            try:
                self._ready.put(work, timeout=_LOOK_EVERY)
                return True
            except queue.Full:
                continue
        return False

    def _works(self) -> Iterator[StepWork]:
        step = 0
        together = self._settings.gradient_accumulation_steps
        for epoch in range(self._plan.epochs):
            batches = epoch_batches(
                [placement.bucket for placement in self._plan.placements],
                [picture.repeats for picture in self._data.pictures],
                self._settings.train_batch_size,
                seed=self._settings.seed,
                epoch=epoch,
            )
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

    def _work(self, step: int, epoch: int, ends_epoch: bool, group: list[Batch], seen: int) -> StepWork:
        batches: list[TrainBatch] = []
        for position, batch in enumerate(group):
            made = self._batch(batch, step, epoch, position, seen)
            batches.append(made.pinned() if self._pin else made)
            seen += len(batch.pictures)
        pictures = tuple(index for batch in group for index in batch.pictures)
        return StepWork(step, epoch + 1, ends_epoch, tuple(batches), pictures)

    def _batch(self, batch: Batch, step: int, epoch: int, position: int, seen: int) -> TrainBatch:
        settings = self._settings
        pictures = [self._data.pictures[index] for index in batch.pictures]
        latents = torch.stack([self._latents[index] for index in batch.pictures])
        noise, times = draw_noise(
            latents.shape,
            seed=settings.seed,
            step=step,
            micro_batch=position,
            offset=settings.noise_offset,
        )
        captions = [
            caption_for(
                picture.caption,
                shuffle=settings.shuffle_caption,
                keep=settings.keep_tokens,
                seed=settings.seed,
                epoch=epoch,
                occurrence=seen + place,
            )
            for place, picture in enumerate(pictures)
        ]
        folder_of = torch.tensor([[float(picture.folder == name) for picture in pictures] for name in self._folders])
        return TrainBatch(latents, noise, times, self._model.tokenize(captions), folder_of)
