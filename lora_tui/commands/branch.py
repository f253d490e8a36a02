"""Going on from a bake: `resume`, `fork`, `extend`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.alone import bake_alone
from lora_tui.commands.exits import exits, workspace_here
from trainer.errors import ExitCode
from trainer.foreign_text import shown

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake

_PATH = click.Path(path_type=Path)
_IN = click.option("--in", "folder", type=_PATH, help="Workspace folder (default: here, else the last used).")
_WHY = click.option("--why", default="", help="A line for the journal: why this bake.")


@click.command()
@click.argument("number", type=int)
@_IN
@exits
def resume(number: int, folder: Path | None) -> ExitCode:
    """Take bake NUMBER up again where its newest state is, here and without the dashboard."""
    from trainer.branch import resume as take_up

    return bake_alone(workspace_here(folder), lambda journal, engine: take_up(journal, number, engine))


@click.command()
@click.argument("number", type=int)
@click.option("--epoch", type=int, help="Fork at the end of this epoch (default: the newest state).")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a rate, the schedule, noise, saving …"
)
@_WHY
@_IN
@exits
def fork(number: int, epoch: int | None, overrides: tuple[str, ...], why: str, folder: Path | None) -> ExitCode:
    """Bake anew from the weights, moments and random numbers of bake NUMBER at an epoch, with changed settings."""
    from trainer.branch import fork as branch

    workspace = workspace_here(folder)

    def begin(journal: "Journal", engine: str) -> "Bake":
        made = branch(journal, workspace, number, epoch=epoch, overrides=overrides, why=why, engine=engine)
        _say(made.bake, made.notes)
        return made.bake

    return bake_alone(workspace, begin)


@click.command()
@click.argument("number", type=int)
@click.option("--epochs", type=int, required=True, help="Epochs in all, those of bake NUMBER included.")
@_WHY
@_IN
@exits
def extend(number: int, epochs: int, why: str, folder: Path | None) -> ExitCode:
    """Bake NUMBER on to more epochs, as a new bake from its last state."""
    from trainer.branch import extend as branch

    workspace = workspace_here(folder)

    def begin(journal: "Journal", engine: str) -> "Bake":
        made = branch(journal, workspace, number, epochs=epochs, why=why, engine=engine)
        _say(made.bake, made.notes)
        return made.bake

    return bake_alone(workspace, begin)


def _say(bake: "Bake", notes: tuple[str, ...]) -> None:
    click.echo(f"bake {bake.number} {shown(bake.name)} branches from bake {bake.parent}")
    for note in notes:
        click.echo(f"! {shown(note)}")
