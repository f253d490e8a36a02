import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from trainer.bake.run import run_bake
from trainer.bake.session import TrainingSession, open_session
from trainer.jobs.preflight import PlannedBake, prepare
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, NewBake
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml

torch.set_num_threads(1)

MakeSettings = Callable[..., Settings]


@contextmanager
def _session(settings: Settings) -> Iterator[tuple[TrainingSession, PlannedBake]]:
    planned = prepare(settings)
    with open_session(settings, planned) as session:
        yield session, planned


@pytest.fixture
def open_bench() -> Callable[[Settings], object]:
    """Return a context manager that gives the workbench and the ground of some settings."""
    return _session


@dataclass(frozen=True)
class Kitchen:
    """A journal in a folder of its own, and a way to bake into it."""

    root: Path
    journal: Journal

    def queue(self, settings: Settings) -> Bake:
        self.journal.bakes.add(
            NewBake(
                name="x", why="", settings_toml=settings_toml(settings), engine="test", total_steps=1, steps_per_epoch=1
            )
        )
        bake = self.journal.queue.claim("test", os.getpid(), 0.0)
        assert bake is not None
        (self.root / bake.folder).mkdir(parents=True)
        return bake

    def run(self, bake: Bake, settings: Settings) -> BakeState:
        return run_bake(bake, settings, self.root / bake.folder, self.journal)

    def bake(self, settings: Settings) -> Path:
        bake = self.queue(settings)
        assert self.run(bake, settings) is BakeState.DONE
        return self.root / bake.folder


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Kitchen]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield Kitchen(tmp_path, journal)
