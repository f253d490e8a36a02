"""`lora-tui queue`: the bakes in line, when each will begin and end, and what a user does to them."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import click

from lora_tui.commands.exits import exits, print_json, workspace_here
from lora_tui.wording.job_names import called
from trainer.errors import ExitCode, SettingsError
from trainer.text import printable

_PATH = click.Path(path_type=Path)
_IN = click.option(
    "--in", "folder", type=_PATH, metavar="DIR", help="The workspace (default: here, else the last used)."
)
_NUMBER = click.argument("number", type=int, metavar="N")


@click.group(invoke_without_command=True)
@_IN
@click.option("--json", "as_json", is_flag=True, help="The queue as JSON.")
@click.pass_context
def queue(context: click.Context, folder: Path | None, as_json: bool) -> None:
    """Show the bakes in line and when each is expected to begin and end."""
    if context.invoked_subcommand is None:
        _show(folder, as_json)


@exits
def _show(folder: Path | None, as_json: bool) -> ExitCode:
    from lora_tui.wording.queue import queue_json, queue_lines, read_queue_view
    from trainer.journal.journal import Journal

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        line = read_queue_view(journal, workspace, time.time())
    if as_json:
        print_json(queue_json(line))
        return ExitCode.DONE
    for text in queue_lines(line):
        click.echo(text)
    return ExitCode.DONE


@queue.command()
@click.argument("settings_files", type=_PATH, nargs=-1, required=True, metavar="SETTINGS.toml…")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting, in each of them.")
@click.option("--why", default="", help="A line for the journal: why this bake.")
@click.option(
    "--not-before", default="", metavar="TIME", help="Begin then at the earliest: `22:30`, or `2026-02-01 22:30`."
)
@click.option("--hold", "held", is_flag=True, help="Wait for `queue release`.")
@click.option(
    "--if-fails", type=click.Choice(["go-on", "hold"]), default="go-on", help="What becomes of those behind it."
)
@exits
def add(
    settings_files: tuple[Path, ...],
    overrides: tuple[str, ...],
    why: str,
    not_before: str,
    held: bool,
    if_fails: str,
) -> ExitCode:
    """Put bakes at the end of the queue; all are checked before the first is queued."""
    from trainer.jobs.bakes import check, queue_bake, queue_engine
    from trainer.journal.journal import Journal
    from trainer.settings.toml_file import load_settings
    from trainer.workspace import find_workspace, make_workspace, remember_workspace

    begin = moment(not_before, datetime.now()) if not_before.strip() else None
    paths = [path.expanduser().resolve() for path in settings_files]
    ready = [check(load_settings(path, overrides), path) for path in paths]
    on_failure: Literal["go on", "hold"] = "hold" if if_fails == "hold" else "go on"
    for path, each in zip(paths, ready, strict=True):
        workspace = find_workspace(path.parent) or make_workspace(path.parent)
        engine = queue_engine(workspace)
        with Journal(workspace.journal_path) as journal:
            bake = queue_bake(
                journal,
                workspace,
                each,
                why=why,
                engine=engine,
                not_before=begin,
                held=held,
                on_failure=on_failure,
            )
        for note in (*each.data.notes, *each.plan.warnings):
            click.echo(f"! {printable(note)}")
        click.echo(f"bake {bake.number} {printable(bake.name)} waits in {printable(str(workspace.root))}")
        if not engine:
            click.echo("nobody works on this queue: `lora-tui queue run` begins, the dashboard offers to")
        remember_workspace(workspace)
    return ExitCode.DONE


@queue.command()
@_NUMBER
@click.option("--before", type=int, metavar="M", help="Put it before bake M.")
@click.option("--last", is_flag=True, help="Put it at the end.")
@_IN
@exits
def move(number: int, before: int | None, last: bool, folder: Path | None) -> ExitCode:
    """Put bake N at another place in the queue."""
    from trainer.journal.journal import Journal

    if (before is None) != last:
        raise click.UsageError("give --before M or --last")
    with Journal(workspace_here(folder).journal_path) as journal:
        journal.queue.move(number, before)
    click.echo(f"bake {number} comes {'last' if before is None else f'before bake {before}'}")
    return ExitCode.DONE


@queue.command()
@_NUMBER
@_IN
@exits
def remove(number: int, folder: Path | None) -> ExitCode:
    """Take bake N out of the queue."""
    from trainer.journal.journal import Journal

    with Journal(workspace_here(folder).journal_path) as journal:
        journal.queue.remove(number)
    click.echo(f"bake {number} is out of the queue")
    return ExitCode.DONE


@queue.command()
@_NUMBER
@_IN
@exits
def hold(number: int, folder: Path | None) -> ExitCode:
    """Let bake N wait until it is released, and the others pass it."""
    return _set_held(folder, number, True)


@queue.command()
@_NUMBER
@_IN
@exits
def release(number: int, folder: Path | None) -> ExitCode:
    """Let a held bake N begin when its turn comes."""
    return _set_held(folder, number, False)


@queue.command("test-grid")
@click.option("--why", default="", help="A line for the journal.")
@_IN
@exits
def test_grid(why: str, folder: Path | None) -> ExitCode:
    """Put the subject's test grid behind the bakes: over their epochs and the champion, made when its turn comes."""
    from trainer.jobs.bakes import queue_engine
    from trainer.jobs.grids import queue_test_grid
    from trainer.journal.journal import Journal

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        job = queue_test_grid(journal, workspace, engine=queue_engine(workspace), why=why)
    click.echo(f"{called(job)} waits in the queue as {job.number}: {printable(job.why)}")
    if not job.engine:
        click.echo("nobody works on this queue: `lora-tui queue run` begins, the dashboard offers to")
    return ExitCode.DONE


