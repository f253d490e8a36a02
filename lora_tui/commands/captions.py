"""Captions: their tags, edits of them, and the history of edits with undo: `captions`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.caption_edits import (
    FOLDER,
    JSON,
    ONLY,
    PLACE,
    add,
    front,
    remove,
    rename,
    replace,
    say_left,
    sort,
    tidy,
    write,
)
from lora_tui.commands.caption_looks import convention, pairs, remarks
from lora_tui.commands.caption_tag import tag
from lora_tui.commands.exits import exits, print_json, print_note
from lora_tui.commands.options import PATH
from trainer.errors import ExitCode
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.captions.history import CaptionHistory
    from trainer.captions.record import CaptionStep

_STEP = click.argument("number", type=int, metavar="N")
_HOME = click.option(
    "--in",
    "folder",
    type=PATH,
    metavar="DIR",
    help="Workspace, or the folder of pictures that was edited (default: here, else the last used).",
)


@click.group()
def captions() -> None:
    """Edit the captions of pictures, with a history in which each step can be undone.

    Each edit is planned first: `--dry-run` prints what would change. docs/captions.md says more.
    """


@captions.command()
@ONLY
@FOLDER
@PLACE
@JSON
@exits
def tags(only: tuple[str, ...], of_folder: str, folder: Path | None, as_json: bool) -> ExitCode:
    """List the tags with the number of captions that have each."""
    from lora_tui.actions.captions import caption_place, chosen_files
    from lora_tui.commands.progress_line import ProgressLine
    from lora_tui.wording.captions import tag_lines
    from trainer.captions.plan import count_tags

    files = chosen_files(caption_place(folder), only=only, folder=of_folder)
    with ProgressLine() as line:
        table = count_tags(files, lambda done, total: line(f"reading {done:,} of {plural(total, 'caption')}"))
    if as_json:
        unread = [{"path": str(each.path), "why": each.why} for each in table.unread]
        print_json({"captions": table.captions, "without": table.without, "unread": unread, "tags": dict(table.counts)})
        return ExitCode.DONE
    say_left(table.unread)
    for text in tag_lines(table.counts):
        click.echo(text)
    without = f", {plural(table.without, 'picture')} without one" if table.without else ""
    click.echo(f"{plural(len(table.counts), 'tag')} in {plural(table.captions, 'caption')}{without}", err=True)
    return ExitCode.DONE


for _command in (rename, remove, add, front, sort, replace, tidy, write, pairs, remarks, convention, tag):
    captions.add_command(_command)


@captions.command()
@click.argument("number", type=int, required=False, metavar="[N]")
@_HOME
@JSON
@exits
def history(number: int | None, folder: Path | None, as_json: bool) -> ExitCode:
    """List the steps, or print what step N changed."""
    from lora_tui.wording.captions import diff_lines, step_json, step_line

    steps = _history(folder)
    if number is None:
        found = steps.steps()
        for each in steps.damage():
            print_note(f"{each.path}: {each.why}", err=True)
        if as_json:
            print_json({"folder": str(steps.folder), "steps": [step_json(step) for step in found]})
            return ExitCode.DONE
        for step in found:
            click.echo(step_line(step))
        if not found:
            click.echo(f"no steps in {printable(str(steps.folder))}", err=True)
        return ExitCode.DONE
    step, changes = steps.step(number), steps.changes(number)
    if as_json:
        listed = [{"path": str(each.path), "before": each.before, "after": each.after} for each in changes]
        print_json({**step_json(step), "changes": listed})
        return ExitCode.DONE
    for change in changes:
        for line in diff_lines(change):
            click.echo(line)
    click.echo(step_line(step), err=True)
    return ExitCode.DONE


@captions.command()
@_STEP
@_HOME
@JSON
@exits
def undo(number: int, folder: Path | None, as_json: bool) -> ExitCode:
    """Put back what step N changed, also one that was interrupted.

    Captions that were changed since are left as they are, and named.
    """
    steps = _history(folder)
    return _turned(steps.undo, number, "undoing", as_json=as_json)


@captions.command()
@_STEP
@_HOME
@JSON
@exits
def redo(number: int, folder: Path | None, as_json: bool) -> ExitCode:
    """Write step N again, or complete it where it was interrupted."""
    steps = _history(folder)
    return _turned(steps.redo, number, "writing", as_json=as_json)


def _history(folder: Path | None) -> "CaptionHistory":
    from lora_tui.actions.captions import history_home
    from trainer.captions.history import CaptionHistory

    return CaptionHistory(history_home(folder))


def _turned(turn: "Callable[..., CaptionStep]", number: int, doing: str, *, as_json: bool) -> ExitCode:
    from lora_tui.commands.progress_line import ProgressLine
    from lora_tui.wording.captions import step_json, step_line

    with ProgressLine() as line:
        step = turn(number, show=lambda done, total: line(f"{doing} {done:,} of {plural(total, 'caption')}"))
    if as_json:
        print_json(step_json(step))
        return ExitCode.DONE
    click.echo(step_line(step))
    say_left(step.left)
    return ExitCode.DONE
