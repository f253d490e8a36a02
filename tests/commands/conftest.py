"""The program as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.demo.workspace import make_demo
from trainer.workspace import Workspace

SHORT = ("max_train_epochs=", "max_train_steps=4", "train_batch_size=2", "validation_data_dir=")
LoraTui = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def lora_tui(tmp_path: Path) -> LoraTui:
    """Return a function that runs `lora-tui ARGS…` without a terminal."""

    def run(*arguments: str | Path, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lora_tui", *map(str, arguments)]
        return subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def demo(tmp_path: Path) -> Workspace:
    return make_demo(tmp_path / "demo")


@pytest.fixture
def short() -> list[str]:
    """Options that make a bake of four steps."""
    return [part for override in SHORT for part in ("--set", override)]
