"""`lora-tui` on a real pseudo-terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pseudo_terminal import Terminal

Open = Callable[..., Terminal]


@pytest.fixture
def open_terminal(tmp_path: Path) -> Iterator[Open]:
    """Return a function that runs `lora-tui ARGS…` on a pty of `columns` × `lines`."""
    opened: list[Terminal] = []

    def run(*arguments: str, columns: int = 120, lines: int = 36, folder: Path = tmp_path) -> Terminal:
        # Snapshot tests leave COLUMNS and LINES behind, which would hide the pty's own size.
        env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        terminal = Terminal([sys.executable, "-m", "lora_tui", *arguments], columns, lines, folder, env)
        opened.append(terminal)
        return terminal

    yield run
    for terminal in opened:
        terminal.close()
