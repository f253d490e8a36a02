"""`lora-tui use`: take an epoch into use, here or on another machine."""

from dataclasses import replace
from pathlib import Path

import click

from lora_tui.commands.exits import exits, workspace_here
from trainer.errors import ExitCode
from trainer.text import printable


@click.command()
@click.argument("number", type=int, metavar="BAKE")
@click.argument("epoch", metavar="EPOCH")
@click.argument("target", metavar="TARGET")
@click.option("--name", default="", help="Name there, without an ending (default: NAME-bBAKE-eEPOCH).")
@click.option("--weight", type=float, metavar="W", help="Preferred weight (default: the favourite picture's, else 1).")
@click.option("--words", metavar="TEXT", help="Activation text (default: the subject's trigger).")
@click.option("--negative", metavar="TEXT", help="Negative text (default: the subject's).")
@click.option("--notes", metavar="TEXT", help="Notes (default: where it comes from).")
@click.option(
    "--picture", type=click.Path(path_type=Path), metavar="PNG", help="Preview (default: its best picture in a grid)."
)
@click.option("--force", is_flag=True, help="Write over files of that name with another content.")
@click.option("--in", "folder", type=click.Path(path_type=Path), metavar="DIR", help="The workspace (default: here).")
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
    force: bool,
    folder: Path | None,
) -> ExitCode:
    """Bring epoch EPOCH (a label as in grids, or `last`) of bake BAKE into the folder TARGET, or `host:folder`.

    Beside the LoRA come a preview picture and what a webui shows of it: activation text, preferred weight, negative text, notes.
    """
    from trainer.journal.journal import Journal
    from trainer.publish.epoch import lora_of_epoch
    from trainer.publish.epoch import publish as take_into_use

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
    used = take_into_use(wanted, target, replace=force, may_ask=True)
    for file in used.sent:
        click.echo(f"{'wrote over' if file in used.replaced else 'wrote'} {used.where}/{printable(file)}")
    for file in used.unchanged:
        click.echo(f"is there already: {used.where}/{printable(file)}")
    click.echo(f"in a prompt: <lora:{printable(used.name)}:{wanted.preferred_weight:g}>")
    return ExitCode.DONE
