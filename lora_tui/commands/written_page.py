"""What the commands that write a page have in common: where it may go, and what is said of it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.actions.page_file import PageFile


def check_place(command: str, *, printed: bool, into: Path | None, is_text: bool = False) -> None:
    """Refuse two places for one page, and a terminal for a page of pictures.

    Args:
        command: its name.
        printed: whether the page goes to the standard output.
        into: the file asked for.
        is_text: whether the page is made for reading in a terminal.

    Raises:
        click.UsageError: it cannot go there.
    """
    if printed and into:
        raise click.UsageError("--stdout and -o exclude each other")
    if printed and not is_text and sys.stdout.isatty():
        raise click.UsageError(
            f"--stdout would fill the terminal: redirect it, as in `lora-tui {command} --stdout > x.html`"
        )


def tell_written(file: "PageFile", what: str, into: Path | None) -> None:
    """Say what was written where, and how it gets to another machine.

    Args:
        file: the page.
        what: whose it is: `grid 3`.
        into: the file asked for.
    """
    from lora_tui.terminal.clipboard import copy_to_clipboard
    from trainer.atomic_file import is_stream

    if into is not None and is_stream(into):
        # It may be the standard output, and nothing is there to be copied.
        click.echo(f"{what}: {file.line}", err=True)
        return
    click.echo(f"wrote {printable(str(file.path))}")
    click.echo(f"      {file.line}")
    click.echo(f"copy it to your machine:  {printable(file.copy)}")
    click.echo(f"or fetch it directly:     {printable(file.show)}")
    if copy_to_clipboard(file.copy, sys.stdout):
        click.echo("The first command is in your clipboard if your terminal supports OSC 52.")
