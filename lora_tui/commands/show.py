"""One bake with all that is known of it, and the differences of two: `show` and `diff`."""

from dataclasses import asdict
from pathlib import Path

import click

from lora_tui.commands.bakes import open_history
from lora_tui.commands.exits import exits, print_json, warn_of_damage, workspace_here
from lora_tui.commands.options import BAKE_NUMBER, WORKSPACE
from trainer.errors import ExitCode
from trainer.text import printable


@click.command()
@click.argument("number", type=BAKE_NUMBER, metavar="N")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@WORKSPACE
@exits
def show(number: int, as_json: bool, folder: Path | None) -> ExitCode:
    """Show all that is known of bake N.

    Its settings beside its parent's, its epochs with their losses, measures and verdicts, your note, the bakes it was made
    from and those made from it, and where each epoch stands between raw and burnt, with the evidence.
    """
    from lora_tui.wording.doneness import doneness_json, doneness_lines
    from lora_tui.wording.history import one_bake_json, one_bake_lines
    from trainer.doneness.read import doneness_of
    from trainer.history.one_bake import one_bake

    workspace = workspace_here(folder)
    with open_history(workspace) as (journal, history):
        found = one_bake(history, journal, workspace, number)
        doneness = doneness_of(journal, workspace, number)
        warn_of_damage(journal)
    if as_json:
        print_json({**one_bake_json(found), "doneness": doneness_json(doneness)})
        return ExitCode.DONE
    for line in (*one_bake_lines(found), *doneness_lines(doneness)):
        click.echo(line)
    return ExitCode.DONE


@click.command()
@click.argument("first", type=BAKE_NUMBER, metavar="A")
@click.argument("second", type=BAKE_NUMBER, metavar="B")
@click.option("--pictures", is_flag=True, help="Name each picture that differs.")
@click.option("--cosine", is_flag=True, help="Also the cosine between their newest LoRAs, beside that between twins.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@WORKSPACE
@exits
def diff(first: int, second: int, pictures: bool, cosine: bool, as_json: bool, folder: Path | None) -> ExitCode:
    """Show what differs between bakes A and B: their settings, their data, and their measures held against the noise."""
    from lora_tui.wording.history import difference_json, difference_lines
    from lora_tui.wording.noise import side_by_side_json, side_by_side_lines
    from trainer.history.differences import difference
    from trainer.journal.journal import Journal
    from trainer.noise_floor.cosines import NO_TWINS, cosine_of_bakes
    from trainer.noise_floor.side_by_side import side_by_side

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        found = difference(journal, first, second)
        measures = side_by_side(journal, first, second)
        beside = cosine_of_bakes(journal, first, second) if cosine else None
    if as_json:
        asked = {"cosine": None if beside is None else {**asdict(beside), "words": beside.words()}} if cosine else {}
        print_json({**difference_json(found), "measures": side_by_side_json(measures), **asked})
        return ExitCode.DONE
    for line in difference_lines(found):
        click.echo(line)
    if pictures and found.data is not None:
        for line in found.data.pictures:
            click.echo(f"  {printable(line)}")
    for line in side_by_side_lines(measures):
        click.echo(line)
    if cosine:
        click.echo(beside.words() if beside is not None else f"cosine: not shown, {NO_TWINS}")
    return ExitCode.DONE
