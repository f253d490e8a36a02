"""Bakes without the dashboard: `bake`, `demo`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import checked_bake, exits, planned_bake, print_warnings
from lora_tui.commands.options import OVERRIDES, PATH, SETTINGS_FILE, WHY
from lora_tui.commands.run_here import run_alone
from trainer.errors import ExitCode
from trainer.refusals import real_path
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.workspace import Workspace


@click.command()
@click.argument("settings_file", type=SETTINGS_FILE, metavar="SETTINGS.toml")
@OVERRIDES
@WHY
@click.option("--wait/--no-wait", default=True, help="Wait if the GPU is busy (default), or exit with code 4.")
@exits
def bake(settings_file: Path, overrides: tuple[str, ...], why: str, wait: bool) -> ExitCode:
    """Bake SETTINGS.toml in this terminal, without the dashboard."""
    return _bake_file(settings_file, overrides, why, None, wait=wait)


@click.command()
@click.argument("folder", type=PATH, required=False, metavar="[DIR]")
@click.option("--bake", is_flag=True, help="Bake it in this terminal instead of opening the dashboard.")
@click.option("--fake-card", is_flag=True, help="Show the readings of a simulated 8 GB GPU.")
@exits
def demo(folder: Path | None, bake: bool, fake_card: bool) -> ExitCode:
    """Create the demo workspace and open it.

    It holds a tiny base model, 16 drawn pictures of a character and settings that teach it.
    """
    from lora_tui.dashboard import open_dashboard
    from trainer.demo.place import NAME, default_folder, existing_demo

    place = folder or default_folder()
    workspace = existing_demo(real_path(place))
    if workspace is None:
        from trainer.demo.workspace import make_demo

        workspace = make_demo(place)
    settings_file = workspace.root / f"{NAME}.toml"
    if bake:
        return _bake_file(settings_file, (), "", workspace)
    if not sys.stdout.isatty():
        click.echo(f"created the demo workspace in {printable(str(workspace.root))}")
        return ExitCode.DONE
    return open_dashboard(workspace, settings_file, fake_card=fake_card)


def _bake_file(
    settings_file: Path, overrides: Sequence[str], why: str, workspace: "Workspace | None", *, wait: bool = True
) -> ExitCode:
    """Check, queue and follow one bake; nothing is written before everything has passed its checks."""
    from lora_tui.terminal.logout import logout_warning
    from trainer.jobs.bakes import queue_bake
    from trainer.jobs.several_processes import launched_overrides
    from trainer.machine.card_lock import check_card_free, check_card_lockable
    from trainer.plan.plan import plan_line
    from trainer.plan.rate_lines import rate_lines
    from trainer.workspace import find_workspace_to_write, make_workspace

    root = real_path(settings_file).parent
    place = workspace or find_workspace_to_write(root)
    planned = planned_bake(settings_file, (*overrides, *launched_overrides()))
    results = checked_bake(planned, settings_file)
    if warning := logout_warning():
        click.echo(f"! {warning}", err=True)
    check_card_lockable()
    if not wait:
        check_card_free()
    place = place or make_workspace(root)
    for line in (plan_line(planned.plan), *rate_lines(planned.settings, planned.base.family, planned.plan)):
        click.echo(printable(line))
    print_warnings(results)
    return run_alone(place, lambda journal, engine: queue_bake(journal, place, planned, why=why, engine=engine))
