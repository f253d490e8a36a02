"""Settings that a command made: printed, or written to a file, with what is to be known of them."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from trainer.text import printable


def give_settings(text: str, notes: Sequence[str], out: Path | None, *, force: bool) -> None:
    """Print settings with the notes as comments before them, or write them to `out` and print the notes.

    Args:
        text: TOML.
        notes: a line each.
        out: where to, None for standard output.
        force: whether a file that exists is replaced.

    Raises:
        SettingsError: the file exists, or cannot be written.
    """
    from trainer.atomic_file import is_stream
    from trainer.settings.toml_file import refuse_existing, save_text

    if out is None:
        print_text("".join(f"# {line}\n" for line in notes) + text)
        return
    streamed = is_stream(out)
    if not streamed and not force:
        refuse_existing(out)
    save_text(text, out)
    # What is written to may be the standard output.
    for line in (*notes, f"wrote {printable(str(out))}"):
        click.echo(line, err=streamed)


def print_text(text: str) -> None:
    """Print a file's text: as it is into a file or a pipe, and to a terminal without its control codes."""
    click.echo("".join(f"{printable(line)}\n" for line in text.splitlines()) if _on_terminal() else text, nl=False)


def _on_terminal() -> bool:
    return sys.stdout.isatty()
