"""Processes that were launched together: the first runs the command, the others do as its bake says."""

import os
from collections.abc import Sequence

import click

from lora_tui.commands.exits import leave
from trainer.errors import ExitCode, LoraTuiError, SettingsError
from trainer.machine.launch import LaunchedProcess, take_launch
from trainer.text import printable

_BAKING = ("bake", "resume", "fork", "extend")
"""The commands that train in their own process, and so in several."""
_HELP = ("-h", "--help", "--version")


def join_launch(arguments: Sequence[str]) -> None:
    """Return where this process is to run its command; where another one leads, follow that and end the process.

    Args:
        arguments: of the command line.
    """
    try:
        process = take_launch()
        if process is None:
            return
        if process.leads:
            _check(arguments)
            return
        _be_silent()
        os._exit(_follow(arguments, process))
    except LoraTuiError as error:
        click.echo(f"lora-tui: {printable(error.line())}", err=True)
        leave(error.exit_code)


def _check(arguments: Sequence[str]) -> None:
    if _bakes(arguments) or any(word in _HELP for word in arguments):
        return
    raise SettingsError(
        "accelerate launch",
        found=f"several processes for {f'`{printable(arguments[0], 40)}`' if arguments else 'the dashboard'}",
        expected=f"one of the commands that bake in their own process: {', '.join(_BAKING)}",
        way_out="start this one without `accelerate launch`",
    )


def _follow(arguments: Sequence[str], process: LaunchedProcess) -> ExitCode:
    if not _bakes(arguments):
        return ExitCode.DONE
    from trainer.bake.ranks.follower import follow_leader

    return follow_leader(process)


def _bakes(arguments: Sequence[str]) -> bool:
    return bool(arguments) and arguments[0] in _BAKING and not any(word in _HELP for word in arguments)


def _be_silent() -> None:
    """Let nothing of this process reach the terminal: what there is to say process 0 says."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
