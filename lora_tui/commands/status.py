"""The state of every bake and grid of a workspace: `status`."""

from pathlib import Path

import click

from lora_tui.commands.exits import exits, print_json, warn_of_damage, workspace_here
from lora_tui.commands.options import PATH
from trainer.errors import ExitCode
from trainer.text import printable


@click.command()
@click.argument("folder", type=PATH, required=False, metavar="[DIR]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--all", "every", is_flag=True, help="List bakes that were withdrawn from the queue too.")
@exits
def status(folder: Path | None, as_json: bool, every: bool) -> ExitCode:
    """Show the state of every bake and grid of a workspace."""
    from lora_tui.headless.status import bake_line, bakes_json, rows_counted, withdrawn_line
    from trainer.journal.journal import READ_ONLY, Journal
    from trainer.journal.processes import process_alive

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        journal.bakes.mark_lost(process_alive)
        if as_json:
            print_json(bakes_json(workspace, journal))
            warn_of_damage(journal)
            return ExitCode.DONE
        rows = journal.bakes.latest()
        listed = rows if every else [row for row in rows if not row.withdrawn]
        click.echo(f"{printable(str(workspace.root))}: {rows_counted(listed, journal)}")
        if journal.read_only:
            click.echo(f"! {READ_ONLY}")
        for row in listed:
            click.echo(bake_line(row, journal))
        if not every and (line := withdrawn_line(rows)):
            click.echo(line)
        warn_of_damage(journal)
    return ExitCode.DONE
