"""The state of every bake and grid of a workspace, as a list, a frame, lines that follow it, or JSON: `status`."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, print_note, warn_of_damage, workspace_here
from lora_tui.commands.options import PATH
from lora_tui.terminal.standard_streams import refused
from trainer.errors import ExitCode
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.workspace import Workspace

_POLL_SECONDS = 1.0
# Where neither a terminal nor COLUMNS says, as in a pipe or a mail of cron: nothing that the user could miss is cut off there.
_WIDTH, _HEIGHT = 1000, 24


@click.command()
@click.argument("folder", type=PATH, required=False, metavar="[DIR]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--all", "every", is_flag=True, help="List bakes that were withdrawn from the queue too.")
@click.option(
    "--once",
    is_flag=True,
    help="Print one plain frame of what runs, waits and was logged last, as for `watch` or cron.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="Print a line whenever something changes, until nothing runs; exit code 1 if a bake failed.",
)
@exits
def status(folder: Path | None, as_json: bool, every: bool, once: bool, follow: bool) -> ExitCode:
    """Show the state of every bake and grid of a workspace.

    `--follow` and `--once` print plain lines without colours or codes, for screen readers, pipes and logs.
    """
    from trainer.journal.journal import Journal

    if as_json + once + follow > 1:
        raise click.UsageError("give one of --json, --once and --follow")
    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        if follow:
            return follow_lines(journal, workspace)
        if once:
            _print_frame(journal, workspace)
        elif as_json:
            _print_json(journal, workspace)
        else:
            _print_list(journal, workspace, every)
        warn_of_damage(journal)
    return ExitCode.DONE


def follow_lines(
    journal: "Journal", workspace: "Workspace", pause: Callable[[], object] = lambda: time.sleep(_POLL_SECONDS)
) -> ExitCode:
    """Print what changes until nothing runs or waits for a running lora-tui, or nobody reads any more.

    Args:
        journal, workspace: what is followed.
        pause: waits between two looks.
    """
    from lora_tui.headless.changes import NOTHING_RUNS, StatusChanges

    changes = StatusChanges(journal, workspace)
    while True:
        for line in changes.lines():
            click.echo(line)
        # A reader behind a pipe waits for the line, not for the buffer.
        sys.stdout.flush()
        if refused(sys.stdout) is not None:
            return ExitCode.DONE
        if not changes.active:
            warn_of_damage(journal)
            click.echo(NOTHING_RUNS)
            return ExitCode.BAKE_FAILED if changes.failed else ExitCode.DONE
        pause()


def _print_frame(journal: "Journal", workspace: "Workspace") -> None:
    from lora_tui.headless.frame import status_frame
    from lora_tui.wording.queue import read_queue_view
    from trainer.machine.cards import NvmlCards
    from trainer.machine.sampler import MachineSampler

    view = read_queue_view(journal, workspace, time.time())
    # What runs keeps readings of its own, which cost nothing.
    reading = None if view.live else MachineSampler(NvmlCards(), workspace.root).read()
    width = shutil.get_terminal_size((_WIDTH, _HEIGHT)).columns
    for line in status_frame(journal, workspace, view, width, reading):
        click.echo(line)


def _print_json(journal: "Journal", workspace: "Workspace") -> None:
    from lora_tui.headless.status import bakes_json
    from lora_tui.wording.queue import read_queue_view

    print_json(bakes_json(workspace, journal, read_queue_view(journal, workspace, time.time())))


def _print_list(journal: "Journal", workspace: "Workspace", every: bool) -> None:
    from lora_tui.headless.status import bake_line, rows_counted, times_text, withdrawn_line
    from lora_tui.wording.queue import read_queue_view

    view = read_queue_view(journal, workspace, time.time())
    rows = journal.bakes.latest()
    listed = rows if every else [row for row in rows if not row.withdrawn]
    click.echo(f"{printable(str(workspace.root))}: {rows_counted(listed, journal)}")
    if journal.unwritable:
        print_note(journal.unwritable, err=True)
    for row in listed:
        click.echo(bake_line(row, journal, times_text(row, view)))
    if not every and (line := withdrawn_line(rows)):
        click.echo(line)
