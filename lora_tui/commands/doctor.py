"""What this installation is, and whether everything around a bake is well: `info` and `doctor`."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, workspace_here
from lora_tui.commands.options import PATH, WORKSPACE
from lora_tui.terminal.encoding import encoding_of
from trainer.errors import ExitCode, WorkspaceError
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.doctor.record import HealthFinding, Surroundings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@WORKSPACE
@exits
def info(as_json: bool, folder: Path | None) -> ExitCode:
    """Show versions, GPU and driver, paths, the workspace and your configuration."""
    from lora_tui.doctor.facts import configuration, installation, installation_lines, places, workspace_facts

    around = surroundings(folder)
    if as_json:
        values = {"paths": places(around), "workspace": workspace_facts(around), "configuration": configuration()}
        print_json({**installation(around), **values})
        return ExitCode.DONE
    for line in installation_lines(around):
        click.echo(line)
    return ExitCode.DONE


@click.command()
@click.option(
    "--bundle",
    "out",
    type=PATH,
    metavar="FILE",
    help="Write a zip file for a bug report, with everything private replaced.",
)
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
@click.option(
    "--torch",
    "try_torch",
    is_flag=True,
    help="Also start torch in a process of its own and try a small step on the GPU.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@WORKSPACE
@exits
def doctor(out: Path | None, force: bool, try_torch: bool, as_json: bool, folder: Path | None) -> ExitCode:
    """Look at terminal, GPU, driver, torch, libraries, disk, memory, login manager, clock and journal.

    Each line is ok, a warning or an error, with the way out. Exit code 0 if all is well, 1 for warnings, 2 for errors.

    `--bundle report.zip` writes versions, findings, the last log lines, settings and counts of the journal for a bug report. Paths, names of users and hosts, captions, prompts, tags and file names are replaced, each by the same placeholder everywhere. What it holds is listed before it is written, and nothing is sent anywhere.
    """
    from lora_tui.doctor.record import exit_code_of
    from lora_tui.doctor.registry import examine

    if out is not None:
        _check_place(out, force)
    around = surroundings(folder, try_torch=try_torch)

    def show(finding: "HealthFinding") -> None:
        if not as_json:
            click.echo(finding.line())

    found = examine(around, show)
    if as_json:
        print_json(
            [{"check": f.check, "level": f.level.word, "text": f.text, "way_out": f.way_out or None} for f in found]
        )
    if out is not None:
        _write_bundle(out, around, found)
    return exit_code_of(finding.level for finding in found)


def surroundings(folder: Path | None, *, try_torch: bool = False) -> "Surroundings":
    """Return what this process and its terminal are, with the workspace named, else the one here or last used, if any."""
    from lora_tui.doctor.record import Surroundings

    try:
        workspace = workspace_here(folder)
    except WorkspaceError:
        if folder is not None:
            raise
        workspace = None
    columns, lines = shutil.get_terminal_size()
    return Surroundings(
        terminal=sys.stdout.isatty(),
        size=(columns, lines),
        encoding=encoding_of(sys.stdout),
        workspace=workspace,
        try_torch=try_torch,
    )


def _check_place(path: Path, force: bool) -> None:
    """Check that the bundle can be written to `path`, before anything is looked at.

    Raises:
        SettingsError: a file is there, and nobody said that it may be overwritten.
        OSError: the folder cannot be looked into.
    """
    from trainer.atomic_file import check_replaceable, is_stream
    from trainer.settings.toml_file import refuse_existing

    os.stat(path.parent)
    if is_stream(path):
        return
    check_replaceable(path)
    if not force:
        refuse_existing(path)


def _write_bundle(path: Path, around: "Surroundings", found: "list[HealthFinding]") -> None:
    from lora_tui.doctor.bundle import bundle_bytes, bundle_entries
    from trainer.atomic_file import write_atomically

    entries = bundle_entries(around, found)
    click.echo(f"{printable(str(path))} will hold:", err=True)
    for entry in entries:
        click.echo(f"  {entry.line}", err=True)
    write_atomically(path, bundle_bytes(entries))
    click.echo(
        f"wrote {printable(str(path))}; read it before you attach it to a report: nothing was sent anywhere", err=True
    )
