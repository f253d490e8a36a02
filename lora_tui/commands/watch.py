"""The dashboard beside another process that bakes: `watch`."""

from pathlib import Path

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.options import PATH
from trainer.errors import ExitCode


@click.command()
@click.argument("folder", type=PATH, required=False, metavar="[DIR]")
@click.option("--orders", is_flag=True, help="Allow keys that control the bake: pause, save, stop, change.")
@exits
def watch(folder: Path | None, orders: bool) -> ExitCode:
    """Watch the bakes of another process, read-only."""
    from lora_tui.dashboard import open_watcher
    from trainer.workspace import check_writable

    workspace = workspace_here(folder)
    if orders:
        check_writable(workspace)
    return open_watcher(workspace, orders=orders)
