"""Real bakes of the demo, each in a process of its own, run once and read by every test that asks for them."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import preloaded
import pytest

from trainer.demo.workspace import make_demo
from trainer.journal.journal import Journal


@dataclass(frozen=True)
class Learned:
    """One ended bake: its folder and the validation loss by step (0 is the untrained base)."""

    folder: Path
    val: dict[int, float]

    @property
    def base(self) -> float:
        return self.val[0]

    @property
    def last(self) -> float:
        return self.val[max(self.val)]


Bake = Callable[..., Learned]


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """Return a function that bakes the demo with overrides through the command line, once for equal overrides."""
    done: dict[tuple[str, ...], Learned] = {}

    def bake(*overrides: str) -> Learned:
        if overrides not in done:
            done[overrides] = _bake(tmp_path_factory.mktemp("learning"), overrides)
            print(
                f"{overrides or 'demo'}: "
                + json.dumps({step: round(loss, 4) for step, loss in done[overrides].val.items()})
            )
        return done[overrides]

    return bake


def _bake(folder: Path, overrides: tuple[str, ...]) -> Learned:
    workspace = make_demo(folder)
    sets = [part for override in overrides for part in ("--set", override)]
    command = [sys.executable, "-m", "lora_tui", "bake", str(workspace.root / "hifumi.toml"), *sets]
    ran = preloaded.run(command, env=dict(os.environ))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with Journal(workspace.journal_path) as journal:
        return Learned(workspace.root / journal.bakes.read(1).folder, dict(journal.results.validations(1)))
