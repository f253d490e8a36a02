"""`lora-tui order`: tell a bake at work something from another terminal."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, workspace_here
from trainer.errors import ExitCode, SettingsError, WorkspaceError
from trainer.journal.records import Bake, BakeState, GivenOrder, Order
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.workspace import Workspace

_WORDS = {
    "pause": Order.PAUSE,
    "go-on": Order.GO_ON,
    "stop": Order.STOP,
    "stop-at-epoch": Order.STOP_AT_EPOCH,
    "save": Order.SAVE,
    "free": Order.FREE,
    "set": Order.SET,
}
_LOOK_EVERY = 0.1


@click.command()
@click.argument("number", type=int, metavar="N")
@click.argument("word", type=click.Choice(list(_WORDS)), metavar=" | ".join(_WORDS))
@click.argument("change", required=False, default="", metavar="[NAME=VALUE]")
@click.option("--in", "folder", type=click.Path(path_type=Path), metavar="DIR", help="The workspace (default: here).")
@click.option("--wait", default=10.0, metavar="SECONDS", help="Wait so long for it to be obeyed (default: 10).")
@exits
def order(number: int, word: str, change: str, folder: Path | None, wait: float) -> ExitCode:
    """Tell bake N to pause (the model stays), go on, stop, save, free the card, or change a live setting.

    `set text_encoder_stop=now` stops the text encoder after the step at work; its LoRA stays in force and in the file.
    `text_encoder_stop2=now` does so with SDXL's second one, `unet_stop=now` with the U-Net.
    """
    from trainer.journal.journal import Journal

    wanted = _WORDS[word]
    if (wanted is Order.SET) != bool(change):
        raise click.UsageError("`set` takes NAME=VALUE, the others take none")
    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        journal.bakes.mark_lost()
        bake = journal.bakes.read(number)
        if wanted is Order.GO_ON and bake.state is BakeState.PARKED:
            return _take_up(journal, workspace, bake)
        _check(bake)
        if wanted is Order.SET:
            change = checked_change(bake, change)
        given = journal.orders.give(number, wanted, change)
        return _await(journal, bake, given, wait)


def _check(bake: Bake) -> None:
    """See that the bake is there to obey.

    Raises:
        WorkspaceError: it is not at work.
    """
    if bake.state is BakeState.QUEUED:
        raise WorkspaceError(
            f"bake {bake.number}", found="it waits in the queue", way_out="`lora-tui queue` holds, moves and removes it"
        )
    if not bake.state.live:
        lost = bake.state in (BakeState.LOST, BakeState.PARKED)
        raise WorkspaceError(
            f"bake {bake.number}",
            found=f"is {bake.state}",
            expected="a bake at work",
            way_out=f"`lora-tui resume {bake.number}` takes it up again" if lost else "",
        )


def checked_change(bake: Bake, change: str) -> str:
    """Return `change` (`name=value`) in its plain form, if it is one that the bake at work can take.

    Raises:
        SettingsError: it is malformed, its setting is not live, or the value is wrong.
    """
    from trainer.jobs.live_settings import changed
    from trainer.settings.describe import field, is_setting
    from trainer.settings.toml_file import parse_settings
    from trainer.settings.typed import split_override

    name, text = split_override(change)
    changed(parse_settings(bake.settings_toml, f"bake {bake.number}"), name, text)
    if is_setting(name) and not field(name).live:
        raise SettingsError(
            name,
            found="cannot change while baking",
            expected="a live setting",
            way_out=f"`lora-tui fork {bake.number}` begins a bake that has it changed",
        )
    return f"{name}={text.strip()}"


def _take_up(journal: "Journal", workspace: "Workspace", bake: Bake) -> ExitCode:
    """Put a parked bake at the front of the queue of an engine that is there to take it.

    Raises:
        WorkspaceError: there is none.
    """
    from trainer.machine.engines import running_engines

    takers = [engine.key for engine in running_engines(workspace.root) if engine.takes_queue]
    if not takers:
        raise WorkspaceError(
            f"bake {bake.number}",
            found="is parked, and no lora-tui is at work here that would take it",
            way_out=f"`lora-tui resume {bake.number}` goes on with it",
        )
    journal.queue.requeue(bake.number, bake.engine if bake.engine in takers else takers[0])
    click.echo(f"bake {bake.number} goes on when the card is free")
    return ExitCode.DONE


def _await(journal: "Journal", bake: Bake, given: int, seconds: float) -> ExitCode:
    """Print what became of the order, waiting for it a while.

    Raises:
        WorkspaceError: it was refused.
    """
    end = time.monotonic() + seconds
    while (told := _find(journal, bake.number, given)).obeyed is None:
        if time.monotonic() >= end:
            click.echo(f"bake {bake.number}: {told.order} stands in the journal and was not obeyed yet")
            return ExitCode.DONE
        time.sleep(_LOOK_EVERY)
    if told.answer:
        raise WorkspaceError(f"bake {bake.number}", found=f"{told.order}: {told.answer}")
    what = f"{told.order} {printable(told.argument)}".strip()
    click.echo(f"bake {bake.number}: {what}, obeyed")
    return ExitCode.DONE


def _find(journal: "Journal", bake: int, given: int) -> GivenOrder:
    return next(one for one in journal.orders.read(bake) if one.id == given)
