"""`lora-tui journal`: the journal itself, made anew where it was lost or damaged."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, workspace_here
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.recovery.bakes import RecoveredBake
    from trainer.workspace import Workspace


@click.group()
def journal() -> None:
    """Mend the journal of a workspace."""


@journal.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[DIR]")
@exits
def rebuild(folder: Path | None) -> None:
    """Make the journal of a workspace anew from its folders of bakes and grids; the old one is kept beside it."""
    from trainer.journal.replace_file import replace_journal
    from trainer.recovery.bakes import recover_bakes as made_anew
    from trainer.recovery.grids import recover_grids

    workspace = _workspace(folder)
    (found, grids), kept = replace_journal(
        workspace.journal_path, lambda into: (made_anew(workspace, into), recover_grids(workspace, into))
    )
    for each in found:
        click.echo(_line(each))
    for one in grids:
        told = f"grid, {one.grid.done:,} of {one.grid.total:,} pictures" if one.grid else f"({one.note})"
        click.echo(f"{printable(one.folder)}  {told}")
    brought = [each.bake for each in found if each.bake is not None]
    click.echo(f"{printable(str(workspace.journal_path))}: {len(brought)} of {len(found)} folders told of a bake")
    if kept is not None:
        click.echo(f"the old journal is {printable(str(kept))}")


def _workspace(folder: Path | None) -> "Workspace":
    """Return the workspace in or above a folder; its bakes make it one where the journal is gone."""
    from trainer.workspace import Workspace

    start = (folder or Path.cwd()).resolve()
    for each in map(Workspace, (start, *start.parents)):
        if each.journal_path.is_file() or each.bakes.is_dir():
            return each
    return workspace_here(folder)


def _line(found: "RecoveredBake") -> str:
    """Return what one folder gave on one line."""
    parts = [printable(found.folder)]
    if found.bake is not None:
        parts += [str(found.bake.state), f"{found.steps} steps", f"{found.loras} LoRA files"]
    return "  ".join([*parts, *(f"({note})" for note in found.notes)])
