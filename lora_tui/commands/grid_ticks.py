"""Ticks of the checklist that a tagger proposes for a grid: `grid --propose`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainer.errors import ExitCode, GridError
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.workspace import Workspace


def propose_ticks_of(workspace: "Workspace", number: int, model: Path) -> ExitCode:
    """Let a tagger look at the pictures of a grid, and keep what it proposes; the user's own ticks stay as they are.

    Args:
        workspace: where the grid is.
        number: of the grid.
        model: the tagger's folder or file.

    Raises:
        GridError: the grid has no pictures, or its subject no checklist that the tagger can say something of.
        ModelError, SettingsError: the tagger cannot be used.
        WorkspaceError: there is no such grid, or the journal cannot be written.
    """
    from lora_tui.commands.caption_tag import run_shown, tagger_options
    from trainer.gallery.sidecar import read_sidecar
    from trainer.journal.journal import Journal
    from trainer.judging.proposed_ticks import check_items, propose_ticks
    from trainer.settings.subject import subject_named
    from trainer.workspace import check_writable

    check_writable(workspace)
    tagger, options = tagger_options(model, {})
    with Journal(workspace.journal_path) as journal:
        folder = workspace.root / journal.grids.read(number).folder
        made = read_sidecar(folder)
        files = {} if made is None else {cell.place.name: folder / cell.file for cell in made.cells}
        there = {cell: path for cell, path in files.items() if path.is_file()}
        if made is None or not there:
            raise GridError(f"grid {number}", found="no pictures yet", way_out="make it first")
        subject = made.spec.subject
        named = subject if "/" not in subject and "\0" not in subject else ""
        items = check_items(subject_named(workspace.subjects, named).checklist, tagger, subject)
        run = run_shown(tagger, list(there.values()), workspace, 8)
        proposed = propose_ticks(number, there, items, run, tagger, options.thresholds)
        journal.grids.propose_ticks(number, proposed)
    click.echo(
        f"{printable(tagger.name, 60)} proposes ticks for {plural(len(proposed), 'picture')} of grid {number}:"
        f" {', '.join(printable(item, 40) for item in items)}"
    )
    click.echo("they count once they are taken over: key c in the grid, then p")
    return ExitCode.DONE
