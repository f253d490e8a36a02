"""Bakes that continue another one: `resume`, `fork`, `extend`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_note, workspace_here
from lora_tui.commands.options import PATH, WHY, WORKSPACE
from trainer.errors import ExitCode, PathError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake
    from trainer.workspace import Workspace

FIND = click.option(
    "--find",
    "look_in",
    type=PATH,
    multiple=True,
    metavar="FOLDER",
    help="Search this folder, by hash, for models and pictures that are gone from their place; repeatable.",
)


@click.command()
@click.argument("number", type=int, metavar="N")
@FIND
@WORKSPACE
@exits
def resume(number: int, look_in: tuple[Path, ...], folder: Path | None) -> ExitCode:
    """Resume bake N from its newest state, in this terminal."""
    from trainer.jobs.fork import resume as requeue

    folders = search_folders(look_in)
    return run_alone(workspace_here(folder), lambda journal, engine: requeue(journal, number, engine, folders))


@click.command()
@click.argument("number", type=int, metavar="N")
@click.option("--epoch", type=int, help="Fork at the end of this epoch (default: the newest state).")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a rate, the schedule, noise, saving …"
)
@FIND
@WHY
@WORKSPACE
@exits
def fork(
    number: int,
    epoch: int | None,
    overrides: tuple[str, ...],
    look_in: tuple[Path, ...],
    why: str,
    folder: Path | None,
) -> ExitCode:
    """Start a new bake from an epoch of bake N, with changed settings.

    It starts with the weights, optimizer moments and random numbers that bake N had there.
    """
    from trainer.jobs.fork import fork as queue_fork

    folders = search_folders(look_in)
    workspace = workspace_here(folder)

    def queue(journal: "Journal", engine: str) -> "Bake":
        forked = queue_fork(
            journal, workspace, number, epoch=epoch, overrides=overrides, why=why, engine=engine, look_in=folders
        )
        _print_parent(forked.bake, forked.notes)
        return forked.bake

    return run_alone(workspace, queue)


@click.command()
@click.argument("number", type=int, metavar="N")
@click.option("--epochs", type=int, required=True, help="Total number of epochs, those of bake N included.")
@FIND
@WHY
@WORKSPACE
@exits
def extend(number: int, epochs: int, look_in: tuple[Path, ...], why: str, folder: Path | None) -> ExitCode:
    """Train bake N for more epochs, as a new bake from its last state."""
    from trainer.jobs.fork import extend as queue_extension

    folders = search_folders(look_in)
    workspace = workspace_here(folder)

    def queue(journal: "Journal", engine: str) -> "Bake":
        extended = queue_extension(journal, workspace, number, epochs=epochs, why=why, engine=engine, look_in=folders)
        _print_parent(extended.bake, extended.notes)
        return extended.bake

    return run_alone(workspace, queue)


def search_folders(look_in: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the folders to search.

    Raises:
        PathError: one is not there, or is a file.
        OSError: one cannot be listed.
    """
    for folder in look_in:
        if not folder.is_dir():
            found = "not a folder" if folder.exists() else "no such folder"
            raise PathError(
                printable(str(folder)), found=found, expected="a folder to search", way_out="check the path"
            )
        # One that may not be read would be passed over in silence.
        os.scandir(folder).close()
    return look_in


def _print_parent(bake: "Bake", notes: tuple[str, ...]) -> None:
    click.echo(f"bake {bake.number} {printable(bake.name)} is forked from bake {bake.parent}")
    for note in notes:
        print_note(note)


def run_alone(workspace: "Workspace", queue: "Callable[[Journal, str], Bake]") -> ExitCode:
    """Run the job that `queue` puts into the journal, in an engine of this process; return the exit code.

    Args:
        workspace: where the journal is.
        queue: given the journal and the key of the engine that is to take the job.

    Raises:
        LoraTuiError: whatever `queue` raises; nothing runs then.
    """
    from lora_tui.headless.follow import follow
    from trainer.engine.engine import Engine
    from trainer.journal.journal import Journal
    from trainer.machine.card_lock import check_card_lockable
    from trainer.machine.engines import register_engine
    from trainer.machine.launch import launched
    from trainer.memory.lazy_predictor import predictor_for
    from trainer.workspace import check_writable, remember_workspace

    check_writable(workspace)
    check_card_lockable()
    predictor = predictor_for(workspace.root)
    engine = Engine(workspace, predictor=predictor)
    register_engine(engine.key, workspace.root, takes_queue=False)
    with Journal(workspace.journal_path) as journal:
        # A killed process's bake keeps its live state until it is marked lost.
        journal.bakes.mark_lost()
        number = queue(journal, engine.key).number
    remember_workspace(workspace)
    engine.start()
    code = follow(engine, number)
    engine.close(wait=10)
    if code is ExitCode.DONE and launched() is not None:
        from trainer.bake.ranks.leader import release_followers

        release_followers()
    if predictor is not None:
        predictor.close()
    return code
