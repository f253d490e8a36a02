"""`lora-tui page`: a grid as one HTML page, to be sent or looked at elsewhere."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, workspace_here
from trainer.errors import ExitCode, GridError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.journal.records import Grid

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>k|m|g)?(?P<binary>i)?b?", re.IGNORECASE)
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3}


@click.command()
@click.argument("number", type=int, required=False, metavar="[GRID]")
@click.option("--max", "most", default="3MB", metavar="SIZE", help="The page's size at most (default: 3MB).")
@click.option(
    "--stdout", "printed", is_flag=True, help="Print it instead of writing a file: ssh box lora-tui … > x.html"
)
@click.option("-o", "into", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
@click.option("--in", "folder", type=click.Path(path_type=Path), metavar="DIR", help="The workspace (default: here).")
@exits
def page(number: int | None, most: str, printed: bool, into: Path | None, folder: Path | None) -> ExitCode:
    """Write grid GRID (default: the newest) as one HTML page with everything inside, and say how to copy it."""
    from lora_tui.actions.page_file import make_page, write_page
    from lora_tui.terminal.clipboard import offer
    from trainer.journal.journal import Journal

    max_bytes = size_of(most)
    if printed and into:
        raise click.UsageError("--stdout writes no file: leave -o out")
    if printed and sys.stdout.isatty():
        raise click.UsageError(
            "--stdout prints the page itself: send it to a file, as in `lora-tui page --stdout > x.html`"
        )
    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        grid = _grid(journal, number)
        if printed:
            made = make_page(journal, workspace, grid, max_bytes)
            sys.stdout.buffer.write(made.content)
            click.echo(f"grid {grid.number}: {made.size_note}", err=True)
            return ExitCode.DONE
        file = write_page(journal, workspace, grid.number, max_bytes=max_bytes, into=into)
    click.echo(f"wrote {printable(str(file.path))}")
    click.echo(f"      {file.line}")
    click.echo(f"copy it from your own machine:  {printable(file.copy)}")
    click.echo(f"or without the file here:       {printable(file.show)}")
    if offer(file.copy, sys.stdout):
        click.echo("The first of them is in your clipboard, if your terminal takes it (OSC 52).")
    return ExitCode.DONE


def _grid(journal: "Journal", number: int | None) -> "Grid":
    if number is not None:
        return journal.grids.read(number)
    newest = journal.grids.latest(limit=1)
    if not newest:
        raise GridError("page", found="there is no grid yet", way_out="`lora-tui grid` makes one")
    return newest[0]


def size_of(text: str) -> int:
    """Return the bytes that a size means: `3MB`, `800k`, `2.5 MiB`, or a bare number of bytes.

    Raises:
        GridError: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match["binary"] and not match["unit"]):
        raise GridError("--max", found=printable(text, 40), expected="a size such as 3MB or 800kB")
    step = 1024 if match["binary"] else 1000
    return int(float(match["number"]) * step ** _UNITS[(match["unit"] or "").lower()])
