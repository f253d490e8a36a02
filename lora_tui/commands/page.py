"""A grid as one HTML page: `page`."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.options import GRID_NUMBER, PATH, WORKSPACE
from lora_tui.commands.written_page import check_place, tell_written
from trainer.errors import ExitCode, GridError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.grid_records import Grid
    from trainer.journal.journal import Journal

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>k|m|g)?(?P<binary>i)?b?", re.IGNORECASE)
_MAX_SIZE = 2**62
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3}


@click.command()
@click.argument("number", type=GRID_NUMBER, required=False, metavar="[GRID]")
@click.option("--max", "max_size", default="3MB", metavar="SIZE", help="Maximum size of the page (default: 3MB).")
@click.option("--stdout", "printed", is_flag=True, help="Print the page instead of writing a file.")
@click.option("-o", "into", type=PATH, metavar="FILE", help="Write to FILE.")
@WORKSPACE
@exits
def page(number: int | None, max_size: str, printed: bool, into: Path | None, folder: Path | None) -> ExitCode:
    """Write a grid as one self-contained HTML page.

    Without GRID, the newest one. Prints the command that copies it to your own machine. Over ssh: `ssh box lora-tui page --stdout > grid.html`.
    """
    from lora_tui.actions.page_file import make_page, write_page
    from trainer.journal.journal import Journal

    max_bytes = size_of(max_size)
    check_place("page", printed=printed, into=into)
    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        grid = _grid(journal, number)
        if printed:
            made = make_page(journal, workspace, grid, max_bytes)
            sys.stdout.buffer.write(made.content)
            click.echo(f"grid {grid.number}: {made.size_note}", err=True)
            return ExitCode.DONE
        file = write_page(journal, workspace, grid.number, max_bytes=max_bytes, into=into)
    tell_written(file, f"grid {grid.number}", into)
    return ExitCode.DONE


def _grid(journal: "Journal", number: int | None) -> "Grid":
    if number is not None:
        return journal.grids.read(number)
    newest = journal.grids.latest(limit=1)
    if not newest:
        raise GridError("page", found="no grids yet", way_out="make one with `lora-tui grid`")
    return newest[0]


def size_of(text: str) -> int:
    """Return the bytes that a size means: `3MB`, `800k`, `2.5 MiB`, or a bare number of bytes.

    Raises:
        GridError: it is not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match["binary"] and not match["unit"]):
        raise GridError("--max", found=printable(text, 40), expected="a size such as 3MB or 800kB")
    step = 1024 if match["binary"] else 1000
    size = float(match["number"]) * step ** _UNITS[(match["unit"] or "").lower()]
    # No disk is larger, and beyond it lies infinity.
    return int(min(size, _MAX_SIZE))
