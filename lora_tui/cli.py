"""The command line's entry point. Each command imports what it needs when it runs, so that `--help` and the first frame are quick."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

import trainer
from lora_tui.commands.advise import advise
from lora_tui.commands.bake import bake, demo
from lora_tui.commands.bakes import bakes
from lora_tui.commands.check import check
from lora_tui.commands.cluster import cluster
from lora_tui.commands.compare_trainers import compare_trainers
from lora_tui.commands.convert import convert
from lora_tui.commands.exits import checked_output, exits
from lora_tui.commands.export import export
from lora_tui.commands.fork import extend, fork, resume
from lora_tui.commands.frontier import frontier
from lora_tui.commands.grid import grid
from lora_tui.commands.import_settings import import_settings
from lora_tui.commands.journal import journal
from lora_tui.commands.ladder import ladder
from lora_tui.commands.launched import join_launch
from lora_tui.commands.lora import lora
from lora_tui.commands.measure import measure
from lora_tui.commands.new import new
from lora_tui.commands.order import order
from lora_tui.commands.page import page
from lora_tui.commands.plan import plan
from lora_tui.commands.queue import queue
from lora_tui.commands.report import report
from lora_tui.commands.search import search
from lora_tui.commands.show import diff, show
from lora_tui.commands.status import status
from lora_tui.commands.style import style
from lora_tui.commands.twin import floor, twin
from lora_tui.commands.use import use
from lora_tui.commands.watch import watch
from lora_tui.terminal.standard_streams import prepare_streams
from trainer.errors import ExitCode
from trainer.refusals import current_folder
from trainer.text import printable

# Characters of a line of click's own.
_MAX_LINE = 300

_COMMANDS = (
    demo,
    new,
    import_settings,
    plan,
    check,
    compare_trainers,
    bake,
    queue,
    cluster,
    status,
    bakes,
    show,
    diff,
    report,
    watch,
    order,
    resume,
    fork,
    extend,
    twin,
    floor,
    ladder,
    advise,
    frontier,
    search,
    grid,
    style,
    page,
    use,
    measure,
    lora,
    convert,
    export,
    journal,
)


class _InOrder(click.Group):
    """A group that lists its commands in the order of the work, not of the alphabet, and prints in any locale."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        # Given arguments, it runs in a process that is not its own.
        prepare_streams(own_process=args is None)
        if args is None:
            join_launch(sys.argv[1:])
        try:
            return super().main(args, *rest, **options)
        except SystemExit as ended:
            # Of what click prints itself, as `--help`; the commands have ended with their own check.
            if ended.code:
                raise
            raise SystemExit(checked_output(ExitCode.DONE)) from None

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _short_messages():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _short_messages():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@contextlib.contextmanager
def _short_messages() -> Iterator[None]:
    """Keep what click says about a word of the command line short and free of control characters, whatever the word is."""
    try:
        yield
    except click.ClickException as error:
        message = error.format_message()
        lines = (printable(line) for line in message.split("\n"))
        short = "\n".join(line if len(line) <= _MAX_LINE else f"{line[:200]} … {line[-80:]}" for line in lines)
        if short == message:
            raise
        raise click.UsageError(short, getattr(error, "ctx", None)) from None


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

    here = find_workspace(current_folder())
    workspace = here or last_workspace() or make_workspace(data_home() / "workspace")
    return open_dashboard(workspace, None, started_in=current_folder() if here is None else None)


for _command in _COMMANDS:
    main.add_command(_command)
