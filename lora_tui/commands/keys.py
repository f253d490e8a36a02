"""The keys in force, the user's own among them: `keys`."""

import click

from lora_tui.commands.exits import exits, print_json
from trainer.errors import ExitCode
from trainer.text import printable


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exits
def keys(as_json: bool) -> ExitCode:
    """List every action of the dashboard with its id, its keys and where they hold.

    Keys of your own, from config.toml in the config folder, are marked with *. What is wrong in that file is listed, and the exit
    code is 2 then; everything else of it holds.
    """
    from lora_tui.keys.own_keys import table_rows
    from lora_tui.user_config import read_user_config
    from trainer.config_tables import config_file

    config = read_user_config()
    rows = list(table_rows(config.keys))
    if as_json:
        print_json(
            {
                "config": str(config_file()),
                "actions": [
                    {
                        "id": action.id,
                        "keys": list(shown),
                        "default": list(action.default_keys),
                        "own": action.id in config.keys.own,
                        "where": where,
                        "help": action.help,
                        "undone": action.undone,
                    }
                    for action, shown, where in rows
                ],
            }
        )
    else:
        names = max(len(action.id) for action, _, _ in rows)
        width = max(len(" ".join(shown)) for _, shown, _ in rows)
        for action, shown, where in rows:
            mark = "*" if action.id in config.keys.own else " "
            click.echo(f"{mark} {action.id:<{names}}  {' '.join(shown) or '-':<{width}}  {action.help} ({where})")
    for error in config.problems:
        click.echo(f"lora-tui: {printable(error.line())}", err=True)
    return ExitCode.USAGE if config.problems else ExitCode.DONE
