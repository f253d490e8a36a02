"""A saved epoch copied to where it is used, here or on another machine: `use`."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.options import BAKE_NUMBER, PATH, WORKSPACE
from trainer.errors import ExitCode
from trainer.text import printable


@click.command()
@click.argument("number", type=BAKE_NUMBER, metavar="BAKE")
@click.argument("epoch", metavar="EPOCH")
@click.argument("target", metavar="TARGET")
@click.option("--name", default="", help="File name there, without extension (default: NAME-bBAKE-eEPOCH).")
@click.option("--weight", type=float, metavar="W", help="Preferred weight (default: the favourite picture's, else 1).")
@click.option("--words", metavar="TEXT", help="Activation text (default: the subject's trigger words).")
@click.option("--negative", metavar="TEXT", help="Negative text (default: the subject's).")
@click.option("--notes", metavar="TEXT", help="Notes (default: which bake and epoch it is).")
@click.option("--picture", type=PATH, metavar="PNG", help="Preview picture (default: its best picture in a grid).")
@click.option("--make-folder", is_flag=True, help="Make TARGET where it does not exist; in a terminal it is offered.")
@click.option("--force", is_flag=True, help="Overwrite existing files with different content.")
@WORKSPACE
@exits
def use(
    number: int,
    epoch: str,
    target: str,
    name: str,
    weight: float | None,
    words: str | None,
    negative: str | None,
    notes: str | None,
    picture: Path | None,
    make_folder: bool,
    force: bool,
    folder: Path | None,
) -> ExitCode:
    """Copy a saved epoch to where you use it.

    TARGET is a folder, or `host:folder` for rsync or scp. EPOCH is a label as in grids, or `last`. Beside the LoRA go a preview picture and the JSON that a webui reads:
    activation text, preferred weight, negative text and notes.
    """
    from lora_tui.commands.progress_line import ProgressLine
    from lora_tui.wording.work_progress import progress_line
    from trainer.journal.journal import Journal
    from trainer.long_work import watched
    from trainer.publish.copy_files import FolderMissing
    from trainer.publish.epoch import PublishResult, lora_of_epoch, publish

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        found = lora_of_epoch(journal, workspace, number, epoch)
    wanted = replace(
        found,
        name=name or found.name,
        preferred_weight=found.preferred_weight if weight is None else weight,
        activation_text=found.activation_text if words is None else words,
        negative=found.negative if negative is None else negative,
        notes=found.notes if notes is None else notes,
        picture=picture or found.picture,
    )

    def sent(*, make: bool) -> PublishResult:
        with ProgressLine() as line, watched(lambda progress: line(progress_line(progress)), lambda: False):
            return publish(wanted, target, replace=force, make_folder=make, may_ask=True)

    try:
        published = sent(make=make_folder)
    except FolderMissing as error:
        asked = sys.stdin.isatty() and sys.stdout.isatty()
        if not (asked and click.confirm(f"{error.where}: no such folder. Make it?")):
            raise FolderMissing(error.where, found=error.found, way_out="`--make-folder` makes it") from None
        published = sent(make=True)
    for file in published.sent:
        click.echo(f"{'replaced' if file in published.replaced else 'wrote'} {published.where}/{printable(file)}")
    for file in published.unchanged:
        click.echo(f"unchanged {published.where}/{printable(file)}")
    click.echo(f"in a prompt: <lora:{printable(published.name)}:{wanted.preferred_weight:g}>")
    return ExitCode.DONE
