"""The state of every bake and grid of a workspace: `status`."""

from pathlib import Path

import click

from lora_tui.commands.exits import exits, print_json, workspace_here
from lora_tui.commands.options import PATH
from trainer.errors import ExitCode
from trainer.text import printable


@click.command()
@click.argument("folder", type=PATH, required=False, metavar="[DIR]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exits
def status(folder: Path | None, as_json: bool) -> ExitCode:
    """Show the state of every bake and grid of a workspace."""
    from lora_tui.headless.status import bake_line, bakes_json, rows_counted
    from trainer.journal.journal import Journal
    from trainer.journal.processes import process_alive

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        journal.bakes.mark_lost(process_alive)
        if as_json:
            print_json(bakes_json(workspace, journal))
            return ExitCode.DONE
        bakes = journal.bakes.latest()
        click.echo(f"{printable(str(workspace.root))}: {rows_counted(bakes, journal)}")
        for one in bakes:
            click.echo(bake_line(one, journal))
    return ExitCode.DONE
