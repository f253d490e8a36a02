"""`lora-tui plan`: what settings will do, what memory they will take, and which would fit."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lora_tui.commands.exits import exits, print_json, ready
from trainer.errors import ExitCode, LoraTuiError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.jobs.preflight import PlannedBake
    from trainer.machine.card_processes import CardProcess
    from trainer.memory.available import AvailableMemory
    from trainer.memory.fit_result import FitResult
    from trainer.memory.peak import MemoryPrediction
    from trainer.memory.predictor import PeakPredictor
    from trainer.plan.report import ReportSection


@click.command()
@click.argument("settings_file", type=click.Path(path_type=Path), metavar="SETTINGS.toml")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting for this run.")
@click.option("--memory/--no-memory", default=True, help="Predict the peak of the card's memory, which takes seconds.")
@click.option(
    "--fit",
    "size",
    metavar="SIZE",
    help="Find the fastest settings that fit: a card as `8GB` (0.6 GiB go to context and desktop), or what the bake may take as `7.4GiB`.",
)
@click.option("--apply", "applies", is_flag=True, help="Write what --fit found into SETTINGS.toml.")
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON.")
@exits
def plan(
    settings_file: Path, overrides: tuple[str, ...], memory: bool, size: str | None, applies: bool, as_json: bool
) -> ExitCode:
    """Say what SETTINGS.toml will do: folders, tags, buckets, rates, times, files, warnings, and its peak of memory.

    With --fit it ends with code 3 where nothing fits.
    """
    from trainer.memory.limit import limit_of

    if applies and (size is None or overrides):
        raise click.UsageError(
            "--apply writes what --fit found for SETTINGS.toml as it stands: it takes --fit and no --set"
        )
    limit = None if size is None else limit_of(size)
    planned = ready(settings_file, overrides)
    told = _Told(planned, as_json)
    told.plan()
    if limit is None and not memory:
        return told.end(ExitCode.DONE)
    with _predictor(settings_file) as predictor:
        if limit is None:
            told.memory(predictor)
            return told.end(ExitCode.DONE)
        result = told.fit(predictor, limit)
    if applies and result.best is not None:
        told.applied(_apply(settings_file, result.best.changes))
    return told.end(ExitCode.OUT_OF_MEMORY if result.best is None else ExitCode.DONE)


class _Told:
    """The parts of the answer as they come: printed at once, or gathered for one object of JSON.

    Args:
        planned: what is planned.
        as_json: whether they are gathered.
    """

    def __init__(self, planned: "PlannedBake", as_json: bool) -> None:
        self._planned, self._as_json = planned, as_json
        self._values: dict[str, object] = {}

    def plan(self) -> None:
        """Tell what the settings will do."""
        from trainer.plan.plan import plan_line
        from trainer.plan.report import report, report_json

        planned = self._planned
        if self._as_json:
            self._values |= report_json(planned.settings, planned.data, planned.plan)
            return
        click.echo(plan_line(planned.plan))
        for section in report(planned.settings, planned.data, planned.plan, planned.base):
            _print(section)

    def memory(self, predictor: "PeakPredictor") -> None:
        """Tell what memory they will take. A plan without it is a plan all the same."""
        from trainer.memory.request import request_of
        from trainer.plan.report import ReportSection

        try:
            with _Progress() as tell:
                tell("predicting memory")
                prediction = predictor.predict(request_of(self._planned, "card"))
        except LoraTuiError as error:
            self._values["memory"] = {"error": error.line()}
            if not self._as_json:
                _print(ReportSection("memory", (f"not known: {error.line()}",)))
            return
        self._peak(prediction)

    def fit(self, predictor: "PeakPredictor", limit: int) -> "FitResult":
        """Tell what memory they take and which settings would fit; return that."""
        from trainer.memory.fit import fit
        from trainer.memory.fit_report import fit_json, lines
        from trainer.memory.request import request_of
        from trainer.plan.report import ReportSection

        with _Progress() as tell:
            result = fit(request_of(self._planned, "card"), predictor.predict, limit, tell)
        self._peak(result.current.prediction)
        self._values["fit"] = fit_json(result)
        if not self._as_json:
            _print(ReportSection("fit", lines(result)))
        return result

    def applied(self, diff: Iterable[str]) -> None:
        """Tell what was written into the settings file."""
        changed = list(diff)
        self._values["applied"] = changed
        if not self._as_json:
            click.echo("\n" + "\n".join(map(printable, changed)) if changed else "\nnothing to write")

    def end(self, code: ExitCode) -> ExitCode:
        """Print what was gathered; return the code."""
        if self._as_json:
            print_json(self._values)
        return code

    def _peak(self, prediction: "MemoryPrediction") -> None:
        from trainer.memory.report import memory_section
        from trainer.plan.report import ReportSection

        room, holders, why = _card_now()
        self._values["memory"] = {
            **prediction.to_json(),
            "room": None if room is None else {**vars(room), "free": room.free},
            "holders": [dict(vars(holder)) for holder in holders],
            "no_card_because": why,
        }
        if self._as_json:
            return
        section = memory_section(prediction, room, holders)
        note = (f"no card here ({why}): this is what it would take on one",) if why else ()
        _print(ReportSection(section.title, (*section.lines, *note)))


class _Progress:
    """One line on standard error that says what is at work, where a terminal shows it; gone at the end."""

    def __enter__(self) -> Callable[[str], None]:
        self._shown = sys.stderr.isatty()
        self._count = 0
        return self._tell

    def __exit__(self, *_: object) -> None:
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)

    def _tell(self, words: str) -> None:
        self._count += 1
        if self._shown:
            # A line that wraps could not be taken back.
            click.echo(f"\r\x1b[Kprediction {self._count}: {printable(words)[:56]} …", nl=False, err=True)


def _predictor(settings_file: Path) -> "PeakPredictor":
    """Return who predicts, with the answers that the workspace keeps; outside of one with the user's own."""
    from trainer.memory.predictor import CACHE, PeakPredictor
    from trainer.workspace import cache_home, find_workspace

    workspace = find_workspace(settings_file.expanduser().resolve().parent)
    return PeakPredictor(cache_home() / CACHE.name if workspace is None else workspace.root / CACHE)


def _card_now() -> "tuple[AvailableMemory | None, tuple[CardProcess, ...], str]":
    """Return the room on the first card, who is there, and why there is no card ("" where there is one)."""
    from trainer.machine.card_processes import card_processes
    from trainer.machine.cards import NvmlCards
    from trainer.machine.readings import HostReading, MachineReading
    from trainer.memory.available import available_memory

    cards, why = NvmlCards().read()
    if not cards:
        return None, (), why
    return available_memory(MachineReading(0.0, cards, why, HostReading())), card_processes(), ""


def _apply(settings_file: Path, changes: Mapping[str, Any]) -> list[str]:
    """Write changed settings into the file, and return what that changed there, as a unified diff."""
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


def _print(section: "ReportSection") -> None:
    click.echo(f"\n{section.title}")
    for line in section.lines:
        click.echo(f"  {printable(line)}".rstrip())