@queue.command()
@_NUMBER
@click.argument("changes", nargs=-1, required=True, metavar="KEY=VALUE...")
@_IN
@exits
def change(number: int, changes: tuple[str, ...], folder: Path | None) -> ExitCode:
    """Give bake N, which waits, other settings."""
    from trainer.jobs.proposals import change_held_bake
    from trainer.journal.journal import Journal

    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        changed = change_held_bake(journal, workspace, number, changes)
    click.echo(f"bake {number} waits with {printable(', '.join(changes))}: {changed.total_steps:,} steps")
    return ExitCode.DONE


@queue.command()
@_IN
@exits
def run(folder: Path | None) -> ExitCode:
    """Bake what waits here, one after the other, without the dashboard; a bake that fails ends none but itself.

    Takes over what was left in the queue by programs that are gone. Exits with the worst code of its bakes.
    """
    from lora_tui.headless.follow import follow_all
    from trainer.engine.engine import Engine
    from trainer.jobs.bakes import orphaned_jobs
    from trainer.journal.journal import Journal
    from trainer.machine.engines import register_engine
    from trainer.memory.lazy_predictor import predictor_for
    from trainer.workspace import remember_workspace

    workspace = workspace_here(folder)
    predictor = predictor_for(workspace.root)
    engine = Engine(workspace, predictor=predictor)
    register_engine(engine.key, workspace.root, takes_queue=True)
    with Journal(workspace.journal_path) as journal:
        journal.bakes.mark_lost()
        taken = journal.queue.take_over([bake.number for bake in orphaned_jobs(journal, workspace)], engine.key)
        others = [bake for bake in journal.queue.waiting() if bake.engine != engine.key]
    if others:
        click.echo(f"{len(others)} more wait for another lora-tui that is at work here")
    if not taken:
        click.echo("nothing waits for us")
        return ExitCode.DONE
    remember_workspace(workspace)
    click.echo(f"takes over {len(taken)}: {', '.join(map(str, taken))}")
    engine.start()
    code = follow_all(engine)
    engine.close(wait=10)
    if predictor is not None:
        predictor.close()
    return code


def moment(text: str, now: datetime) -> float:
    """Return the epoch seconds of a local time: `22:30` is the next one to come, `2026-02-01 22:30` is just that.

    Raises:
        SettingsError: it is no time, or it is past.
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
        raise SettingsError("--not-before", found=f"{printable(text, 60)}, which is past", expected="a time to come")
    return then


def _set_held(folder: Path | None, number: int, held: bool) -> ExitCode:
    from trainer.journal.journal import Journal

    with Journal(workspace_here(folder).journal_path) as journal:
        journal.queue.set_held(number, held)
    click.echo(f"bake {number} is {'held' if held else 'released'}")
    return ExitCode.DONE
