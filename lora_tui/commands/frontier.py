"""The frontier of a subject's bakes: minutes of training against what they measure and what was said of them."""

from dataclasses import asdict
from pathlib import Path

import click

from lora_tui.commands.exits import exits, print_json, warn_of_damage, workspace_here
from lora_tui.commands.options import WORKSPACE
from trainer.errors import ExitCode


@click.command()
@click.argument("subject", required=False, default="", metavar="[SUBJECT]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@WORKSPACE
@exits
def frontier(subject: str, as_json: bool, folder: Path | None) -> ExitCode:
    """Show where more training time stopped paying, over all bakes of a subject.

    Minutes stand against each measure, your verdicts and the checklist by themselves, each with its noise; there is never one score.
    Without SUBJECT it is that of the newest bake.
    """
    from trainer.advice.frontier import frontier_lines, frontier_of
    from trainer.journal.journal import Journal

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        found = frontier_of(journal, workspace, subject)
        warn_of_damage(journal)
    if as_json:
        print_json(asdict(found))
        return ExitCode.DONE
    for line in frontier_lines(found):
        click.echo(line)
    return ExitCode.DONE
