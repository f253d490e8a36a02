"""Going on from a bake: `resume`, `fork`, `extend`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, workspace_here
from trainer.errors import ExitCode
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake
    from trainer.workspace import Workspace

_PATH = click.Path(path_type=Path)
_IN = click.option("--in", "folder", type=_PATH, help="Workspace folder (default: here, else the last used).")
_WHY = click.option("--why", default="", help="A line for the journal: why this bake.")


@click.command()
@click.argument("number", type=int)
@_IN
@exits
def resume(number: int, folder: Path | None) -> ExitCode:
    """Take bake NUMBER up again where its newest state is, here and without the dashboard."""
    from trainer.jobs.fork import resume as take_up

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
    from trainer.jobs.fork import fork as branch

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
    from trainer.jobs.fork import extend as branch

    workspace = workspace_here(folder)

    def begin(journal: "Journal", engine: str) -> "Bake":
        made = branch(journal, workspace, number, epochs=epochs, why=why, engine=engine)
        _say(made.bake, made.notes)
        return made.bake

    return bake_alone(workspace, begin)


def _say(bake: "Bake", notes: tuple[str, ...]) -> None:
    click.echo(f"bake {bake.number} {printable(bake.name)} branches from bake {bake.parent}")
    for note in notes:
        click.echo(f"! {printable(note)}")


def bake_alone(workspace: "Workspace", begin: "Callable[[Journal, str], Bake]") -> ExitCode:
    """Follow the bake that `begin` queues, given the journal and the key of the engine that shall take it; return the exit code.

    Raises:
        LoraTuiError: whatever `begin` raises; nothing runs then.
    """
    from lora_tui.headless.follow import follow
    from trainer.engine.engine import Engine
    from trainer.journal.journal import Journal
    from trainer.machine.engines import register_engine
    from trainer.memory.lazy_predictor import predictor_for
    from trainer.workspace import remember_workspace

    predictor = predictor_for(workspace.root)
    engine = Engine(workspace, predictor=predictor)
    register_engine(engine.key, workspace.root, takes_queue=False)
    with Journal(workspace.journal_path) as journal:
        # A killed process's bake looks live until somebody looks.
        journal.bakes.mark_lost()
        number = begin(journal, engine.key).number
    remember_workspace(workspace)
    engine.start()
    code = follow(engine, number)
    engine.close(wait=10)
    if predictor is not None:
        predictor.close()
    return code
