"""`lora-tui watch`: look on while another process bakes."""

from pathlib import Path

import click

from lora_tui.commands.exits import exits, workspace_here
from trainer.errors import ExitCode


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[DIR]")
@click.option("--orders", is_flag=True, help="Let the keys order the bake: pause, save, stop, change.")
@exits
def watch(folder: Path | None, orders: bool) -> ExitCode:
    """Look at the bakes of a workspace; several may at once. Bakes nothing itself and loads no libraries."""
    from lora_tui.dashboard import open_onlooker

    return open_onlooker(workspace_here(folder), orders=orders)
