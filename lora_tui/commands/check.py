"""What is wrong or doubtful before a bake, and what of it is accepted: `check`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, shown_thumbnails
from lora_tui.commands.options import OVERRIDES, SETTINGS_FILE
from trainer.errors import ExitCode
from trainer.refusals import real_path
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.jobs.checks import Preflight


@click.command()
@click.argument("settings_file", type=SETTINGS_FILE, metavar="SETTINGS.toml")
@OVERRIDES
@click.option(
    "--compare/--no-compare", default=True, help="Decode the pictures and look for near-duplicates (default)."
)
@click.option(
    "--accept", "accepted", metavar="KEY", help="Accept what the check KEY found, until the data change; needs --why."
)
@click.option("--why", default="", metavar="TEXT", help="Reason for which it is accepted.")
@click.option("--withdraw", "withdrawn", metavar="KEY", help="Take back that what KEY found is accepted.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exits
def check(
    settings_file: Path,
    overrides: tuple[str, ...],
    compare: bool,
    accepted: str | None,
    why: str,
    withdrawn: str | None,
    as_json: bool,
) -> ExitCode:
    """Check pictures, captions and settings before a bake.

    Lists every error, warning and note with its place and the way out. The exit code is 0 if there are only notes and accepted
    findings, 1 if there are warnings, 2 if the bake would be refused (4 if only a GPU is missing, 5 if only disk space is).
    """
    from trainer.checks.report import check_json, check_lines, count
    from trainer.jobs.checks import (
        accept_findings,
        no_thumbnails,
        run_preflight,
        withdraw_acceptance,
    )
    from trainer.settings.toml_file import load_settings

    if accepted is not None and not why.strip():
        raise click.UsageError("--accept needs a reason: --why TEXT")
    if why and accepted is None:
        raise click.UsageError("--why belongs to --accept")
    path = real_path(settings_file)
    settings = load_settings(path, overrides)
    thumbnails = shown_thumbnails(path) if compare else no_thumbnails

    def run() -> "Preflight":
        return run_preflight(settings, path, thumbnails)

    if withdrawn is not None and not withdraw_acceptance(settings, path, withdrawn) and not as_json:
        click.echo(f"nothing of {printable(withdrawn, 60)} is accepted")
    found = run()
    if accepted is not None:
        kept = accept_findings(found.results, settings, found.data_sets, path, accepted, why)
        if not as_json:
            click.echo(f"accepted {printable(accepted, 60)} until the data change, in {printable(str(kept))}")
        found = run()
    counts = count(found.results)
    if as_json:
        print_json({"counts": vars(counts), "findings": check_json(found.results)})
    else:
        click.echo(f"{printable(path.name)}: {counts.text()}")
        for line in check_lines(found.results):
            click.echo(line)
    return found.exit_code
