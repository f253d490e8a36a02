"""Orders to a running bake from another terminal: `order`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.options import BAKE_NUMBER, WORKSPACE
from trainer.errors import ExitCode, SettingsError, WorkspaceError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.journal.records import Bake, GivenOrder
    from trainer.workspace import Workspace

# Each is a member of Order by its name; the records cost every `lora-tui --help` a tenth of a second.
_ORDERS = ("pause", "resume", "stop", "stop-at-epoch", "save", "free", "set")
_POLL_SECONDS = 0.1


@click.command()
@click.argument("number", type=BAKE_NUMBER, metavar="N")
@click.argument("word", type=click.Choice(_ORDERS), metavar=" | ".join(_ORDERS))
@click.argument("change", required=False, default="", metavar="[NAME=VALUE]")
@click.option("--wait", default=10.0, metavar="SECONDS", help="Seconds to wait for the bake to obey (default: 10).")
@WORKSPACE
@exits
def order(number: int, word: str, change: str, wait: float, folder: Path | None) -> ExitCode:
    """Send an order to the running bake N.

    \b
    pause          pause; the model stays loaded
    resume         resume a paused or parked bake
    stop           stop after the current step and save
    stop-at-epoch  stop at the end of the epoch
    save           save a LoRA file and a state now
    free           save the state and unload the model from the GPU
    set            change a live setting, as in `set unet_lr=5e-5`

    `set text_encoder_stop=now` stops training the text encoder after the current step; what it learned is kept.
    `text_encoder_stop2=now` does so with SDXL's second one, `unet_stop=now` with the U-Net.
    """
    from trainer.journal.journal import Journal
    from trainer.journal.records import BakeState, Order

    wanted = Order[word.replace("-", "_").upper()]
    if wanted is Order.SET and not change:
        raise click.UsageError(f"`set` takes NAME=VALUE: write `{_set_command(number)} unet_lr=5e-5`")
    if change and wanted is not Order.SET:
        raise click.UsageError(f"only `set` takes NAME=VALUE: `lora-tui order {number} {word}` stands alone")
    workspace = workspace_here(folder)
    with Journal(workspace.journal_path) as journal:
        journal.bakes.mark_lost()
        bake = journal.bakes.read(number)
        if wanted is Order.RESUME and bake.state is BakeState.PARKED:
            return _resume_parked(journal, workspace, bake)
        _check_running(bake)
        if wanted is Order.SET:
            change = checked_change(bake, change)
        given = journal.orders.give(number, wanted, change)
        return _await_obeyed(journal, bake, given, wait)


def _set_command(number: int) -> str:
    return f"lora-tui order {number} set"


def _check_running(bake: "Bake") -> None:
    """See that the bake can obey an order.

    Raises:
        WorkspaceError: it is not running.
    """
    from trainer.journal.records import BakeState

    if bake.state is BakeState.QUEUED:
        raise WorkspaceError(
            f"bake {bake.number}",
            found="it is still queued",
            expected="a running bake",
            way_out="hold, move or remove it with `lora-tui queue`",
        )
    if not bake.state.live:
        again = "fork" if bake.state is BakeState.DONE else "resume"
        raise WorkspaceError(
            f"bake {bake.number}",
            found=f"is {bake.state}",
            expected="a running bake",
            way_out=f"continue it with `lora-tui {again} {bake.number}`",
        )


def checked_change(bake: "Bake", change: str) -> str:
    """Return `change` (`name=value`) in its plain form, if it is one that a running bake can take.

    Raises:
        SettingsError: it is malformed, its setting is not live, or the value is wrong.
    """
    from trainer.jobs.live_settings import change_setting
    from trainer.settings.describe import field, is_setting
    from trainer.settings.toml_file import parse_settings
    from trainer.settings.typed import split_override

    name, text = split_override(change, _set_command(bake.number))
    change_setting(parse_settings(bake.settings_toml, f"bake {bake.number}"), name, text)
    if is_setting(name) and not field(name).live:
        raise SettingsError(
            name,
            found="cannot change while baking",
            expected="a live setting",
            way_out=f"start a new bake with the change: `lora-tui fork {bake.number} --set {name}=…`",
        )
    return f"{name}={text.strip()}"


def _resume_parked(journal: "Journal", workspace: "Workspace", bake: "Bake") -> ExitCode:
    """Put a parked bake at the front of the queue of a running engine.

    Raises:
        WorkspaceError: no engine is running in this workspace.
        ModelError: a model is not the one it was baked on.
    """
    from trainer.jobs.fork import resume
    from trainer.machine.engines import running_engines

    takers = [engine.key for engine in running_engines(workspace.root) if engine.takes_queue]
    if not takers:
        raise WorkspaceError(
            f"bake {bake.number}",
            found="is parked and no lora-tui is running here to resume it",
            way_out=f"resume it in this terminal with `lora-tui resume {bake.number}`",
        )
    resume(journal, bake.number, bake.engine if bake.engine in takers else takers[0])
    click.echo(f"bake {bake.number} resumes when the GPU is free")
    return ExitCode.DONE


def _await_obeyed(journal: "Journal", bake: "Bake", given: int, seconds: float) -> ExitCode:
    """Wait for the order to be obeyed, and print its outcome.

    Raises:
        WorkspaceError: it was refused.
    """
    end = time.monotonic() + seconds
    while (order := _find(journal, bake.number, given)).obeyed is None:
        if time.monotonic() >= end:
            click.echo(f"bake {bake.number}: {order.order} was recorded, but the bake has not obeyed it yet")
            return ExitCode.DONE
        time.sleep(_POLL_SECONDS)
    if order.answer:
        raise WorkspaceError(f"bake {bake.number}", found=f"{order.order}: {order.answer}")
    what = f"{order.order} {printable(order.argument)}".strip()
    click.echo(f"bake {bake.number}: {what}, obeyed")
    return ExitCode.DONE


def _find(journal: "Journal", bake: int, given: int) -> "GivenOrder":
    return next(one for one in journal.orders.read(bake) if one.id == given)
