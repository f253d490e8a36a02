"""What other trainers would make of the same settings, and settings that are like one of them: `compare-trainers`."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, print_note
from lora_tui.commands.new_settings import give_settings
from lora_tui.commands.options import OVERRIDES, PATH, SETTINGS_FILE
from trainer.errors import ExitCode
from trainer.refusals import real_path
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.parity.comparison import Comparison
    from trainer.parity.like import SettingsLike
    from trainer.settings.model import Settings

# Characters of a line where there is no terminal.
_WIDTH = 120


@click.command("compare-trainers")
@click.argument("settings_file", type=SETTINGS_FILE, metavar="SETTINGS.toml")
@OVERRIDES
@click.option(
    "--profiles",
    "keys",
    multiple=True,
    metavar="TRAINER",
    help="Compare with this trainer; repeatable, or several separated by commas. Default: all.",
)
@click.option(
    "--as-written",
    is_flag=True,
    help="Let every setting in the file hold in each column, also in a file that writes all of them out.",
)
@click.option("--take", metavar="TRAINER", help="Print the settings that bake as this trainer does.")
@click.option("--out", type=PATH, metavar="FILE", help="With --take: write to FILE instead of standard output.")
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exits
def compare_trainers(
    settings_file: Path,
    overrides: tuple[str, ...],
    keys: tuple[str, ...],
    as_written: bool,
    take: str | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> ExitCode:
    """Show what other trainers make of SETTINGS.toml and its pictures, one column each.

    Pictures counted and trained on, steps shown and really run, epochs, warm-up, alpha / dim, rates, buckets, tokens, captions.
    What differs is marked, with its reason below. What the file does not write has each trainer's own default.
    """
    from trainer.parity.columns import chosen_profiles
    from trainer.parity.comparison import read_comparison, written_settings
    from trainer.settings.toml_file import apply_overrides, parse_settings
    from trainer.settings.toml_text import read_text

    if out is not None and take is None:
        raise click.UsageError("--out belongs to --take")
    if force and out is None:
        raise click.UsageError("--force belongs to --out")
    if out is not None and as_json:
        raise click.UsageError("--json and --out exclude each other")
    if take is not None and keys:
        raise click.UsageError("--take and --profiles exclude each other")
    chosen = [key.strip() for each in keys for key in each.split(",") if key.strip()]
    # A mistyped name is said before the pictures are read.
    chosen_profiles(chosen if take is None else [take])
    path = real_path(settings_file)
    text, where = read_text(path), printable(str(settings_file))
    settings = apply_overrides(parse_settings(text, where), overrides)
    written = written_settings(text) | {override.partition("=")[0].strip() for override in overrides}
    compared = read_comparison(settings, path, written, as_written=as_written)
    if take is not None:
        return _take(settings, text, where, compared, take, out, force, as_json)
    return _show(compared, chosen, settings_file, as_json)


def _show(compared: "Comparison", keys: Sequence[str], settings_file: Path, as_json: bool) -> ExitCode:
    from lora_tui.wording.parity_text import DIFFERENT, reason_lines, table_lines
    from trainer.parity.compare import parity_table
    from trainer.parity.table import parity_json

    table = parity_table(compared.asked, compared.data, family=compared.family, profiles=keys)
    if as_json:
        asked = sorted(compared.asked.stated)
        print_json(parity_json(table) | {"asked_for": asked, "notes": list(compared.notes)})
        return ExitCode.DONE
    width = shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH
    for line in (*table_lines(table, width, _lit), *reason_lines(table, width)):
        click.echo(line)
    for note in compared.notes:
        print_note(note)
    click.echo(f"{DIFFERENT} differs from these settings. 16 → 160: 16 pictures, 160 with repeats.")
    click.echo("Pair: rate of lora_down | alpha / dim × rate of lora_up, all that Adam sees of the three at one dim.")
    click.echo(_stated_line(compared))
    click.echo("Make yours like one of them, as TOML on standard output or with --out FILE:")
    command = shlex.join(["lora-tui", "compare-trainers", str(settings_file), "--take", table.columns[-1]])
    click.echo(f"  {printable(command)}")
    return ExitCode.DONE


def _lit(text: str) -> str:
    return click.style(text, fg="yellow", bold=True)


def _stated_line(compared: "Comparison") -> str:
    if compared.only_changed:
        return (
            "This file writes every setting out: those at their default are left to each trainer (--as-written lets them hold "
            "everywhere)."
        )
    return f"{plural(len(compared.asked.stated), 'setting')} of this file hold in every column; the others have each trainer's default."


def _take(
    settings: "Settings",
    text: str,
    where: str,
    compared: "Comparison",
    key: str,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> ExitCode:
    """Print or write the settings that bake as another trainer does, and what changes."""
    from trainer.parity.like import settings_like, with_changes
    from trainer.settings.toml_file import merged_toml

    like = settings_like(compared.asked, key)
    merged = merged_toml(text, with_changes(settings, like), where)
    if as_json:
        changes = {name: {"to": value, "why": like.why[name]} for name, value in like.changes.items()}
        print_json({"profile": like.profile.key, "changes": changes, "notes": list(like.notes), "settings": merged})
    else:
        give_settings(merged, list(_like_lines(settings, like)), out, force=force)
    return ExitCode.DONE


def _like_lines(settings: "Settings", like: "SettingsLike") -> Iterator[str]:
    from trainer.parity.like import change_lines

    yield f"like {like.profile.title}: {plural(len(like.changes), 'change')}"
    yield from map(printable, change_lines(settings, like))
    yield from map(printable, like.notes)
