"""What settings will do, what memory they take, and which would fit: `plan`."""

from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lora_tui.commands.exits import checked_bake, exits, planned_bake, print_json
from lora_tui.commands.options import OVERRIDES, SETTINGS_FILE
from lora_tui.commands.progress_line import ProgressLine
from trainer.errors import ExitCode, LoraTuiError
from trainer.refusals import real_path
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.checks.record import CheckResult
    from trainer.jobs.preflight import PlannedBake
    from trainer.machine.card_processes import CardProcess
    from trainer.memory.available import AvailableMemory
    from trainer.memory.fit_result import FitResult
    from trainer.memory.peak import MemoryPrediction
    from trainer.memory.predictor import PeakPredictor
    from trainer.plan.report import ReportSection


@click.command()
@click.argument("settings_file", type=SETTINGS_FILE, metavar="SETTINGS.toml")
@OVERRIDES
@click.option(
    "--memory/--no-memory", default=True, help="Predict the peak GPU memory (default); this takes some seconds."
)
@click.option(
    "--fit",
    "size",
    metavar="SIZE",
    help="Find the fastest settings that fit into a GPU (`8GB`, of which 0.6 GiB are kept free) or into exactly `7.4GiB`.",
)
@click.option("--apply", "applies", is_flag=True, help="Write the settings found by --fit into SETTINGS.toml.")
@click.option(
    "--hold-out",
    "held_out",
    metavar="SHARE|FOLDER",
    help="Write into SETTINGS.toml that a share of the training pictures (`10%`) or one folder is held out to be measured; `0`: nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@exits
def plan(
    settings_file: Path,
    overrides: tuple[str, ...],
    memory: bool,
    size: str | None,
    applies: bool,
    held_out: str | None,
    as_json: bool,
) -> ExitCode:
    """Show what SETTINGS.toml will do.

    Folders, tags, buckets, steps, rates, timesteps, files, warnings and the peak GPU memory. With --fit the exit code is 3 if nothing fits.
    """
    from trainer.memory.limit import limit_of

    if applies and (size is None or overrides):
        raise click.UsageError("--apply needs --fit and excludes --set")
    limit = None if size is None else limit_of(size)
    if held_out is not None and overrides:
        raise click.UsageError("--hold-out excludes --set")
    changes = {} if held_out is None else _hold_out(settings_file, held_out)
    planned = planned_bake(settings_file, (*overrides, *(f"{name}={value}" for name, value in changes.items())))
    output = _PlanOutput(planned, settings_file, checked_bake(planned, settings_file), as_json)
    output.add_plan()
    if changes:
        output.add_applied(_apply(settings_file, changes))
    if limit is None and not memory:
        return output.end(ExitCode.DONE)
    with _predictor(settings_file) as predictor:
        if limit is None:
            output.add_memory(predictor)
            return output.end(ExitCode.DONE)
        result = output.add_fit(predictor, limit)
    if applies and result.best is not None:
        output.add_applied(_apply(settings_file, result.best.changes))
    return output.end(ExitCode.OUT_OF_MEMORY if result.best is None else ExitCode.DONE)


class _PlanOutput:
    """The sections of the output: printed as they come, or collected into one JSON object.

    Args:
        planned: the checked settings.
        settings_file: they belong to.
        results: what the checks found.
        as_json: whether they are collected.
    """

    def __init__(
        self, planned: "PlannedBake", settings_file: Path, results: "tuple[CheckResult, ...]", as_json: bool
    ) -> None:
        self._planned, self._results, self._as_json = planned, results, as_json
        self._path = real_path(settings_file)
        self._values: dict[str, object] = {}

    def add_plan(self) -> None:
        """Add what the settings will do."""
        from trainer.checks.report import check_json, rest_line, warning_lines
        from trainer.jobs.checks import subject_beside
        from trainer.jobs.measuring import measuring_lines
        from trainer.plan.plan import plan_line
        from trainer.plan.report import report, report_json

        planned, warnings = self._planned, warning_lines(self._results)
        measures = measuring_lines(planned, self._path)
        outfits = subject_beside(planned.settings, self._path).outfits
        if self._as_json:
            self._values |= report_json(
                *(planned.settings, planned.data, planned.plan, planned.behaviour, measures, planned.validation),
                outfits,
            )
            self._values |= {"warnings": list(warnings), "findings": check_json(self._results)}
            return
        click.echo(plan_line(planned.plan))
        for section in report(
            *(planned.settings, planned.data, planned.plan, planned.base, warnings, planned.behaviour, measures),
            planned.validation,
            outfits,
        ):
            _print(section)
        if rest := rest_line(self._results):
            click.echo(f"  {rest}" if warnings else f"\n{rest}")

    def add_memory(self, predictor: "PeakPredictor") -> None:
        """Add the predicted memory; where the prediction fails, why."""
        from trainer.memory.request import request_of
        from trainer.plan.report import ReportSection

        try:
            with ProgressLine() as show:
                show("predicting memory")
                prediction = predictor.predict(request_of(self._planned, "card"))
        except LoraTuiError as error:
            self._values["memory"] = {"error": error.line()}
            if not self._as_json:
                _print(ReportSection("memory", (f"not known: {error.line()}",)))
            return
        self._peak(prediction)

    def add_fit(self, predictor: "PeakPredictor", limit: int) -> "FitResult":
        """Add the predicted memory and the settings that would fit; return those."""
        from trainer.memory.fit import fit
        from trainer.memory.fit_report import fit_json, fit_lines
        from trainer.memory.request import request_of
        from trainer.plan.report import ReportSection

        with ProgressLine() as show:
            numbers = count(1)
            result = fit(
                request_of(self._planned, "card"),
                predictor.predict,
                limit,
                lambda text: show(f"prediction {next(numbers)}: {text}"),
            )
        self._peak(result.current.prediction)
        self._values["fit"] = fit_json(result)
        if not self._as_json:
            _print(ReportSection("fit", fit_lines(result)))
        return result

    def add_applied(self, diff: Iterable[str]) -> None:
        """Add what was changed in the settings file."""
        changed = list(diff)
        self._values["applied"] = changed
        if not self._as_json:
            click.echo("\n" + "\n".join(map(printable, changed)) if changed else "\nnothing to change")

    def end(self, code: ExitCode) -> ExitCode:
        """Print what was collected; return the code."""
        if self._as_json:
            print_json(self._values)
        return code

    def _peak(self, prediction: "MemoryPrediction") -> None:
        from trainer.memory.report import memory_section
        from trainer.plan.report import ReportSection

        available, holders, why = _card_now()
        self._values["memory"] = {
            **prediction.to_json(),
            "available": None if available is None else {**vars(available), "free": available.free},
            "holders": [dict(vars(holder)) for holder in holders],
            "no_card_because": why,
        }
        if self._as_json:
            return
        section = memory_section(prediction, available, holders)
        note = (f"no GPU here ({why}): the figures are for a bake on one",) if why else ()
        _print(ReportSection(section.title, (*section.lines, *note)))


def _predictor(settings_file: Path) -> "PeakPredictor":
    """Return the predictor with the workspace's cache; outside of a workspace with the user's own."""
    from trainer.memory.predictor import CACHE, PeakPredictor
    from trainer.workspace import cache_home, find_workspace

    workspace = find_workspace(real_path(settings_file).parent)
    return PeakPredictor(cache_home() / CACHE.name if workspace is None else workspace.root / CACHE)


def _card_now() -> "tuple[AvailableMemory | None, tuple[CardProcess, ...], str]":
    """Return the memory free on the first card, the processes on it, and why no card was found ("" if one was)."""
    from trainer.machine.card_processes import card_processes
    from trainer.machine.cards import NvmlCards
    from trainer.machine.readings import HostReading, MachineReading
    from trainer.memory.available import available_memory

    cards, why = NvmlCards().read()
    if not cards:
        return None, (), why
    return available_memory(MachineReading(0.0, cards, why, HostReading())), card_processes(), ""


def _apply(settings_file: Path, changes: Mapping[str, Any]) -> list[str]:
    """Write changed settings into the file; return the change as a unified diff."""
    import difflib

    from trainer.settings.model import Settings
    from trainer.settings.toml_file import merged_toml, parse_settings, save_text
    from trainer.settings.toml_text import read_text

    text, where = read_text(settings_file), printable(str(settings_file))
    after = Settings.model_validate(parse_settings(text, where).model_dump() | dict(changes))
    merged = merged_toml(text, after, where)
    if changes:
        save_text(merged, settings_file)
    name = settings_file.name
    return list(difflib.unified_diff(text.splitlines(), merged.splitlines(), name, name, lineterm="", n=1))


def _hold_out(settings_file: Path, asked: str) -> dict[str, object]:
    """Return what to set to hold out what was typed."""
    from trainer.plan.hold_out_offers import asked_for
    from trainer.settings.subject import resolve
    from trainer.settings.toml_file import load_settings

    path = real_path(settings_file)
    return asked_for(asked, resolve(load_settings(path), path))


def _print(section: "ReportSection") -> None:
    click.echo(f"\n{section.title}")
    for line in section.lines:
        click.echo(f"  {printable(line)}".rstrip())
