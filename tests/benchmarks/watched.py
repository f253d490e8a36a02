"""The program on a pseudo-terminal of its own, as the benchmarks of the screen run it."""

import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pseudo_terminal import Terminal
from table import Cell

from trainer.settings.toml_file import load_settings, save_settings

SUPPORT = Path(__file__).parents[1] / "support"
_LETTERS = "abcdefghijklm"
_HOMES = ("DATA", "CONFIG", "STATE", "CACHE")


@contextmanager
def on_a_terminal(root: Path, program: str, *arguments: str, lines: int = 36) -> Iterator[Terminal]:
    """Run one of the support programs, and end it with the block.

    Args:
        root: the workspace to run in.
        program: its file's name.
        arguments: for it.
        lines: of the terminal, which has 120 columns.
    """
    terminal = Terminal([sys.executable, str(SUPPORT / program), *arguments], 120, lines, root, of_a_terminal(root))
    try:
        yield terminal
    finally:
        terminal.close()


def at_home_in(root: Path) -> dict[str, str]:
    """Return an environment in which the program keeps its own things beside `root`.

    The user's stay as they are, and bakes of several workspaces wait for no lock of each other's.
    """
    homes = {f"XDG_{name}_HOME": str(root.parent / f"{root.name}-{name.lower()}") for name in _HOMES}
    return {**os.environ, **homes}


def bake_long(root: Path, epochs: int) -> None:
    """Let the demo's bake last so many epochs of 40 steps."""
    path = root / "hifumi.toml"
    save_settings(load_settings(path).model_copy(update={"max_train_epochs": epochs}), path)


def of_a_terminal(root: Path) -> dict[str, str]:
    """Return the environment of a program on a terminal of 16 million colours, at home in a workspace."""
    # COLUMNS and LINES would hide the terminal's own size.
    env = {name: value for name, value in at_home_in(root).items() if name not in ("COLUMNS", "LINES")}
    return env | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


def start_bake(terminal: Terminal) -> None:
    """Bake what is open, and come back once its steps are counted."""
    terminal.wait_for("b bake", "steps ×", seconds=90)
    terminal.press("b")
    terminal.wait_for("note for this bake")
    terminal.press("enter")
    terminal.wait_for("it/s", seconds=180)


def wait_until_quiet(terminal: Terminal) -> None:
    """Come back once the libraries are there and the memory of what is open is predicted."""
    terminal.wait_for("b bake", "steps ×", seconds=90)
    end = time.monotonic() + 180
    while any(text in terminal.screen() for text in ("loading libraries", "peak …")):
        terminal.pump(0.1)
        if time.monotonic() > end:
            raise RuntimeError(f"never quiet; screen:\n{terminal.screen()}")


def typist(keys: int) -> Iterator[float]:
    """Yield the pauses between the keys of somebody who types, in seconds."""
    pauses = random.Random(0)
    for _ in range(keys):
        yield pauses.uniform(0.05, 0.35)


def echo_figures(seconds: list[float], aim: float) -> dict[str, Cell]:
    """Return what a table says of the seconds from key to echo, least first."""
    return {
        "keys": len(seconds),
        "echo, seconds, median": statistics.median(seconds),
        f"echo, seconds, 95 % are as fast or faster (aim: {aim:g})": seconds[round(0.95 * (len(seconds) - 1))],
        "echo, seconds, slowest": seconds[-1],
    }


def echoes(terminal: Terminal, go_on: Iterator[float]) -> list[float]:
    """Type into the settings' filter and return seconds from each key to its echo on the screen, least first.

    Args:
        terminal: the program with nothing focused that takes text.
        go_on: gives, before every key, how many seconds to wait before it is pressed; ends when enough were.
    """
    terminal.press("/")
    terminal.wait_for("find a setting")
    typed, seconds = "", []
    for pause in go_on:
        terminal.pump(pause)
        if len(typed) == len(_LETTERS):
            # ctrl+u empties the field.
            terminal.press("\x15")
            typed = ""
        typed += _LETTERS[len(typed)]
        seconds.append(_echo(terminal, typed))
    return sorted(seconds)


def _echo(terminal: Terminal, typed: str) -> float:
    sent = time.monotonic()
    os.write(terminal.fileno(), typed[-1].encode())
    while typed not in terminal.screen():
        terminal.pump(0.002)
        if time.monotonic() - sent > 10:
            raise RuntimeError(f"no echo of {typed!r}; screen:\n{terminal.screen()}")
    return time.monotonic() - sent
