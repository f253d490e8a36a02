"""The dashboard's terminal lent to another program, while everything behind the screen goes on."""

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.app import App

from lora_tui.terminal.driver import SurvivingDriver
from lora_tui.terminal.foreground import ForegroundProgram
from trainer.errors import TerminalError
from trainer.text import printable


@dataclass(frozen=True)
class ProgramEnd:
    """How a program ended.

    Attributes:
        code: its exit code; negative for a signal.
        seconds: how long it had the terminal.
    """

    code: int
    seconds: float


async def run_program(
    app: "App[Any]", command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> ProgramEnd:
    """Let a program have the terminal, and come back when it has ended. Not for a handler of messages, which would wait as long.

    Args:
        app: whose terminal.
        command: the program and its arguments.
        folder: where it starts.
        environment: its environment; None for ours.

    Raises:
        TerminalError: the screen cannot give its terminal away, or the program cannot be started.
    """
    driver = app._driver
    if not isinstance(driver, SurvivingDriver) or driver.is_lent:
        raise TerminalError("the terminal", found="cannot be given to another program here")
    keyboard, screen = driver.lend()
    began = time.monotonic()
    try:
        program = ForegroundProgram(command, folder, keyboard, screen, environment)
        # The app may end meanwhile, and restores the terminal then: in the background that would stop this process.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        code = await _ended(program)
    except OSError as error:
        driver.take_back()
        raise TerminalError(
            printable(command[0], 80), found=f"cannot be started ({printable(error.strerror or str(error), 120)})"
        ) from error
    # Not where the app ends meanwhile: the screen must not come up again.
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    driver.take_back()
    return ProgramEnd(code, time.monotonic() - began)


async def _ended(program: ForegroundProgram) -> int:
    """Return the exit code of a program; where nobody waits for it any more, it is told that its terminal is gone."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def finish(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    def wait() -> None:
        code = program.wait()
        # The loop may have ended meanwhile.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish, code)

    # A thread of the loop's own would hold up the exit until the program ends.
    threading.Thread(target=wait, name="program", daemon=True).start()
    try:
        return await ended
    except asyncio.CancelledError:
        program.hang_up()
        raise
