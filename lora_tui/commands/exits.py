"""How a command ends: errors become one line on stderr and an exit code; and the workspace a command is about."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import click

from trainer.errors import ExitCode, LoraTuiError
from trainer.foreign_text import shown

if TYPE_CHECKING:
    from trainer.workspace import Workspace

P = ParamSpec("P")


def exits(command: Callable[P, ExitCode | None]) -> Callable[P, None]:
    """Turn the error family into one line on stderr and the process's exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or ExitCode.DONE
        except LoraTuiError as error:
            click.echo(f"lora-tui: {shown(error.line())}", err=True)
            code = error.exit_code
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        leave(code)

    return run


def leave(code: ExitCode) -> None:
    """End the process. A library still being imported in the engine's thread cannot be interrupted, so nobody waits for it."""
    sys.stdout.flush()
    sys.stderr.flush()
    if "trainer.hooks" in sys.modules:
        from trainer.hooks import finish_hooks

        # A command that tells somebody of the bake's end gets a moment; a process that lingers is worse than one that is cut off.
        finish_hooks(10.0)
    if "trainer.engine" in sys.modules:
        os._exit(code)
    sys.exit(code)


def workspace_here(folder: Path | None) -> "Workspace":
    """Return the workspace in or above `folder`; without one given, that of the current folder, else the last used.

    Raises:
        WorkspaceError: there is none.
    """
    from trainer.errors import WorkspaceError
    from trainer.workspace import find_workspace, last_workspace

    workspace = find_workspace((folder or Path.cwd()).resolve()) or (None if folder else last_workspace())
    if workspace is None:
        raise WorkspaceError(
            str(folder or Path.cwd()),
            found="no workspace here or above",
            expected="a folder with journal.sqlite",
            way_out="`lora-tui demo` or `lora-tui new` makes one",
        )
    return workspace


def print_json(value: Any) -> None:
    """Print `value` as JSON, ASCII only."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=True))
