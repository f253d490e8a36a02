"""The command line's entry point. Each command imports what it needs when it runs, so that `--help` and the first frame are quick."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

import trainer
from lora_tui.commands.exits import checked_output, exits, workspace_here
from lora_tui.commands.launched import join_launch
from lora_tui.commands.options import PATH
from lora_tui.terminal.encoding import ASCII_VARIABLE
from lora_tui.terminal.standard_streams import prepare_streams, show_as_asked
from trainer.errors import ExitCode
from trainer.refusals import current_folder
from trainer.text import printable

# Characters of a line of click's own.
_MAX_LINE = 300

# Command -> its module in `lora_tui.commands`, and where they differ the name it has there; in the order of the work.
_COMMANDS: Mapping[str, str] = {
    "demo": "bake:demo",
    "new": "new",
    "import": "import_settings",
    "plan": "plan",
    "check": "check",
    "captions": "captions",
    "dataset": "dataset",
    "compare-trainers": "compare_trainers",
    "bake": "bake",
    "queue": "queue",
    "cluster": "cluster",
    "status": "status",
    "bakes": "bakes",
    "show": "show",
    "diff": "show:diff",
    "report": "report",
    "watch": "watch",
    "replay": "replay",
    "order": "order",
    "resume": "fork:resume",
    "fork": "fork",
    "extend": "fork:extend",
    "twin": "twin",
    "floor": "twin:floor",
    "ladder": "ladder",
    "advise": "advise",
    "frontier": "frontier",
    "search": "search",
    "grid": "grid",
    "style": "style",
    "page": "page",
    "use": "use",
    "measure": "measure",
    "lora": "lora",
    "convert": "convert",
    "export": "export",
    "journal": "journal",
    "info": "doctor:info",
    "doctor": "doctor",
    "completions": "completions",
    "man": "completions:man",
    "keys": "keys",
}


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by name, each imported when it is asked for: the screen's first frame and a shell's completion wait for no other."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Return a command."""
        if name not in self._loaded:
            module, _, found = self._places[name].partition(":")
            self._loaded[name] = getattr(import_module(f"lora_tui.commands.{module}"), found or module)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Add a command that is there."""
        self._places.setdefault(name, "")
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Take a command out."""
        del self._places[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        """Yield the names, importing nothing."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places)


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


@click.group(
    cls=_InOrder,
    commands=LazyCommands(_COMMANDS),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--ascii",
    "ascii_signs",
    is_flag=True,
    help=f"Show nothing but ASCII on the terminal: + - | for rules, * for curves; {ASCII_VARIABLE}=1 does the same.",
)
@click.version_option(trainer.__version__, prog_name="lora-tui")
@click.option(
    "--in",
    "folder",
    type=PATH,
    metavar="DIR",
    help="Open the dashboard on the workspace in DIR (default: here, else the last used).",
)
@click.pass_context
def main(context: click.Context, *, folder: Path | None, ascii_signs: bool) -> None:
    """Train ("bake") Stable Diffusion LoRAs in the terminal. Without a command, open the dashboard."""
    if ascii_signs:
        # Also for the programs that this one starts.
        os.environ[ASCII_VARIABLE] = "1"
        show_as_asked()
    if context.invoked_subcommand is None:
        _dashboard(folder=folder)
    elif folder is not None:
        raise click.UsageError(f"--in belongs behind the command: lora-tui {context.invoked_subcommand} --in DIR")


@exits
def _dashboard(folder: Path | None) -> ExitCode:
    from lora_tui.dashboard import open_dashboard
    from trainer.workspace import data_home, find_workspace, last_workspace, make_workspace

    if folder is not None:
        return open_dashboard(workspace_here(folder), None)
    here = find_workspace(current_folder())
    workspace = here or last_workspace() or make_workspace(data_home() / "workspace")
    return open_dashboard(workspace, None, started_in=current_folder() if here is None else None)
