"""Bakes on other computers: `cluster`."""

import socket
import sys
import uuid
from pathlib import Path

import click

from lora_tui.commands.exits import exits, workspace_here
from lora_tui.commands.fork import search_folders
from lora_tui.commands.options import BAKE_NUMBER, LADDER_NUMBER, PATH, WORKSPACE
from trainer.errors import ExitCode, SettingsError
from trainer.text import plural, printable

_MAX = 1024


@click.group()
def cluster() -> None:
    """Run waiting bakes on other computers, over a Ray cluster (extra `ray`)."""


@cluster.command()
@click.argument("numbers", type=BAKE_NUMBER, nargs=-1, metavar="[N…]")
@click.option("--ladder", type=LADDER_NUMBER, metavar="L", help="Run the waiting bakes of ladder L, held ones too.")
@click.option(
    "--address",
    default="local",
    metavar="ADDRESS",
    help="Of the cluster: `auto`, `HOST:6379`, `ray://HOST:10001`; `local` (default) starts one on this computer.",
)
@click.option(
    "--workers",
    type=int,
    metavar="K",
    help="Bakes at the same time (default: one for each GPU, without GPUs one for each computer).",
)
@click.option("--threads", type=int, default=1, metavar="T", help="CPU threads of each bake (default: 1).")
@click.option(
    "--find",
    "look_in",
    type=PATH,
    multiple=True,
    metavar="FOLDER",
    help="Let workers search this folder of theirs, by hash, before a model or picture is copied to them; repeatable.",
)
@click.option("--scratch", default="", metavar="FOLDER", help="Folder of the workers for their copies and workspaces.")
@WORKSPACE
@exits
def run(
    numbers: tuple[int, ...],
    ladder: int | None,
    address: str,
    workers: int | None,
    threads: int,
    look_in: tuple[Path, ...],
    scratch: str,
    folder: Path | None,
) -> ExitCode:
    """Run bakes on the workers of a Ray cluster, and bring them home while they run.

    Without numbers: every bake that waits for no engine. A lost worker's bake continues elsewhere from its newest state.
    """
    from lora_tui.headless.follow import Signals
    from trainer.cluster.ray_workers import LOCAL, RayPool
    from trainer.cluster.run import ClusterRun, bakes_to_run, take_bakes
    from trainer.journal.journal import Journal
    from trainer.machine.engines import register_engine
    from trainer.workspace import check_writable, remember_workspace

    for option, number in (("--workers", workers), ("--threads", threads)):
        if number is not None and not 0 < number <= _MAX:
            raise SettingsError(option, found=f"{number:,}", expected=f"a whole number from 1 to {_MAX:,}")
    workspace = workspace_here(folder)
    check_writable(workspace)
    if address == LOCAL:
        search_folders(look_in)
    key = uuid.uuid4().hex
    with Journal(workspace.journal_path) as journal:
        journal.bakes.mark_lost()
        bakes = bakes_to_run(journal, workspace, numbers, ladder)
        if not bakes:
            click.echo("no bake waits")
            return ExitCode.DONE
        look_here = [str(each) for each in look_in]
        pool = RayPool(workspace, address, workers=workers, threads=threads, look_in=look_here, scratch=scratch)
        try:
            register_engine(key, workspace.root, takes_queue=False)
            taken = take_bakes(journal, bakes, key)
            remember_workspace(workspace)
            click.echo(
                f"{plural(len(taken), 'bake')} for {plural(pool.count, 'worker')} of {printable(_name(address))}"
            )
            with Signals() as signals:
                code = ClusterRun(journal, workspace, pool, key, _say, lambda: signals.code is not None).run()
                return signals.code or code
        finally:
            pool.close()


def _name(address: str) -> str:
    return socket.gethostname() if address == "local" else address


def _say(line: str) -> None:
    click.echo(printable(line))
    sys.stdout.flush()
