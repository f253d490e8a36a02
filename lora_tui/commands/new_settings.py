"""Settings that a command made: printed, or written to a file, with what is to be known of them."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from trainer.errors import SettingsError
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
    from trainer.settings.toml_file import save_text

    if out is None:
        whole = "".join(f"# {line}\n" for line in notes) + text
        # A file or a pipe gets the text as it is, a terminal none of its control codes.
        click.echo(_seen(whole) if _on_terminal() else whole, nl=False)
        return
    streamed = is_stream(out)
    if out.exists() and not streamed and not force:
        raise SettingsError(
            printable(str(out)),
            found="already exists",
            expected="a new file",
            way_out="choose another name, or add --force",
        )
    save_text(text, out)
    # What is written to may be the standard output.
    for line in (*notes, f"wrote {printable(str(out))}"):
        click.echo(line, err=streamed)


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _seen(text: str) -> str:
    """Return a text for a terminal, its lines as they are."""
    return "".join(f"{printable(line)}\n" for line in text.splitlines())
