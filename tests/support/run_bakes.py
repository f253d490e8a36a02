"""Training sessions and whole bakes in the test's own process and thread, without an engine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from trainer.bake.run import run_bake
from trainer.bake.session import TrainingSession, open_session
from trainer.jobs.preflight import PlannedBake, prepare
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, NewBake
from trainer.journal.state_files import file_name
from trainer.network.lora_content import load_lora
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml


@contextmanager
def session_of(settings: Settings) -> Iterator[tuple[TrainingSession, PlannedBake]]:
    """Open the session that a bake of some settings trains in; give it with what was planned."""
    planned = prepare(settings)
    with open_session(settings, planned) as session:
        yield session, planned


def bits_of_lora(folder: Path) -> dict[str, bytes]:
    """Return the tensors of the LoRA that a runner's bake left in its folder."""
    return {name: tensor.numpy().tobytes() for name, tensor in load_lora(folder / "x.safetensors").tensors.items()}


@dataclass(frozen=True)
class BakeRunner:
    """A journal in a folder of its own, and a way to bake into it.

    Attributes:
        root: the folder in which each bake has its own.
        journal: what the bakes report to.
    """

    root: Path
    journal: Journal

    def queue(self, settings: Settings) -> Bake:
        """Queue a bake and claim it, so that it can be run."""
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
        """Run a claimed bake; return how it ended."""
        return run_bake(bake, settings, self.root / bake.folder, self.journal)

    def bake(self, settings: Settings) -> Path:
        """Queue and run a bake to its end; return its folder."""
        bake = self.queue(settings)
        assert self.run(bake, settings) is BakeState.DONE
        return self.root / bake.folder

    def bake_again_from(self, step: int, settings: Settings) -> None:
        """Take the newest bake up again from its state after `step`, as if its process had died, and bake it to its end."""
        bake = self.journal.bakes.latest()[0]
        for state in (self.root / bake.folder / "state").glob("*.safetensors"):
            if state.name != file_name(step):
                state.unlink()
        self.journal.bakes.set_state(bake.number, BakeState.LOST)
        assert self.take_up_again(bake.number, settings) is BakeState.DONE

    def take_up_again(self, number: int, settings: Settings) -> BakeState:
        """Continue a bake that ended early from its newest state; return how it ended."""
        self.journal.queue.requeue(number, "test")
        again = self.journal.queue.claim("test", os.getpid(), 0.0)
        assert again is not None and again.attempt == 2
        return self.run(again, settings)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[BakeRunner]:
    """A runner over a journal of its own; a conftest takes it by importing it."""
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield BakeRunner(tmp_path, journal)
