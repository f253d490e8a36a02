"""The commands. Each imports what it needs when it runs, so that the first frame and `--help` wait for nothing."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

import trainer
from lora_tui.commands.alone import bake_alone
from lora_tui.commands.branch import extend, fork, resume
from lora_tui.commands.convert import convert
from lora_tui.commands.exits import exits, print_json, workspace_here
from lora_tui.commands.grid import grid
from lora_tui.commands.journal import journal
from lora_tui.commands.order import order
from lora_tui.commands.page import page
from lora_tui.commands.plan import plan
from lora_tui.commands.queue import queue
from lora_tui.commands.ready import ready
from lora_tui.commands.style import style
from lora_tui.commands.use import use
from lora_tui.commands.watch import watch
from trainer.errors import ExitCode
from trainer.foreign_text import shown

if TYPE_CHECKING:
    from trainer.workspace import Workspace

_PATH = click.Path(path_type=Path)
_SET = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting for this run.")


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(trainer.__version__, prog_name="lora-tui")
@click.pass_context
def main(context: click.Context) -> None:
    """Bake Stable Diffusion LoRAs in the terminal. Without a command: the dashboard."""
    if context.invoked_subcommand is None:
        _dashboard()


@exits
def _dashboard() -> ExitCode:
    from lora_tui.dashboard import open_dashboard
    from trainer.workspace import data_home, find_workspace, last_workspace, make_workspace

    workspace = find_workspace(Path.cwd()) or last_workspace() or make_workspace(data_home() / "workspace")
    return open_dashboard(workspace, None)


@main.command()
@click.argument("folder", type=_PATH, required=False, metavar="[DIR]")
@click.option("--bake", is_flag=True, help="Bake it, without the dashboard.")
@click.option("--fake-card", is_flag=True, help="Show the readings of a made-up 8 GB card.")
@exits
def demo(folder: Path | None, bake: bool, fake_card: bool) -> ExitCode:
    """Make the demo workspace in DIR and open it: a tiny base, 16 drawn pictures, settings that teach a character."""
    from lora_tui.dashboard import open_dashboard
    from trainer.demo.workspace import NAME, default_folder, make_demo

    workspace = make_demo(folder or default_folder())
    settings_file = workspace.root / f"{NAME}.toml"
    if bake:
        return _bake_file(settings_file, (), "", workspace)
    if not sys.stdout.isatty():
        click.echo(f"demo workspace in {shown(str(workspace.root))}")
        return ExitCode.DONE
    return open_dashboard(workspace, settings_file, fake_card=fake_card)


@main.command()
@click.argument("name")
@click.option("--data", required=True, type=_PATH, help="Folder with the pictures.")
@click.option(
    "--base",
    required=True,
    metavar="PATH",
    help="Base model, SD1.x or SDXL: a .safetensors file, a diffusers folder, or `demo`.",
)
@click.option("--validation", type=_PATH, help="Folder with pictures kept out of training.")
@click.option("--in", "folder", type=_PATH, default=Path(), help="Workspace folder (default: here).")
@exits
def new(name: str, data: Path, base: str, validation: Path | None, folder: Path) -> ExitCode:
    """Make a subject NAME and its settings, with defaults read from the data."""
    from trainer.new_subject import make_subject
    from trainer.workspace import find_workspace, make_workspace

    root = folder.expanduser().resolve()
    made = make_subject(name, data, base, validation, lambda: find_workspace(root) or make_workspace(root))
    click.echo(f"wrote {shown(str(made.subject_file))}")
    click.echo(f"wrote {shown(str(made.settings_file))}")
    click.echo(shown(made.line))
    click.echo(f"next: lora-tui bake {shown(str(made.settings_file))}")
    return ExitCode.DONE


@main.command()
@click.argument("settings_file", type=_PATH, metavar="SETTINGS.toml")
@_SET
@click.option("--why", default="", help="A line for the journal: why this bake.")
@click.option("--wait/--no-wait", default=True, help="Wait while another bake has the card, or leave with code 4.")
@exits
def bake(settings_file: Path, overrides: tuple[str, ...], why: str, wait: bool) -> ExitCode:
    """Bake SETTINGS.toml here, without the dashboard."""
    return _bake_file(settings_file, overrides, why, None, wait=wait)


@main.command()
@click.argument("folder", type=_PATH, required=False, metavar="[DIR]")
@click.option("--json", "as_json", is_flag=True, help="The bakes as JSON.")
@exits
def status(folder: Path | None, as_json: bool) -> ExitCode:
    """Say how the bakes of a workspace stand."""
    from lora_tui.status import bake_line, bakes_json, rows_counted
    from trainer.journal.journal import Journal
    from trainer.journal.processes import process_alive

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        journal.mark_lost(process_alive)
        if as_json:
            print_json(bakes_json(workspace, journal))
            return ExitCode.DONE
        bakes = journal.bakes()
        click.echo(f"{shown(str(workspace.root))}: {rows_counted(bakes, journal)}")
        for one in bakes:
            click.echo(bake_line(one, journal))
    return ExitCode.DONE


def _bake_file(
    settings_file: Path, overrides: Sequence[str], why: str, workspace: "Workspace | None", *, wait: bool = True
) -> ExitCode:
    """Check, queue and follow one bake; nothing is written before everything was found right."""
    from lora_tui.logout import logout_warning
    from trainer.jobs import queue_bake
    from trainer.machine.card_lock import check_free
    from trainer.plan.groups import rate_lines
    from trainer.plan.plan import plan_line
    from trainer.workspace import find_workspace, make_workspace

    ground = ready(settings_file, overrides)
    if warning := logout_warning():
        click.echo(f"! {warning}", err=True)
    if not wait:
        check_free()
    root = settings_file.expanduser().resolve().parent
    place = workspace or find_workspace(root) or make_workspace(root)
    for line in (plan_line(ground.plan), *rate_lines(ground.settings, ground.base.family, ground.plan)):
        click.echo(shown(line))
    for note in (*ground.data.notes, *ground.plan.warnings):
        click.echo(f"! {shown(note)}")
    return bake_alone(place, lambda journal, engine: queue_bake(journal, place, ground, why=why, engine=engine))


main.add_command(journal)
main.add_command(order)
main.add_command(queue)
main.add_command(watch)
main.add_command(resume)
main.add_command(fork)
main.add_command(extend)
main.add_command(convert)
main.add_command(grid)
main.add_command(page)
main.add_command(plan)
main.add_command(style)
main.add_command(use)
