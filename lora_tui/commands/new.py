"""A new subject and its settings: `new`."""

from pathlib import Path

import click

from lora_tui.commands.exits import exits
from lora_tui.commands.options import PATH
from trainer.errors import ExitCode
from trainer.refusals import real_path
from trainer.text import printable


@click.command()
@click.argument("name")
@click.option("--data", required=True, type=PATH, metavar="DIR", help="Folder with the pictures.")
@click.option(
    "--base",
    required=True,
    metavar="PATH",
    help="Base model (SD1.x, SDXL or Anima): a .safetensors file, a diffusers folder, or `demo`.",
)
@click.option("--validation", type=PATH, metavar="DIR", help="Folder with validation pictures, not used for training.")
@click.option("--in", "folder", type=PATH, metavar="DIR", default=Path(), help="Workspace folder (default: here).")
@exits
def new(name: str, data: Path, base: str, validation: Path | None, folder: Path) -> ExitCode:
    """Create a subject and its settings from a folder of pictures.

    The defaults depend on the pictures and the base model.
    """
    from trainer.jobs.new_subject import make_subject
    from trainer.workspace import find_workspace_to_write, make_workspace

    root = real_path(folder)
    found = find_workspace_to_write(root)
    created = make_subject(name, data, base, validation, lambda: found or make_workspace(root))
    click.echo(f"wrote {printable(str(created.subject_file))}")
    click.echo(f"wrote {printable(str(created.settings_file))}")
    click.echo(printable(created.line))
    if created.findings.any:
        click.echo(f"{created.findings.text()}: lora-tui check {printable(str(created.settings_file))}")
    click.echo(f"next: lora-tui bake {printable(str(created.settings_file))}")
    return ExitCode.DONE
