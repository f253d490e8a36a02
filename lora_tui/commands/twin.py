"""Twins of a bake, queued: `twin`; and what they say of its noise: `floor`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.actions.twin import ALL, CHOICES, sources_of
from lora_tui.commands.exits import exits, print_json, print_note, warn_of_damage, workspace_here
from lora_tui.commands.fork import FIND, search_folders
from lora_tui.commands.options import BAKE_NUMBER, WORKSPACE
from lora_tui.wording.not_running import NOT_RUNNING
from trainer.errors import ExitCode
from trainer.settings.random_numbers import RANDOM_SOURCES, RandomSource
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.settings.model import Settings


@click.command()
@click.argument("number", type=BAKE_NUMBER, metavar="N")
@click.option(
    "--vary",
    type=click.Choice(CHOICES),
    default=ALL,
    help="Which random numbers are other ones: start values, order, noise (with times and dropouts), all (default), or none.",
)
@click.option("--count", type=int, default=1, metavar="K", help="How many twins (default: 1).")
@click.option("--hold", "held", is_flag=True, help="Hold them until `lora-tui queue release`.")
@FIND
@WORKSPACE
@exits
def twin(number: int, vary: str, count: int, held: bool, look_in: tuple[Path, ...], folder: Path | None) -> ExitCode:
    """Queue bake N again with other random numbers.

    What twins differ in is noise: every comparison with bake N is then held against it.
    """
    from trainer.jobs.bakes import queue_engine
    from trainer.jobs.twin import preview_twins, queue_twins
    from trainer.journal.journal import Journal
    from trainer.workspace import check_writable

    folders = search_folders(look_in)
    workspace = workspace_here(folder)
    check_writable(workspace)
    with Journal(workspace.journal_path) as journal:
        twins = preview_twins(journal, workspace, number, sources_of(vary), count, folders)
        engine = queue_engine(workspace)
        queued = queue_twins(journal, workspace, twins, engine=engine, held=held)
    for note in twins.notes:
        print_note(note)
    for bake, planned in zip(queued, twins.planned, strict=True):
        click.echo(
            f"queued bake {bake.number} {printable(bake.name)}: {twins.why}{_seeds(planned.settings, twins.vary)}"
        )
    if not engine:
        click.echo(NOT_RUNNING)
    return ExitCode.DONE


def _seeds(settings: "Settings", vary: tuple[RandomSource, ...]) -> str:
    named = [f"{RANDOM_SOURCES[source].setting} {settings.seed_of(source)}" for source in vary]
    return f" ({', '.join(named)})" if named else ""


@click.command()
@click.argument("number", type=BAKE_NUMBER, metavar="N")
@click.option(
    "--step", type=int, metavar="STEP", help="Of the LoRA after this step (default: the last that was measured)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, blocks, folders and bands included.")
@WORKSPACE
@exits
def floor(number: int, step: int | None, as_json: bool, folder: Path | None) -> ExitCode:
    """Show how much twins of bake N differ in each measure: its noise, and what of it each source of random numbers makes."""
    from lora_tui.wording.noise import floor_json, floor_lines
    from trainer.journal.journal import Journal
    from trainer.noise_floor.floors import NoiseFloors
    from trainer.noise_floor.side_by_side import noise_of

    with Journal(workspace_here(folder).journal_path) as journal:
        at, found = noise_of(journal, number, step)
        bakes = NoiseFloors(journal).family(number)
        warn_of_damage(journal)
    if as_json:
        print_json(floor_json(number, at, found, bakes))
        return ExitCode.DONE
    for line in floor_lines(number, at, found, bakes):
        click.echo(line)
    return ExitCode.DONE
