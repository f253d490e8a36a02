"""Bakes that continue another one: `resume`, `fork`, `extend`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_note, workspace_here
from lora_tui.commands.options import BAKE_NUMBER, PATH, WHY, WORKSPACE
from lora_tui.commands.run_here import run_alone
from trainer.errors import ExitCode, PathError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake

FIND = click.option(
    "--find",
    "look_in",
    type=PATH,
    multiple=True,
    metavar="FOLDER",
    help="Search this folder, by hash, for models and pictures that are gone from their place; repeatable.",
)


@click.command()
@click.argument("number", type=BAKE_NUMBER, metavar="N")
@FIND
@WORKSPACE
@exits
def resume(number: int, look_in: tuple[Path, ...], folder: Path | None) -> ExitCode:
    """Resume bake N from its newest state, in this terminal."""
    from trainer.jobs.fork import resume as requeue

    folders = search_folders(look_in)
    return run_alone(workspace_here(folder), lambda journal, engine: requeue(journal, number, engine, folders))


@click.command()
@click.argument("number", type=BAKE_NUMBER, metavar="N")
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
@click.argument("number", type=BAKE_NUMBER, metavar="N")
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
