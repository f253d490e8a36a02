"""A subject and its settings: `new`."""

from pathlib import Path

import click

from lora_tui.commands.exits import exits
from trainer.errors import ExitCode
from trainer.text import printable

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("name")
@click.option("--data", required=True, type=_PATH, help="Folder with the pictures.")
@click.option(
    "--base",
    required=True,
    metavar="PATH",
    help="Base model, SD1.x or SDXL: a .safetensors file, a diffusers folder, or `demo`.",
)
@click.option("--validation", type=_PATH, help="Folder with pictures kept out of training.")
@click.option("--in", "folder", type=_PATH, default=Path(), help="Workspace folder (default: here).")
@exits
def new(name: str, data: Path, base: str, validation: Path | None, folder: Path) -> ExitCode:
    """Make a subject NAME and its settings, with defaults read from the data."""
    from trainer.jobs.new_subject import make_subject
    from trainer.workspace import find_workspace, make_workspace

    root = folder.expanduser().resolve()
    made = make_subject(name, data, base, validation, lambda: find_workspace(root) or make_workspace(root))
    click.echo(f"wrote {printable(str(made.subject_file))}")
    click.echo(f"wrote {printable(str(made.settings_file))}")
    click.echo(printable(made.line))
    click.echo(f"next: lora-tui bake {printable(str(made.settings_file))}")
    return ExitCode.DONE
