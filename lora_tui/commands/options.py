"""Options that several commands share."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)

WORKSPACE = click.option(
    "--in", "folder", type=PATH, metavar="DIR", help="Workspace folder (default: here, else the last used)."
)
OVERRIDES = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting for this run; repeatable."
)
WHY = click.option("--why", default="", metavar="TEXT", help="Note for the journal, such as the reason.")
