"""The command line's entry point. Each command imports what it needs when it runs, so that `--help` and the first frame are quick."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

import trainer
from lora_tui.commands.bake import bake, demo
from lora_tui.commands.check import check
from lora_tui.commands.convert import convert
from lora_tui.commands.exits import exits
from lora_tui.commands.fork import extend, fork, resume
from lora_tui.commands.grid import grid
from lora_tui.commands.journal import journal
from lora_tui.commands.new import new
from lora_tui.commands.order import order
from lora_tui.commands.page import page
from lora_tui.commands.plan import plan
from lora_tui.commands.queue import queue
from lora_tui.commands.status import status
from lora_tui.commands.style import style
from lora_tui.commands.use import use
from lora_tui.commands.watch import watch
from lora_tui.terminal.encoding import prepare_streams
from trainer.errors import ExitCode

_COMMANDS = (
    demo,
    new,
    plan,
    check,
    bake,
    queue,
    status,
    watch,
    order,
    resume,
    fork,
    extend,
    grid,
    style,
    page,
    use,
    convert,
    journal,
)


class _InOrder(click.Group):
    """A group that lists its commands in the order of the work, not of the alphabet, and prints in any locale."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        # Given arguments, it runs in a process that is not its own.
        prepare_streams(restart=args is None)
        return super().main(args, *rest, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(trainer.__version__, prog_name="lora-tui")
@click.pass_context
def main(context: click.Context) -> None:
    """Train ("bake") Stable Diffusion LoRAs in the terminal. Without a command, open the dashboard."""
    if context.invoked_subcommand is None:
        _dashboard()


@exits
def _dashboard() -> ExitCode:
    from lora_tui.dashboard import open_dashboard
    from trainer.workspace import data_home, find_workspace, last_workspace, make_workspace

    here = find_workspace(Path.cwd())
    workspace = here or last_workspace() or make_workspace(data_home() / "workspace")
    return open_dashboard(workspace, None, started_in=Path.cwd() if here is None else None)


for _command in _COMMANDS:
    main.add_command(_command)
