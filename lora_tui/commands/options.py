"""Options that several commands share."""

from pathlib import Path

import click

from lora_tui.commands.completed import JournalNumber, SettingsPath

PATH = click.Path(path_type=Path)
SETTINGS_FILE = SettingsPath(path_type=Path)
BAKE_NUMBER = JournalNumber("bake")
GRID_NUMBER = JournalNumber("grid")
LADDER_NUMBER = JournalNumber("ladder")
SEARCH_NUMBER = JournalNumber("search")

WORKSPACE = click.option(
    "--in", "folder", type=PATH, metavar="DIR", help="Workspace folder (default: here, else the last used)."
)
OVERRIDES = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting for this run; repeatable."
)
WHY = click.option("--why", default="", metavar="TEXT", help="Note for the journal, such as the reason.")
