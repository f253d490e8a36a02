"""One grid over a ladder's rungs, epochs and seeds: `ladder grid`."""

from pathlib import Path

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.grid import make_grid
from lora_tui.commands.options import LADDER_NUMBER, WORKSPACE
from trainer.errors import ExitCode

UNASKED = 100
"""Pictures that are made without asking: rungs, twins, epochs and seeds multiply to more than one thinks."""


@click.command("grid")
@click.argument("number", type=LADDER_NUMBER, metavar="N")
@click.option("--no-twins", is_flag=True, help="Show the first bake of each rung alone.")
@click.option("--now", is_flag=True, help="Make the grid now instead of adding it to the queue.")
@click.option("--dry-run", is_flag=True, help="Check the grid and count its pictures, but make none.")
@click.option("--yes", is_flag=True, help=f"Do not ask, even for more than {UNASKED} pictures.")
@WORKSPACE
@exits
def ladder_grid(number: int, no_twins: bool, now: bool, dry_run: bool, yes: bool, folder: Path | None) -> ExitCode:
    """Queue one grid over the rungs, epochs and seeds of ladder N.

    A row for each rung and each of its twins: what twins differ in is noise.
    """
    from trainer.journal.journal import Journal
    from trainer.ladders.grid import grid_spec
    from trainer.ladders.state import ladder_state

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        spec = grid_spec(journal, workspace, ladder_state(journal, number), twins=not no_twins)
    return make_grid(workspace, spec, queued=not now, dry_run=dry_run, unasked=None if yes else UNASKED)
