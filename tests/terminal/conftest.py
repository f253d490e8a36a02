"""`lora-tui` on a real pseudo-terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pseudo_terminal import Terminal
from run_engine import small_demo

from trainer.settings.toml_file import load_settings, save_settings

Open = Callable[..., Terminal]


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Open]:
    """Return a function that runs `lora-tui ARGS…` on a pty of `columns` × `lines`; `fresh` starts an interpreter of its own."""
    opened: list[Terminal] = []

    def run(
        *arguments: str, columns: int = 120, lines: int = 36, folder: Path = tmp_path, fresh: bool = False
    ) -> Terminal:
        # Snapshot tests leave COLUMNS and LINES behind, which would hide the pty's own size.
        env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        # The process that predicts would import torch beside each of these programs.
        env |= {"LORA_TUI_PREDICT": "off"}
        command = [sys.executable, "-m", "lora_tui", *arguments]
        terminal = Terminal(command, columns, lines, folder, env, fresh=fresh)
        opened.append(terminal)
        return terminal

    yield run
    for terminal in opened:
        terminal.close()


@pytest.fixture
def make_bakery(tmp_path: Path) -> Callable[[int], Path]:
    """Return a function that makes a demo whose bake is so many epochs of eight steps, and returns its folder."""

    def make(epochs: int) -> Path:
        root = small_demo(tmp_path / "demo").root
        (root / "data" / "10_hifumi_chan").rename(root / "data" / "2_hifumi_chan")
        path = root / "hifumi.toml"
        save_settings(load_settings(path).model_copy(update={"max_train_epochs": epochs}), path)
        return root

    return make


@pytest.fixture
def start() -> Callable[[Terminal], None]:
    """Return a function that bakes what is open, and comes back once it is at work."""

    def start_bake(terminal: Terminal) -> None:
        terminal.wait_for("b bake", "steps ×", seconds=60)
        terminal.press("b")
        terminal.wait_for("note for this bake")
        terminal.press("enter")
        terminal.wait_for("● baking", seconds=90)

    return start_bake
