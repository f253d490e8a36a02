"""Steps of a bake that go wrong, in the place of the real `train_step`."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from trainer.bake.step import StepResult, train_step

Step = Callable[[Any, Any], StepResult]


def poisoned(steps: set[int], visits: dict[int, int] | None = None) -> Step:
    """Return a train_step whose latents are NaN at `steps`; with `visits`, only the first time."""

    def step(session: Any, work: Any) -> StepResult:
        if work.step in steps and (visits is None or work.step not in visits):
            if visits is not None:
                visits[work.step] = 1
            bad = tuple(replace(batch, latents=torch.full_like(batch.latents, torch.nan)) for batch in work.batches)
            work = replace(work, batches=bad)
        return train_step(session, work)

    return step


def left_out(steps: set[int]) -> Step:
    """Return a train_step that does nothing at `steps`."""

    def step(session: Any, work: Any) -> StepResult:
        if work.step not in steps:
            return train_step(session, work)
        nothing = torch.zeros(())
        folders = torch.zeros(1)
        return StepResult({}, nothing, nothing, folders, folders)

    return step
