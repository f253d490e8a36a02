"""The queue: when each bake starts and ends, and the changes a user makes to it: `queue`."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import click

from lora_tui.commands.exits import (
    checked_bake,
    exits,
    print_json,
    print_note,
    print_warnings,
    warn_of_damage,
    workspace_here,
)
from lora_tui.commands.options import BAKE_NUMBER, OVERRIDES, SETTINGS_FILE, WHY, WORKSPACE
from lora_tui.commands.run_here import engine_here
from lora_tui.wording.job_names import job_label
from lora_tui.wording.not_running import NOT_RUNNING
from lora_tui.wording.numbers import steps_in_all
from trainer.errors import ExitCode, SettingsError
from trainer.refusals import real_path
from trainer.text import plural, printable

_NUMBER = click.argument("number", type=BAKE_NUMBER, metavar="N")


@click.group(invoke_without_command=True)
@WORKSPACE
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def queue(context: click.Context, folder: Path | None, as_json: bool) -> None:
    """Show or change the queue."""
    if context.invoked_subcommand is None:
        _show(folder, as_json)


@exits
def _show(folder: Path | None, as_json: bool) -> ExitCode:
    from lora_tui.wording.queue import queue_json, queue_lines, read_queue_view
    from trainer.journal.journal import Journal

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        view = read_queue_view(journal, workspace, time.time())
        unwritable = journal.unwritable
        warn_of_damage(journal)
    if as_json:
        print_json(queue_json(view))
        return ExitCode.DONE
    if unwritable:
        print_note(unwritable, err=True)
    for text in queue_lines(view):
        click.echo(text)
    return ExitCode.DONE


@queue.command()
@click.argument("settings_files", type=SETTINGS_FILE, nargs=-1, required=True, metavar="SETTINGS.toml…")
@OVERRIDES
@WHY
@click.option(
    "--not-before",
    default="",
    metavar="TIME",
    help="Do not start them before this time: `22:30` or `2026-02-01 22:30`.",
)
@click.option("--hold", "held", is_flag=True, help="Hold them until `lora-tui queue release`.")
@click.option(
    "--if-fails",
    type=click.Choice(["continue", "hold"]),
    default="continue",
    help="What to do with later bakes if one of these fails (default: continue).",
)
@exits
def add(
    settings_files: tuple[Path, ...],
    overrides: tuple[str, ...],
    why: str,
    not_before: str,
    held: bool,
    if_fails: Literal["continue", "hold"],
) -> ExitCode:
    """Add bakes to the end of the queue. All are checked before the first is queued."""
    from trainer.jobs.bakes import check, queue_bake, queue_engine
    from trainer.journal.journal import Journal
    from trainer.settings.toml_file import load_settings
    from trainer.workspace import find_workspace_to_write, make_workspace, remember_workspace

    start = parse_time(not_before, datetime.now()) if not_before.strip() else None
    paths = [real_path(path) for path in settings_files]
    for path in paths:
        find_workspace_to_write(path.parent)
    planned = [check(load_settings(path, overrides), path) for path in paths]
    checked = [checked_bake(each, path) for path, each in zip(paths, planned, strict=True)]
    for path, each, results in zip(paths, planned, checked, strict=True):
        workspace = find_workspace_to_write(path.parent) or make_workspace(path.parent)
        engine = queue_engine(workspace)
        with Journal(workspace.journal_path) as journal:
            bake = queue_bake(
                journal,
                workspace,
                each,
                why=why,
                engine=engine,
                not_before=start,
                held=held,
                on_failure=if_fails,
            )
        print_warnings(results)
        click.echo(f"queued bake {bake.number} {printable(bake.name)} in {printable(str(workspace.root))}")
        if not engine:
            click.echo(NOT_RUNNING)
        remember_workspace(workspace)
    return ExitCode.DONE


@queue.command()
@_NUMBER
@click.option("--before", type=BAKE_NUMBER, metavar="M", help="Move it before bake M.")
@click.option("--last", is_flag=True, help="Move it to the end.")
@WORKSPACE
@exits
def move(number: int, before: int | None, last: bool, folder: Path | None) -> ExitCode:
    """Move bake N to another place in the queue."""
    from trainer.journal.journal import Journal

    if (before is None) != last:
        raise click.UsageError("give either --before M or --last")
    with Journal(workspace_here(folder).journal_path) as journal:
        journal.queue.move(number, before)
    click.echo(f"bake {number} is now {'last' if before is None else f'before bake {before}'}")
    return ExitCode.DONE


@queue.command()
@_NUMBER
@WORKSPACE
@exits
def remove(number: int, folder: Path | None) -> ExitCode:
    """Remove bake N from the queue."""
    from trainer.journal.journal import Journal

    with Journal(workspace_here(folder).journal_path) as journal:
        journal.queue.remove(number)
    click.echo(f"removed bake {number} from the queue")
    return ExitCode.DONE


@queue.command()
@_NUMBER
@WORKSPACE
@exits
def hold(number: int, folder: Path | None) -> ExitCode:
    """Hold bake N until it is released; bakes behind it still run."""
    return _set_held(folder, number, True)


@queue.command()
@_NUMBER
@WORKSPACE
@exits
def release(number: int, folder: Path | None) -> ExitCode:
    """Release the held bake N."""
    return _set_held(folder, number, False)


@queue.command("test-grid")
@WHY
@WORKSPACE
@exits
def test_grid(why: str, folder: Path | None) -> ExitCode:
    """Add the subject's test grid to the queue.

    It will compare the epochs of the bakes before it and the champion.
    """
    from trainer.jobs.bakes import queue_engine
    from trainer.jobs.grids import queue_test_grid
    from trainer.journal.journal import Journal

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        job = queue_test_grid(journal, workspace, engine=queue_engine(workspace), why=why)
    click.echo(f"queued {job_label(job)} as job {job.number}: {printable(job.why)}")
    if not job.engine:
        click.echo(NOT_RUNNING)
    return ExitCode.DONE


@queue.command()
@_NUMBER
@click.argument("changes", nargs=-1, required=True, metavar="KEY=VALUE...")
@WORKSPACE
@exits
def change(number: int, changes: tuple[str, ...], folder: Path | None) -> ExitCode:
    """Change settings of the queued bake N."""
    from trainer.jobs.proposals import change_held_bake
    from trainer.journal.journal import Journal

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        changed = change_held_bake(journal, workspace, number, changes)
    click.echo(f"changed bake {number}: {printable(', '.join(changes))}; {steps_in_all(changed.total_steps)}")
    return ExitCode.DONE


@queue.command()
@WORKSPACE
@exits
def run(folder: Path | None) -> ExitCode:
    """Run the queue in this terminal.

    The bakes run one after the other, with those that an earlier lora-tui left in the queue. A failed bake does not
    stop the others. The exit code is the worst of the bakes' codes.
    """
    from lora_tui.headless.follow import follow_all
    from trainer.jobs.orphaned import orphaned_jobs
    from trainer.journal.journal import Journal
    from trainer.workspace import remember_workspace

    workspace = workspace_here(folder)
    with engine_here(workspace, takes_queue=True) as engine:
        with Journal(workspace.journal_path) as journal:
            journal.bakes.mark_lost()
            taken = journal.queue.take_over([bake.number for bake in orphaned_jobs(journal, workspace)], engine.key)
            others = [bake for bake in journal.queue.waiting() if bake.engine != engine.key]
            warn_of_damage(journal)
        if others:
            click.echo(f"{plural(len(others), 'more job')} queued for another lora-tui running here")
        if not taken:
            click.echo("nothing to do")
            return ExitCode.DONE
        remember_workspace(workspace)
        click.echo(f"running {plural(len(taken), 'job')}: {', '.join(map(str, taken))}")
        engine.start()
        code = follow_all(engine)
        engine.close(wait=10)
    return code


def parse_time(text: str, now: datetime) -> float:
    """Return the epoch seconds of a local time: `22:30` (the next one after `now`) or `2026-02-01 22:30`.

    Raises:
        SettingsError: it is not a time, or it has passed.
    """
    text = text.strip()
    try:
        clock = datetime.strptime(text, "%H:%M")
    except ValueError:
        return _date(text, now)
    then = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return (then if then > now else then + timedelta(days=1)).timestamp()


def _date(text: str, now: datetime) -> float:
    try:
        then = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise SettingsError(
            "--not-before", found=printable(text, 60), expected="`22:30` or `2026-02-01 22:30`, local time"
        ) from None
    if then <= now.timestamp():
        raise SettingsError("--not-before", found=f"{printable(text, 60)} has passed", expected="a time in the future")
    return then


def _set_held(folder: Path | None, number: int, held: bool) -> ExitCode:
    from trainer.journal.journal import Journal

    with Journal(workspace_here(folder).journal_path) as journal:
        journal.queue.set_held(number, held)
    click.echo(f"bake {number} is {'held' if held else 'released'}")
    return ExitCode.DONE
