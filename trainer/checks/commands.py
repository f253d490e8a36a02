"""The check for the user's own commands: whether their programs are there."""

import os
import shlex
import shutil
from collections.abc import Iterator

from trainer.checks.record import CheckedBake
from trainer.finding import Finding
from trainer.text import path_fault, printable

_SETTINGS = ("on_done", "on_trouble")


def commands_missing(bake: CheckedBake) -> Iterator[Finding]:
    """Yield commands whose program cannot be run."""
    for name in _SETTINGS:
        command = str(getattr(bake.settings, name))
        try:
            words = shlex.split(command)
        except ValueError:
            # Refused where it was typed.
            continue
        if words and (fault := _fault(os.path.expanduser(words[0]))):
            yield Finding("command-missing", name, f"{name} cannot run {printable(words[0], 80)}: {fault}")


def _fault(program: str) -> str:
    """Return why a program cannot be run, "" where it can."""
    if fault := path_fault(program):
        return fault
    if shutil.which(program):
        return ""
    if os.sep not in program:
        return "no such program in PATH"
    if os.path.isdir(program):
        return "a folder"
    return "it is not executable" if os.path.exists(program) else "no such file"
