"""Measures of LoRA files by their weights, and what is missing of them in a bake: `measure`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, print_note, warn_of_damage, workspace_here, workspace_or_none
from lora_tui.commands.options import PATH, WORKSPACE
from trainer.errors import ExitCode
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.noise_floor.twin_cosines import TwinCosines
    from trainer.workspace import Workspace

_THREADS = 2
"""Modules that are measured at once: the products of two are as fast as a disk reads."""


@click.command()
@click.argument("targets", nargs=-1, required=True, type=PATH, metavar="FILE...|N")
@click.option(
    "--base",
    "base_path",
    type=PATH,
    metavar="PATH",
    help="Base to compare sizes with, or `demo`; a DoRA needs its own.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@WORKSPACE
@exits
def measure(targets: tuple[Path, ...], base_path: Path | None, as_json: bool, folder: Path | None) -> ExitCode:
    """Measure LoRA files by their weights, or the LoRAs of bake N that were not measured when they were saved.

    Of each FILE: the size of its change as a whole, in each part and block group, and the rank that it uses. Of two or more also
    how each pair meets: the cosine of the changes, and how far their directions overlap. No GPU is needed.
    """
    names = [target.name for target in targets]
    if len(targets) == 1 and names[0].isascii() and names[0].isdecimal() and not targets[0].exists():
        return _measure_bake(int(names[0]), as_json, folder, base_path)
    return _measure_files(targets, base_path, as_json, folder)


def _measure_bake(number: int, as_json: bool, folder: Path | None, base_path: Path | None) -> ExitCode:
    from lora_tui.commands.progress_line import ProgressLine
    from lora_tui.wording.measures import epochs_table, values_json
    from trainer.journal.journal import READ_ONLY, Journal
    from trainer.measures.of_bake import MadeUp, make_up
    from trainer.measures.of_weights import OF_WEIGHTS

    if base_path is not None:
        raise click.UsageError("--base belongs to files; a bake names its own base")
    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal, ProgressLine() as line:
        bake = journal.bakes.read(number)
        made = (
            MadeUp()
            if journal.read_only
            else make_up(
                journal,
                bake,
                show=lambda done, total: line(f"measuring LoRAs: {done:,} of {total:,}"),
                threads=_THREADS,
            )
        )
        values = journal.measures.of_bake(number, [record.key for record in OF_WEIGHTS])
        warn_of_damage(journal)
    if as_json:
        print_json(
            {
                "bake": number,
                "measured_now": list(made.steps),
                "not_measured": list(made.broken),
                "measures": values_json(values, steps=True),
            }
        )
        return ExitCode.DONE
    click.echo(f"bake {number} {printable(bake.name)}: {plural(len(made.steps), 'LoRA')} measured now")
    if workspace.read_only:
        print_note(READ_ONLY)
    if made.gone:
        print_note(f"{plural(len(made.gone), 'file')} not there any more, so not measured")
    for reason in made.broken:
        print_note(f"not measured: {reason}")
    if made.without_base:
        print_note(f"sizes without the base's: {made.without_base}")
    for text in epochs_table(values):
        click.echo(text)
    return ExitCode.DONE


def _measure_files(paths: Sequence[Path], base_path: Path | None, as_json: bool, folder: Path | None) -> ExitCode:
    from lora_tui.commands.progress_line import ProgressLine
    from lora_tui.wording.measures import (
        NO_TWINS,
        file_table,
        file_title,
        interference_json,
        interference_table,
        needs_base_line,
        twins_json,
        twins_lines,
        values_json,
    )
    from trainer.measures.interference import CAVEAT, interference
    from trainer.measures.of_files import base_for_files, measure_file
    from trainer.models.lora_header import read_lora_header

    workspace = workspace_or_none(folder)
    with ProgressLine() as line:
        line("reading the base")
        base = base_for_files(None if base_path is None else str(base_path), _cache(workspace))
        line("measuring")
        measured = [measure_file(path, base, threads=_THREADS) for path in paths]
        line("comparing")
        met = interference(paths, own_name=base.own_name, weights=base.weights) if len(paths) > 1 else {}
        twins = _twins(paths, workspace) if met else []
    if as_json:
        pairs = [{"first": one, "second": other, "meet": interference_json(met[one, other])} for one, other in met]
        files = [
            {
                "path": str(path),
                "kinds": read_lora_header(path).kinds,
                "measures": values_json(found.values(0), steps=False),
                "needs_base": list(found.needs_base),
            }
            for path, found in zip(paths, measured, strict=True)
        ]
        among = {"twins": [twins_json(each) for each in twins], "caveat": CAVEAT} if met else {}
        print_json({"files": files, "interference": pairs} | among)
        return ExitCode.DONE
    names = [printable(path.name or str(path), 80) for path in paths]
    for path, name, found in zip(paths, names, measured, strict=True):
        header = read_lora_header(path)
        click.echo(file_title(name, header))
        for note in header.unread():
            print_note(note)
        if found.needs_base:
            print_note(needs_base_line(found.needs_base))
        if found.modules:
            _print_lines(file_table(found.values(0)))
    for (one, other), scopes in met.items():
        click.echo(f"{names[one]} and {names[other]}")
        _print_lines(interference_table(scopes) if scopes["", ""].modules else ["no module in common"])
    for each in twins:
        _print_lines(twins_lines(each))
    if met:
        print_note(CAVEAT if twins else f"{NO_TWINS} {CAVEAT}")
    return ExitCode.DONE


def _print_lines(lines: Sequence[str]) -> None:
    for text in lines:
        click.echo(text)
    click.echo()


def _twins(paths: Sequence[Path], workspace: "Workspace | None") -> "list[TwinCosines]":
    """Return how parallel the twins are of each bake whose LoRA is among the files."""
    from trainer.journal.journal import Journal
    from trainer.noise_floor.twin_cosines import twin_cosines

    if workspace is None:
        return []
    with Journal(workspace.journal_path) as journal:
        found = [each for path in paths if (each := twin_cosines(journal, path)) is not None]
    # Two of one family say the same.
    return list({frozenset((each.bake, *each.twins)): each for each in reversed(found)}.values())[::-1]


def _cache(workspace: "Workspace | None") -> Path:
    """Return where norms of bases are kept: in the workspace, else with the user's other caches."""
    from trainer.measures.base_norms import FOLDER
    from trainer.workspace import cache_home

    return cache_home() if workspace is None or workspace.read_only else workspace.root / FOLDER
