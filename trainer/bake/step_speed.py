"""Speed of a step, measured over the first steps of a bake, which are undone."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch

from trainer.bake.batch import StepBatches
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import PreparedPicture
from trainer.bake.saving.state import state_of, unpack
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step
from trainer.dataset.records import DataSet
from trainer.journal.curves import WARM_UP_STEPS

_MOST_STEPS = 64
_LEAST_MEASURED = 5
_FEWEST_MEASURED = 2
# Enough for a mean over buckets and captions, and short beside a bake of some minutes.
_SECONDS = 20.0
_MOST_SECONDS = 60.0


@dataclass(frozen=True)
class StepSpeed:
    """What was measured.

    Attributes:
        seconds: of a step, their mean.
        steps: that it is the mean of.
    """

    seconds: float
    steps: int


def measure_speed(
    session: TrainingSession,
    data: DataSet,
    prepared: Mapping[int, PreparedPicture],
    *,
    most_seconds: float,
    progress: Callable[[int, int], None],
    stop: Callable[[], bool],
) -> StepSpeed | None:
    """Take real steps, time them, and undo all that they did; the bake that follows gives the same bits as without them.

    The first steps do not count, nor does the first one of each picture size: they compile, allocate and find the fastest kernels.

    Args:
        session: as it is before its first step; its plan's number of steps is of no matter.
        data, prepared: what is trained on.
        most_seconds: that it may take, about; a few steps are taken in any case.
        progress: takes (steps done, at most).
        stop: asked after each step whether to give up.

    Returns:
        the speed; None where it was to give up.
    """
    with _undone(session):
        seconds: list[tuple[float, bool]] = []
        shapes: set[tuple[torch.Size, ...]] = set()
        began = time.perf_counter()
        for work, took in _timed_steps(session, data, prepared):
            shape = tuple(batch.latents.shape for batch in work.batches)
            counts = len(seconds) >= WARM_UP_STEPS and shape in shapes
            shapes.add(shape)
            seconds.append((took, counts))
            progress(len(seconds), _MOST_STEPS)
            if stop():
                return None
            measured, passed = sum(counts for _, counts in seconds), time.perf_counter() - began
            if measured >= _LEAST_MEASURED and passed >= min(_SECONDS, most_seconds):
                break
            # Where a step takes long beside the minutes, fewer must do; in the end all but the first steps.
            if measured >= _FEWEST_MEASURED and passed >= 3 * most_seconds:
                break
            if passed >= _MOST_SECONDS and len(seconds) > WARM_UP_STEPS:
                break
    kept = (
        [took for took, counts in seconds if counts]
        or [took for took, _ in seconds[WARM_UP_STEPS:]]
        or [seconds[-1][0]]
    )
    return StepSpeed(sum(kept) / len(kept), len(kept))


def _timed_steps(
    session: TrainingSession, data: DataSet, prepared: Mapping[int, PreparedPicture]
) -> Iterator[tuple[StepBatches, float]]:
    """Take the first steps of the bake and yield each with its seconds, the wait for its batches included."""
    device = session.model.device
    pin = device.type == "cuda"
    epochs = -(-_MOST_STEPS // session.plan.steps_per_epoch)
    trial = replace(session, plan=replace(session.plan, total_steps=_MOST_STEPS, epochs=epochs))
    with BatchLoader(trial, data, prepared, pin=pin) as loader:
        began = time.perf_counter()
        for work in loader:
            train_step(trial, work)
            if pin:
                torch.cuda.synchronize(device)
            now = time.perf_counter()
            yield work, now - began
            began = time.perf_counter()


@contextmanager
def _undone(session: TrainingSession) -> Iterator[None]:
    """Put weights, optimizer, random numbers and scaler back to what they are now, when the block ends."""
    before, size = state_of(session), session.micro_batches.size
    try:
        yield
    finally:
        for weight in session.network.parameters():
            weight.grad = None
        # Where memory ran out it will again, and the bake notes the step at which it does.
        session.micro_batches.size = size
        session.text_embeddings.forget_ahead()
        unpack(before, session, "the steps that were timed")
