"""Bakes without the dashboard: `bake`, `demo`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.branch import bake_alone
from lora_tui.commands.exits import exits, ready
from trainer.errors import ExitCode
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.workspace import Workspace

_PATH = click.Path(path_type=Path)
_SET = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting for this run.")


@click.command()
@click.argument("settings_file", type=_PATH, metavar="SETTINGS.toml")
@_SET
@click.option("--why", default="", help="A line for the journal: why this bake.")
@click.option("--wait/--no-wait", default=True, help="Wait while another bake has the card, or leave with code 4.")
@exits
def bake(settings_file: Path, overrides: tuple[str, ...], why: str, wait: bool) -> ExitCode:
    """Bake SETTINGS.toml here, without the dashboard."""
    return _bake_file(settings_file, overrides, why, None, wait=wait)


@click.command()
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
        click.echo(f"demo workspace in {printable(str(workspace.root))}")
        return ExitCode.DONE
    return open_dashboard(workspace, settings_file, fake_card=fake_card)


def _bake_file(
    settings_file: Path, overrides: Sequence[str], why: str, workspace: "Workspace | None", *, wait: bool = True
) -> ExitCode:
    """Check, queue and follow one bake; nothing is written before everything was found right."""
    from lora_tui.terminal.logout import logout_warning
    from trainer.jobs.bakes import queue_bake
    from trainer.machine.card_lock import check_free
    from trainer.plan.plan import plan_line
    from trainer.plan.rate_lines import rate_lines
    from trainer.workspace import find_workspace, make_workspace

    planned = ready(settings_file, overrides)
    if warning := logout_warning():
        click.echo(f"! {warning}", err=True)
    if not wait:
        check_free()
    root = settings_file.expanduser().resolve().parent
    place = workspace or find_workspace(root) or make_workspace(root)
    for line in (plan_line(planned.plan), *rate_lines(planned.settings, planned.base.family, planned.plan)):
        click.echo(printable(line))
    for note in (*planned.data.notes, *planned.plan.warnings):
        click.echo(f"! {printable(note)}")
    return bake_alone(place, lambda journal, engine: queue_bake(journal, place, planned, why=why, engine=engine))
