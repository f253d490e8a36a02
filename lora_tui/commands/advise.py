"""Advice on a bake: what to try, in which order, and why."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, print_note, warn_of_damage, workspace_here
from lora_tui.commands.options import BAKE_NUMBER, WORKSPACE
from lora_tui.wording.not_running import NOT_RUNNING
from trainer.errors import ExitCode

if TYPE_CHECKING:
    from trainer.advice.record import Advice
    from trainer.workspace import Workspace


@click.command()
@click.argument("number", type=BAKE_NUMBER, metavar="N")
@click.option(
    "--symptom",
    "symptoms",
    multiple=True,
    metavar="KEY",
    help="What you see; may be given again. Remembered for the bake.",
)
@click.option("--list", "list_them", is_flag=True, help="List every symptom with its key.")
@click.option("--forget", is_flag=True, help="Forget the symptoms that were remembered before.")
@click.option(
    "--ladder", "ladder", default="", metavar="MOVE", help="Queue the ladder that would test this move, held."
)
@click.option(
    "--aim",
    is_flag=True,
    help="Show rates that would make the parts done at one epoch, as far as a simple model tells.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@WORKSPACE
@exits
def advise(
    number: int,
    symptoms: tuple[str, ...],
    list_them: bool,
    forget: bool,
    ladder: str,
    aim: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Say what to try with bake N, in the order data, repeats, steps, rates.

    It starts from the symptoms that you name and those that are measured beyond the noise, names its sources, also where they
    disagree, and offers the ladder that would test each step.
    """
    from lora_tui.wording.advice import advice_json, advice_lines, symptom_list_lines
    from trainer.advice.advise import advice_for
    from trainer.advice.ticks import keep_ticks, ticked
    from trainer.journal.journal import Journal
    from trainer.workspace import check_writable

    workspace = workspace_here(folder)
    if aim:
        return _aim(workspace, number, as_json=as_json)
    if symptoms or forget or ladder:
        check_writable(workspace)
    with Journal(workspace.journal_path) as journal:
        kept = () if forget else ticked(journal, number)
        chosen = tuple(dict.fromkeys((*kept, *symptoms)))
        advice = advice_for(journal, workspace, number, chosen)
        if symptoms or forget:
            keep_ticks(journal, workspace, number, chosen)
        warn_of_damage(journal)
    if ladder:
        return _queue(workspace, advice, ladder)
    if as_json:
        print_json(advice_json(advice))
        return ExitCode.DONE
    for line in symptom_list_lines(advice.symptoms) if list_them else advice_lines(advice):
        click.echo(line)
    return ExitCode.DONE


def _aim(workspace: "Workspace", number: int, *, as_json: bool) -> ExitCode:
    from trainer.advice.aim import aim_for_band, aim_lines
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        found = aim_for_band(journal, workspace, number)
        warn_of_damage(journal)
    if as_json:
        print_json(asdict(found))
        return ExitCode.DONE
    for line in aim_lines(found):
        click.echo(line)
    return ExitCode.DONE


def _queue(workspace: "Workspace", advice: "Advice", key: str) -> ExitCode:
    from lora_tui.actions.advice import AdviceRequest, move_named
    from lora_tui.wording.advice import spec_words
    from trainer.jobs.bakes import queue_engine

    spec = move_named(advice, key)
    engine = queue_engine(workspace)
    request = AdviceRequest(workspace, advice.bake, engine)
    for note in request.offer(spec).notes:
        print_note(note)
    ladder = request.queue(spec, held=True)
    click.echo(f"queued ladder {ladder}, held: {spec_words(spec)}")
    click.echo(f"`lora-tui ladder show {ladder}` shows it, `lora-tui ladder release {ladder}` starts its bakes")
    if not engine:
        click.echo(NOT_RUNNING)
    return ExitCode.DONE
