"""This program started once more."""

import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from lora_tui.terminal.encoding import own_environment


def this_program() -> list[str]:
    """Return how to call this program where no shell has set PATH up, as in `ssh host command`."""
    called = shutil.which(sys.argv[0]) if Path(sys.argv[0]).name == "lora-tui" else None
    return [os.path.abspath(called)] if called else [sys.executable, "-P", "-m", "lora_tui"]


def become(arguments: Sequence[str]) -> NoReturn:
    """Start this program anew with `arguments` in the place of this process.

    Raises:
        OSError: it cannot be started.
    """
    command = [*this_program(), *arguments]
    for stream in (sys.stdout, sys.stderr):
        # What is left in them would be lost with the process.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os.execve(command[0], command, own_environment())


def dashboard_arguments(root: Path) -> list[str]:
    """Return the arguments that open the dashboard on the workspace in `root`."""
    return ["--in", str(root)]
