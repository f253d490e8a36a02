"""Repair of a lost or damaged journal: `journal`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.options import PATH
from trainer.refusals import current_folder, real_path
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.recovery.bakes import RecoveredBake
    from trainer.workspace import Workspace


@click.group()
def journal() -> None:
    """Repair a workspace's journal."""


@journal.command()
@click.argument("folder", type=PATH, required=False, metavar="[DIR]")
@exits
def rebuild(folder: Path | None) -> None:
    """Rebuild the journal from the folders.

    Everything is read from the folders of bakes, grids and ladders. The old journal is kept beside the new one.
    """
    from trainer.journal.journal import Journal
    from trainer.journal.replace_file import replace_journal
    from trainer.recovery.bakes import recover_bakes
    from trainer.recovery.grids import recover_grids
    from trainer.recovery.ladders import recover_ladders
    from trainer.workspace import check_writable

    workspace = _workspace(folder)
    check_writable(workspace)
    (found, grids, ladders), kept = replace_journal(
        workspace.journal_path,
        lambda into: (
            recover_bakes(workspace, into),
            recover_grids(workspace, into),
            recover_ladders(workspace, into),
        ),
    )
    for each in found:
        click.echo(_line(each))
    for one in grids:
        found_of = [f"grid, {one.grid.done:,} of {plural(one.grid.total, 'picture')}"] if one.grid else []
        notes = [f"({one.note})"] if one.note else []
        click.echo("  ".join([printable(one.folder), *found_of, *notes]))
    for ladder in ladders:
        click.echo(f"{printable(ladder.folder)}  {ladder.line}")
    recovered = sum(each.bake is not None for each in found)
    with Journal(workspace.journal_path) as rebuilt:
        # The list of places may be lost as well.
        rebuilt.note_former_places()
    click.echo(f"{printable(str(workspace.journal_path))}: recovered {recovered} of {plural(len(found), 'bake')}")
    if kept is not None:
        click.echo(f"the old journal was kept as {printable(str(kept))}")


def _workspace(folder: Path | None) -> "Workspace":
    """Return the workspace in or above a folder; without a journal it is recognised by its folder of bakes."""
    from trainer.workspace import Workspace

    start = real_path(folder or current_folder())
    for each in map(Workspace, (start, *start.parents)):
        if each.journal_path.is_file() or each.bakes.is_dir():
            return each
    return workspace_here(folder)


def _line(found: "RecoveredBake") -> str:
    """Return what was recovered from one folder, on one line."""
    parts = [printable(found.folder)]
    if found.bake is not None:
        parts += [str(found.bake.state), plural(found.steps, "step"), plural(found.loras, "LoRA file")]
    return "  ".join([*parts, *(f"({note})" for note in found.notes)])
