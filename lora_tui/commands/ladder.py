"""Ladders: one question asked by many bakes that differ in one setting: `ladder`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, print_json, print_note, warn_of_damage, workspace_here
from lora_tui.commands.ladder_grid import ladder_grid
from lora_tui.commands.ladder_presets import presets
from lora_tui.commands.options import BAKE_NUMBER, LADDER_NUMBER, OVERRIDES, PATH, SETTINGS_FILE, WORKSPACE
from lora_tui.wording.not_running import NOT_RUNNING
from trainer.errors import ExitCode, SettingsError
from trainer.refusals import real_path, user_path
from trainer.text import numbered, printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.ladders.files import AskedLadder
    from trainer.ladders.record import LadderSpec
    from trainer.ladders.to_queue import LadderToQueue
    from trainer.settings.model import Settings
    from trainer.workspace import Workspace

_NUMBER = click.argument("number", type=LADDER_NUMBER, metavar="N")
_RUNGS = click.option(
    "--rungs",
    multiple=True,
    metavar="A,B,…",
    help="Where it stands: factors on what the settings have (0.1,1,10), or values (=1e-4,=3e-4); 1: as it is.",
)
_HOLD = click.option("--hold", "held", is_flag=True, help="Hold the bakes until `lora-tui ladder release`.")
_BAKE = click.option(
    "--bake", "here", is_flag=True, help="Bake them in this terminal instead of adding them to the queue."
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Check the bakes and say what they take, but queue none.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_START, _LIST = "start", "list"


class _StartOrCommand(click.Group):
    """A group that starts a ladder where its first word names no command of it, and lists them without a word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args:
            args = [_LIST]
        elif args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [_START, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = (each.get_help_record(ctx) for each in self.commands[_START].params)
        with formatter.section("To start one"):
            formatter.write_dl([option for option in options if option is not None])
        super().format_options(ctx, formatter)


@click.group(cls=_StartOrCommand)
def ladder() -> None:
    """Ask one question by many bakes that differ in one setting.

    `lora-tui ladder --knob unet_lr --rungs 0.1,0.33,1,3,10 --twins 2` bakes each of five rates twice, from the settings of the last
    bake; `lora-tui ladder SPEC.toml` reads the same from a file, and --preset makes one for an experiment of the notes. Bakes that the journal has already are not baked again.
    """


ladder.add_command(presets)
ladder.add_command(ladder_grid)


@ladder.command(_START)
@click.argument("spec_file", type=PATH, required=False, metavar="[SPEC.toml]")
@click.option(
    "--knob",
    "knobs",
    multiple=True,
    metavar="SETTING",
    help="What differs: a setting, or several that move together (unet_lr,text_encoder_lr). Given twice, each with its --rungs: every pair.",
)
@_RUNGS
@click.option(
    "--preset",
    metavar="KEY",
    help="A ladder for an experiment of the notes, around your own settings; `ladder presets` lists them.",
)
@click.option(
    "--twins",
    type=int,
    metavar="K",
    help="Bakes of each rung, which differ in their random numbers alone (default: 2).",
)
@click.option("--settings", "settings_file", type=SETTINGS_FILE, metavar="FILE", help="Start from this settings file.")
@click.option("--of", "of_bake", type=BAKE_NUMBER, metavar="N", help="Start from the settings of bake N.")
@OVERRIDES
@_HOLD
@_BAKE
@_DRY_RUN
@_JSON
@WORKSPACE
@exits
def start(
    spec_file: Path | None,
    knobs: tuple[str, ...],
    rungs: tuple[str, ...],
    preset: str | None,
    twins: int | None,
    settings_file: Path | None,
    of_bake: int | None,
    overrides: tuple[str, ...],
    held: bool,
    here: bool,
    dry_run: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Queue a ladder: rungs of a setting, each baked with its twins.

    Without --settings and --of it starts from what SPEC.toml names, else from the last bake (where that is a rung, from what its ladder
    started from), else from the only settings file of the workspace.
    """
    from trainer.journal.journal import Journal
    from trainer.ladders.queue import preview_ladder, queue_ladder
    from trainer.workspace import check_writable

    if held and here:
        raise click.UsageError("--hold and --bake exclude each other: give one of them")
    asked = _asked(spec_file, knobs, rungs, preset)
    if settings_file is not None or of_bake is not None:
        asked = replace(asked, settings="" if settings_file is None else str(settings_file.absolute()), of_bake=of_bake)
    asked = replace(
        asked,
        twins=asked.twins if twins is None else twins,
        base_settings=(*asked.base_settings, *overrides),
    )
    workspace = _workspace(folder, asked)
    if not dry_run:
        check_writable(workspace)
    with Journal(workspace.journal_path) as journal:
        settings, bake = _settings(journal, workspace, asked)
        spec, remarks = _spec(asked, settings)
        ready = preview_ladder(journal, workspace, settings, spec, of_bake=bake)
        ready = replace(ready, notes=(*remarks, *ready.notes))
        warn_of_damage(journal)
    if dry_run:
        return _print_preview(ready, as_json)
    return _queue(workspace, ready, queue_ladder, held=held, here=here, as_json=as_json)


@ladder.command(_LIST)
@_JSON
@WORKSPACE
@exits
def list_ladders(as_json: bool, folder: Path | None) -> ExitCode:
    """List the ladders, newest first."""
    from lora_tui.wording.ladder_text import ladder_json, ladder_line
    from trainer.journal.journal import Journal
    from trainer.ladders.state import ladder_states

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        states = ladder_states(journal)
        warn_of_damage(journal)
    if as_json:
        print_json({"workspace": str(workspace.root), "ladders": [ladder_json(state) for state in states]})
        return ExitCode.DONE
    if not states:
        click.echo("no ladders yet: `lora-tui ladder --knob unet_lr --rungs 0.1,1,10` makes one")
    for state in states:
        click.echo(ladder_line(state))
    return ExitCode.DONE


@ladder.command()
@_NUMBER
@_JSON
@click.option("--toml", "as_toml", is_flag=True, help="Print it as a file for `lora-tui ladder`.")
@WORKSPACE
@exits
def show(number: int, as_json: bool, as_toml: bool, folder: Path | None) -> ExitCode:
    """Show the rungs of ladder N and their bakes, what its measures answer, and what would make that surer."""
    from trainer.journal.journal import Journal
    from trainer.ladders.files import spec_toml
    from trainer.ladders.state import read_ladder, spec_of

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        if as_toml:
            click.echo(spec_toml(spec_of(read_ladder(journal, number))), nl=False)
            return ExitCode.DONE
        _print_ladder(journal, number, as_json=as_json, answered_in=workspace)
        warn_of_damage(journal)
    return ExitCode.DONE


@ladder.command()
@_NUMBER
@_RUNGS
@click.option("--twins", type=int, metavar="K", help="Bakes of each rung in all.")
@_HOLD
@_BAKE
@_DRY_RUN
@_JSON
@WORKSPACE
@exits
def extend(
    number: int,
    rungs: tuple[str, ...],
    twins: int | None,
    held: bool,
    here: bool,
    dry_run: bool,
    as_json: bool,
    folder: Path | None,
) -> ExitCode:
    """Add rungs to ladder N, or twins to each of its rungs."""
    from trainer.journal.journal import Journal
    from trainer.ladders.queue import extend_ladder, preview_extension
    from trainer.workspace import check_writable

    if held and here:
        raise click.UsageError("--hold and --bake exclude each other: give one of them")
    workspace = workspace_here(folder)
    if not dry_run:
        check_writable(workspace)
    with Journal(workspace.journal_path) as journal:
        ready = preview_extension(journal, workspace, number, rungs=_listed(rungs), twins=twins)
    if dry_run:
        return _print_preview(ready, as_json)
    return _queue(workspace, ready, extend_ladder, held=held, here=here, as_json=as_json)


@ladder.command()
@_NUMBER
@_RUNGS
@WORKSPACE
@exits
def cut(number: int, rungs: tuple[str, ...], folder: Path | None) -> ExitCode:
    """Take rungs out of ladder N.

    Their waiting bakes are withdrawn; those that run or are done stay in the journal. `ladder extend` brings a rung back.
    """
    from lora_tui.wording.ladder_text import cut_lines
    from trainer.journal.journal import Journal
    from trainer.ladders.queue import cut_ladder
    from trainer.workspace import check_writable

    labels = _listed(rungs)
    if not labels:
        raise click.UsageError("name the rungs to take out with --rungs")
    workspace = workspace_here(folder)
    check_writable(workspace)
    with Journal(workspace.journal_path) as journal:
        done = cut_ladder(journal, workspace, number, labels)
    for line in cut_lines(number, done):
        click.echo(line)
    return ExitCode.DONE


@ladder.command("continue")
@_NUMBER
@_HOLD
@_BAKE
@WORKSPACE
@exits
def continue_(number: int, held: bool, here: bool, folder: Path | None) -> ExitCode:
    """Queue again what of ladder N failed, was lost, stopped or withdrawn, and bake what is missing.

    A bake that has a training state is resumed from it.
    """
    from lora_tui.commands.run_here import run_here
    from lora_tui.wording.ladder_text import continued_lines
    from trainer.jobs.bakes import queue_engine
    from trainer.journal.journal import Journal
    from trainer.ladders.queue import continue_ladder
    from trainer.workspace import check_writable

    workspace = workspace_here(folder)
    check_writable(workspace)

    def queue(journal: "Journal", engine: str) -> bool:
        done = continue_ladder(journal, workspace, number, engine=engine, held=held)
        waiting = _take_over(journal, workspace, number, engine) if here else []
        for line in continued_lines(number, done, waiting):
            click.echo(line)
        for note in done.notes:
            print_note(note)
        return bool(done.resumed or done.queued)

    if here:
        return run_here(workspace, queue)
    engine = queue_engine(workspace)
    with Journal(workspace.journal_path) as journal:
        journal.bakes.mark_lost()
        waits = queue(journal, engine)
    if waits and not engine:
        click.echo(NOT_RUNNING)
    return ExitCode.DONE


@ladder.command()
@_NUMBER
@WORKSPACE
@exits
def hold(number: int, folder: Path | None) -> ExitCode:
    """Hold the waiting bakes of ladder N."""
    return _set_held(number, folder, True)


@ladder.command()
@_NUMBER
@WORKSPACE
@exits
def release(number: int, folder: Path | None) -> ExitCode:
    """Release the held bakes of ladder N."""
    return _set_held(number, folder, False)


def _set_held(number: int, folder: Path | None, held: bool) -> ExitCode:
    from trainer.journal.journal import Journal
    from trainer.ladders.queue import hold_ladder
    from trainer.workspace import check_writable

    workspace = workspace_here(folder)
    check_writable(workspace)
    with Journal(workspace.journal_path) as journal:
        changed = hold_ladder(journal, number, held)
    what = numbered("bake", changed) or "no bake"
    click.echo(f"{'held' if held else 'released'}: {what}")
    return ExitCode.DONE


def _asked(spec_file: Path | None, knobs: Sequence[str], rungs: Sequence[str], preset: str | None) -> "AskedLadder":
    """Return the ladder that a file or the options ask for."""
    from trainer.ladders.build import axis_of
    from trainer.ladders.files import AskedLadder, read_spec

    if sum((spec_file is not None, bool(knobs or rungs), preset is not None)) > 1:
        raise click.UsageError("SPEC.toml, --knob and --preset exclude each other: give one of them")
    if preset is not None:
        return AskedLadder(preset=preset)
    if spec_file is not None:
        asked = read_spec(real_path(spec_file))
        if asked.settings:
            # Relative to the file it stands in.
            asked = replace(asked, settings=str(real_path(spec_file).parent / user_path(asked.settings, "settings")))
        return asked
    if not knobs:
        raise click.UsageError("give SPEC.toml, --preset KEY, or --knob SETTING and --rungs A,B,…")
    if len(knobs) != len(rungs):
        raise click.UsageError("give each --knob its --rungs, in the same order")
    pairs = zip(knobs, rungs, strict=True)
    return AskedLadder(axes=tuple(axis_of(knob, _listed([row])) for knob, row in pairs))


def _spec(asked: "AskedLadder", settings: "Settings") -> "tuple[LadderSpec, tuple[str, ...]]":
    """Return the ladder that is asked for, and what its preset says to know before; a preset that has no rungs of its own makes them."""
    from trainer.ladders.build import DEFAULT_TWINS
    from trainer.ladders.presets import preset_ladder

    if asked.has_rungs or not asked.preset:
        return asked.spec(settings), ()
    twins = DEFAULT_TWINS if asked.twins is None else asked.twins
    made = preset_ladder(asked.preset, settings, twins=twins, base_settings=asked.base_settings)
    return made.spec, made.remarks


def _listed(rungs: Sequence[str]) -> list[str]:
    """Return typed rungs; commas stand between them."""
    return [part.strip() for text in rungs for part in text.split(",") if part.strip()]


def _workspace(folder: Path | None, asked: "AskedLadder") -> "Workspace":
    """Return the workspace that a ladder goes to: the one asked for, else that of its settings file, else the one here."""
    from trainer.workspace import find_workspace

    found = find_workspace(real_path(Path(asked.settings)).parent) if folder is None and asked.settings else None
    return found or workspace_here(folder)


def _settings(journal: "Journal", workspace: "Workspace", asked: "AskedLadder") -> "tuple[Settings, int | None]":
    """Return the settings that a ladder starts from, every path filled in, and the bake that they are of.

    Raises:
        SettingsError: nothing says which.
    """
    from trainer.ladders.queue import newest_settings, settings_of_bake
    from trainer.settings.subject import resolve
    from trainer.settings.toml_file import load_settings

    if asked.settings and asked.of_bake is not None:
        raise click.UsageError("--settings and --of exclude each other: give one of them")
    if asked.settings:
        path = real_path(Path(asked.settings))
        return resolve(load_settings(path), path), None
    if asked.of_bake is not None:
        return settings_of_bake(journal, asked.of_bake), asked.of_bake
    if (newest := newest_settings(journal)) is not None:
        return newest
    files = workspace.settings_files()
    if len(files) != 1:
        names = ", ".join(printable(path.name, 40) for path in files[:5])
        raise SettingsError(
            "the settings to start from",
            found=f"several files: {names}" if files else "no settings file in the workspace, and no bake that ran",
            expected="one",
            way_out="name one with --settings FILE, or a bake with --of N",
        )
    return resolve(load_settings(files[0]), files[0]), None


def _print_preview(ready: "LadderToQueue", as_json: bool) -> ExitCode:
    from lora_tui.wording.ladder_text import to_queue_json, to_queue_lines

    if as_json:
        print_json(to_queue_json(ready))
        return ExitCode.DONE
    for line in to_queue_lines(ready):
        click.echo(line)
    for note in ready.notes:
        print_note(note)
    return ExitCode.DONE


def _queue(
    workspace: "Workspace",
    ready: "LadderToQueue",
    queue_all: Callable[..., int],
    *,
    held: bool,
    here: bool,
    as_json: bool,
) -> ExitCode:
    """Queue a ladder, or what is added to one, print it, and bake it where that is asked for."""
    from lora_tui.commands.run_here import run_here
    from lora_tui.wording.ladder_text import cost_text
    from trainer.jobs.bakes import queue_engine
    from trainer.journal.journal import Journal

    numbers: list[int] = []

    def queue(journal: "Journal", engine: str) -> None:
        number = queue_all(journal, workspace, ready, engine=engine, held=held)
        numbers.append(number)
        if here:
            _take_over(journal, workspace, number, engine)
        _print_ladder(journal, number, as_json=as_json)
        if not as_json:
            click.echo(f"  {cost_text(ready)}")
        for note in ready.notes:
            print_note(note, err=as_json)

    if here:
        code = run_here(workspace, queue)
        with Journal(workspace.journal_path) as journal:
            _print_ladder(journal, numbers[0], as_json=as_json, answered_in=workspace)
        return code
    engine = queue_engine(workspace)
    with Journal(workspace.journal_path) as journal:
        queue(journal, engine)
    if ready.count and not engine and not as_json:
        click.echo(NOT_RUNNING)
    return ExitCode.DONE


def _take_over(journal: "Journal", workspace: "Workspace", number: int, engine: str) -> list[int]:
    """Give an engine the bakes of a ladder that an earlier lora-tui left in the queue, and return them."""
    from trainer.jobs.orphaned import orphaned_jobs

    own = {place.bake for place in journal.ladders.bakes_of(number) if not place.cut}
    left = [bake.number for bake in orphaned_jobs(journal, workspace) if bake.number in own and not bake.held]
    return journal.queue.take_over(left, engine)


def _print_ladder(journal: "Journal", number: int, *, as_json: bool, answered_in: "Workspace | None" = None) -> None:
    """Print a ladder; with the workspace that its bakes are in, what it answers, too."""
    from lora_tui.wording.ladder_answer import answer_json, answer_lines
    from lora_tui.wording.ladder_text import ladder_json, ladder_lines
    from trainer.ladders.read import answer_of
    from trainer.ladders.state import ladder_state

    state = ladder_state(journal, number)
    answer = None if answered_in is None else answer_of(journal, answered_in, state)
    if as_json:
        print_json(ladder_json(state) | ({} if answer is None else {"answer": answer_json(state.spec, answer)}))
        return
    for line in (*ladder_lines(state), *(() if answer is None else answer_lines(state.spec, answer))):
        click.echo(line)
