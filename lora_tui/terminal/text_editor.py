"""The user's text editor, from `$VISUAL` or `$EDITOR`."""

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.app import App

from lora_tui.terminal.lent_terminal import run_program
from trainer.errors import TerminalError
from trainer.text import printable

VARIABLES = ("VISUAL", "EDITOR")
"""The first that is set names it."""

# One that comes back sooner has opened a window of its own, or could not open the file.
_AT_ONCE = 2.0


@dataclass(frozen=True)
class EditorEnd:
    """How an editor ended.

    Attributes:
        name: its program.
        code: its exit code; negative for a signal.
        seconds: how long it had the terminal.
    """

    name: str
    code: int
    seconds: float

    @property
    def at_once(self) -> bool:
        """Whether it came back so soon that nothing can have been typed in it."""
        return self.seconds < _AT_ONCE

    @property
    def trouble(self) -> str:
        """What is to be said of its end, "" where all was well."""
        if not self.code:
            return ""
        how = f"was ended by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"
        return f"{printable(self.name, 40)} {how}"


def editor_command(environment: Mapping[str, str] = os.environ) -> Sequence[str]:
    """Return the command of the user's editor, to be followed by a file.

    Raises:
        TerminalError: no variable names one, or what one names cannot be started.
    """
    for name in VARIABLES:
        text = environment.get(name, "").strip()
        if text:
            return _parsed(name, text, environment)
    raise TerminalError(
        "editor",
        found=f"neither ${VARIABLES[0]} nor ${VARIABLES[1]} is set",
        expected="the command of an editor in one of them",
        way_out=f"quit, type `export {VARIABLES[1]}=nano` in the shell, or another editor, and start lora-tui again",
    )


def _parsed(name: str, text: str, environment: Mapping[str, str]) -> Sequence[str]:
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise TerminalError(
            f"${name}", found=f"{printable(text, 80)} ({error})", expected="a command as a shell reads it"
        ) from None
    program = command[0] if command else ""
    if not program or shutil.which(program, path=environment.get("PATH")) is None:
        raise TerminalError(
            f"${name}",
            found=f"no program {printable(program, 80) or 'in it'} is found",
            expected="an editor that is installed",
            way_out=f"set ${name} to one, and start lora-tui again",
        )
    return command


async def edit_file(app: "App[Any]", path: Path) -> EditorEnd:
    """Let the user edit the file at `path`, and come back when the editor has ended. For a worker of the app, not for a handler.

    Raises:
        TerminalError: there is no editor, it cannot be started, or the terminal cannot be given to it.
    """
    command = editor_command()
    end = await run_program(app, [*command, str(path)], path.parent)
    return EditorEnd(Path(command[0]).name, end.code, end.seconds)
