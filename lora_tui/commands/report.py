"""A bake's report as one HTML page or as markdown: `report`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.options import BAKE_NUMBER, PATH, WORKSPACE
from lora_tui.commands.page import size_of
from lora_tui.commands.written_page import check_place, tell_written
from trainer.errors import ExitCode, WorkspaceError

if TYPE_CHECKING:
    from trainer.journal.journal import Journal


@click.command()
@click.argument("number", type=BAKE_NUMBER, required=False, metavar="[N]")
@click.option("--html", "form", flag_value="html", default="html", help="As one HTML page with its pictures (default).")
@click.option(
    "--md", "form", flag_value="md", help="As markdown: numbers in place of plots, files in place of pictures."
)
@click.option("--max", "max_size", default="8MB", metavar="SIZE", help="Maximum size of its pictures (default: 8MB).")
@click.option("--stdout", "printed", is_flag=True, help="Print the report instead of writing a file.")
@click.option("-o", "--output", "into", type=PATH, metavar="FILE", help="Write to FILE.")
@WORKSPACE
@exits
def report(
    number: int | None, form: str, max_size: str, printed: bool, into: Path | None, folder: Path | None
) -> ExitCode:
    """Write everything known of bake N as one self-contained page.

    Its settings and data beside its parent's, curves, measures with their noise, where each epoch stands between raw and burnt,
    grids, verdicts and notes, warnings. Without N, of the last bake that ran. Prints the command that copies it to your own
    machine.
    """
    from lora_tui.actions.report_file import make_report, write_report
    from trainer.journal.journal import Journal

    max_bytes = size_of(max_size)
    check_place("report", printed=printed, into=into, is_text=form == "md")
    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        chosen = _bake(journal) if number is None else number
        if printed:
            content, _ = make_report(journal, workspace, chosen, form, max_bytes)
            sys.stdout.buffer.write(content)
            return ExitCode.DONE
        file = write_report(journal, workspace, chosen, form=form, max_bytes=max_bytes, into=into)
    tell_written(file, f"bake {chosen}", into)
    return ExitCode.DONE


def _bake(journal: "Journal") -> int:
    last = journal.bakes.last_that_ran()
    if last is None:
        raise WorkspaceError("report", found="no bake has run yet", way_out="start one with `lora-tui bake`")
    return last.number
