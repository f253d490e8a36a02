"""Training steps outside a bake: the session that a bake would have, and steps whose pictures are made of random numbers.

A step's time and memory do not depend on what its pictures show, so nothing is encoded.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from trainer.bake.batch import StepBatches
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import PreparedPicture
from trainer.bake.session import TrainingSession, open_session
from trainer.bake.step import train_step
from trainer.dataset.captions import fixed_caption
from trainer.demo.place import NAME
from trainer.jobs.bakes import check
from trainer.jobs.preflight import PlannedBake
from trainer.settings.toml_file import apply_overrides, load_settings

ENDLESS = ("max_train_epochs=", "max_train_steps=100000", "validation_data_dir=", "lr_warmup_steps=0")
"""Settings of a bake that lasts as long as anybody measures, and does nothing but steps."""

REAL = ("bucket_reso_steps=64", "v_parameterization=no", "shuffle_caption=no")
"""Settings that the demo's must change for a base in its real size."""


@dataclass
class Ready:
    """Steps that can be taken one by one.

    Attributes:
        session, planned: what a bake would have.
        works: steps to come, each of full batches of the largest bucket.
    """

    session: TrainingSession
    planned: PlannedBake
    works: Iterator[StepBatches]

    def step(self) -> float:
        """Take the next step and return its seconds, on a card up to the end of its last kernel."""
        work = next(self.works)
        self.wait()
        began = time.perf_counter()
        train_step(self.session, work)
        self.wait()
        return time.perf_counter() - began

    def wait(self) -> None:
        """Come back when the card has nothing left to do."""
        if self.session.model.device.type == "cuda":
            torch.cuda.synchronize()


def planned_of(root: Path, options: Iterable[str], settings: str = NAME) -> PlannedBake:
    """Return what a bake of the workspace's settings would stand on.

    Args:
        root: a demo workspace.
        options: changes of its settings, each as `name=value`.
        settings: name of its settings file.
    """
    path = root / f"{settings}.toml"
    return check(apply_overrides(load_settings(path), tuple(options)), path)


@contextmanager
def ready_steps(planned: PlannedBake, *, made: int = 0) -> Iterator[Ready]:
    """Load the base, put the LoRA on it and make steps ready while the block lasts.

    Args:
        planned: from planned_of.
        made: how many steps to make ready beforehand, after which no other thread is at work; 0 makes them ready while
            others are taken, as a bake does.
    """
    with open_session(planned.settings, planned) as session:
        session.model.put_vae_away()
        _settle_texts(session, planned)
        session.model.bring_body()
        prepared = _noise(session, planned)
        pin = session.model.device.type == "cuda"
        with BatchLoader(session, planned.data, prepared, pin=pin) as feed:
            works = _full(feed, session, planned)
            taken = [next(works) for _ in range(made)]
            if not made:
                yield Ready(session, planned, works)
        if made:
            yield Ready(session, planned, iter(taken))


def largest_bucket(planned: PlannedBake) -> tuple[int, int]:
    """Return width and height of the largest pictures that train."""
    return max((placement.bucket for placement in planned.plan.placements), key=lambda bucket: bucket[0] * bucket[1])


def _full(feed: BatchLoader, session: TrainingSession, planned: PlannedBake) -> Iterator[StepBatches]:
    """Yield the steps that are as large as steps get."""
    width, height = largest_bucket(planned)
    size = session.settings.train_batch_size
    for work in feed:
        of_a_bucket = all(tuple(batch.time_ids[0, 4:].tolist()) == (height, width) for batch in work.batches)
        if of_a_bucket and all(len(batch.captions) == size for batch in work.batches):
            yield work


def _noise(session: TrainingSession, planned: PlannedBake) -> dict[int, PreparedPicture]:
    """Return what stands for the pictures' latents, by index: the same each time."""
    numbers = torch.Generator().manual_seed(0)
    prepared: dict[int, PreparedPicture] = {}
    for index, placement in enumerate(planned.plan.placements):
        width, height = placement.bucket
        latents = torch.randn(session.model.latent_shape(height, width), generator=numbers)
        prepared[index] = PreparedPicture(latents, None, (height, width, 0, 0, height, width))
    return prepared


def _settle_texts(session: TrainingSession, planned: PlannedBake) -> None:
    """Let encoders that do not train rest, their outputs kept where every showing has the same words, as a bake does."""
    captions = [fixed_caption(picture) for picture in planned.data.pictures]
    known = [caption for caption in captions if caption is not None]
    if len(known) == len(captions):
        session.text_embeddings.cache_for(known)
    for part in session.model.encoders:
        if part not in session.trained_parts.initial:
            session.text_embeddings.freeze(part)
    session.text_embeddings.place()
