"""The program as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import preloaded
import pytest
from run_engine import FOUR_STEPS, small_demo

from trainer.workspace import Workspace

LoraTui = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def lora_tui(tmp_path: Path) -> LoraTui:
    """Return a function that runs `lora-tui ARGS…` without a terminal."""

    def run(*arguments: str | Path, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return preloaded.run(_command(*arguments), cwd=folder, env=dict(os.environ))

    return run


@pytest.fixture
def fresh_lora_tui(tmp_path: Path) -> LoraTui:
    """Return a function that does the same in an interpreter that has loaded nothing yet."""

    def run(*arguments: str | Path, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        env = dict(os.environ)
        return subprocess.run(_command(*arguments), cwd=folder, env=env, capture_output=True, text=True, check=False)

    return run


def _command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lora_tui", *map(str, arguments)]


@pytest.fixture
def lora_tui_here(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> LoraTui:
    """Return a function that does the same in this process: for what another test sees a real process do."""
    from lora_tui.cli import main
    from lora_tui.commands import exits

    def leave(code: int) -> None:
        raise SystemExit(code)

    # A command that has the engine's modules loaded would end this process.
    monkeypatch.setattr(exits, "leave", leave)

    def run(*arguments: str | Path, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(folder)
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments], prog_name="lora-tui")
        written = capfd.readouterr()
        code = ended.value.code
        return subprocess.CompletedProcess(arguments, code if isinstance(code, int) else 0, written.out, written.err)

    return run


@pytest.fixture
def demo(tmp_path: Path) -> Workspace:
    return small_demo(tmp_path / "demo")


@pytest.fixture
def short() -> list[str]:
    """Options that make a bake of four steps."""
    return [part for override in FOUR_STEPS for part in ("--set", override)]
