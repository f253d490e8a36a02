"""A past bake on the dashboard as if it were baking: `replay`."""

from pathlib import Path

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.options import BAKE_NUMBER, WORKSPACE
from trainer.errors import ExitCode, SettingsError

MAX_SPEED = 100_000


@click.command()
@click.argument("number", type=BAKE_NUMBER, metavar="N")
@click.option(
    "--speed",
    type=float,
    default=60.0,
    metavar="X",
    help="Seconds of the bake in one of yours (default: 60).",
)
@WORKSPACE
@exits
def replay(number: int, speed: float, folder: Path | None) -> ExitCode:
    """Replay bake N on the dashboard: curves grow, epochs and log lines appear at their times.

    Nothing is written and nothing can be ordered. Space pauses, `]` and `[` go to the next epoch and the one before, `>` and `<` change the speed. Stretches in which nothing happened are skipped.
    """
    if not 1 <= speed <= MAX_SPEED:
        raise SettingsError("--speed", found=f"{speed:g}", expected=f"a number from 1 to {MAX_SPEED:,}")
    from lora_tui.replay import open_replay

    return open_replay(workspace_here(folder), number, speed)
