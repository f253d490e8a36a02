"""What does each step get? Batches made ready by a thread, in an order that seed and epoch alone decide."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor

from trainer.bake.latents import Prepared, masks_of
from trainer.bake.noise import draw
from trainer.bake.workbench import Workbench
from trainer.dataset.batches import Batch, epoch_batches
from trainer.dataset.captions import caption_for
from trainer.dataset.data import DataSet
from trainer.plan.times import time_shares

# Steps made ready ahead: one that is waited for and one in the making.
_AHEAD = 2
_LOOK_EVERY = 0.1


@dataclass(frozen=True)
class TrainBatch:
    """One pass through the model.

    Attributes:
        latents: fp32 [batch, 4, height/f, width/f].
        noise: what is to be predicted, same shape.
        seen: the noise put on the latents, same shape; other than `noise` with ip_noise_gamma.
        times: int64 [batch].
        tokens: int64 [batch, encoders, chunks, 77].
        weights: fp32 [batch], what each picture's loss counts.
        folder_of: fp32 [folders, batch], 1 where the picture is of the folder.
        sizes: int64 [batch, 6] for SDXL: original height and width, top and left of the crop, height and width of the bucket.
        masks: fp32 [batch, 1, height/f, width/f]; None where everything counts.
        captions: the words themselves.
    """

    latents: Tensor
    noise: Tensor
    seen: Tensor
    times: Tensor
    tokens: Tensor
    weights: Tensor
    folder_of: Tensor
    sizes: Tensor
    masks: Tensor | None
    captions: tuple[str, ...]

    def on(self, device: torch.device) -> "TrainBatch":
        """Return the batch on `device`; the copy runs while the caller goes on."""
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> "TrainBatch":
        """Return the batch in memory that a card can copy from by itself."""
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Callable[[Tensor], Tensor]) -> "TrainBatch":
        values: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        tensors = {name: change(value) for name, value in values.items() if isinstance(value, Tensor)}
        return TrainBatch(**{**values, **tensors})


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
        pictures: latents, masks and sizes by picture index.
        pin: whether the batches go to a card.
        after: steps done already; the first work is that of the next one.
    """

    def __init__(
        self, bench: Workbench, data: DataSet, pictures: Mapping[int, Prepared], *, pin: bool, after: int = 0
    ) -> None:
        """Make nothing ready yet."""
        self._settings = bench.settings
        self._plan = bench.plan
        self._texts = bench.texts
        self._shares = time_shares(bench.settings, bench.model.schedule.alphas_cumprod.cpu().double().numpy())
        self._data = data
        self._prepared = pictures
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
            batches = epoch_batches(self._data, self._plan.placements, seed=self._settings.seed, epoch=epoch)
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
        prepared = [self._prepared[index] for index in batch.pictures]
        latents = torch.stack([each.latents for each in prepared])
        drawn = draw(latents, settings, self._shares, step=step, micro_batch=position)
        captions = tuple(
            caption_for(
                picture,
                seed=settings.seed,
                epoch=epoch,
                occurrence=seen + place,
                step=step,
                total_steps=self._plan.total_steps,
            )
            for place, picture in enumerate(pictures)
        )
        tokens = self._texts.tokenize(captions)
        self._texts.compute_ahead(captions, tokens)
        return TrainBatch(
            latents=latents,
            noise=drawn.noise,
            seen=drawn.seen,
            times=drawn.times,
            tokens=tokens,
            weights=torch.tensor([settings.prior_loss_weight if picture.is_reg else 1.0 for picture in pictures]),
            folder_of=torch.tensor([[float(picture.folder == name) for picture in pictures] for name in self._folders]),
            sizes=torch.tensor([each.sizes for each in prepared]),
            masks=masks_of(prepared),
            captions=captions,
        )
